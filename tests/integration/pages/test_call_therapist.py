"""What a call says of its therapist, and what staff note about them."""

from datetime import date

import pytest

from services.models import CallReason, CallStatus
from shared.database import SessionFactory
from tests.factories import NOW, make_call, make_therapist
from tests.integration.conftest import Client, submit
from tests.integration.pages.conftest import load_call, outcome, stored


async def test_a_hint_is_kept_for_whoever_calls_next(staff_client: Client, call: int):
    answer = await submit(
        staff_client, f"/calls/{call}/hint", {"version": 1, "text": "Erst ab elf"}, htmx=True
    )
    assert '<p class="banner">Erst ab elf</p>' in answer.text
    stale = await submit(staff_client, f"/calls/{call}/hint", {"version": 1, "text": "Nie"}, htmx=True)
    assert stale.status_code == 409
    assert ">Nie</textarea>" in stale.text
    assert '<details class="known-more" open>' in stale.text
    form = {"version": 1, "flag": "1", "text": "Umgezogen"}
    stale = await submit(staff_client, f"/calls/{call}/do-not-call", form, htmx=True)
    assert stale.status_code == 409
    assert 'value="Umgezogen"' in stale.text


async def test_do_not_call_ends_the_automatic_calls(staff_client: Client, sessions: SessionFactory):
    await stored(sessions, make_therapist(), make_call(id=7, grund=CallReason.NO_REPLY))
    form = {"version": 1, "flag": "1", "text": "Nur per E-Mail"}
    answer = await submit(staff_client, "/calls/7/do-not-call", form, htmx=True)
    assert "Does not want to be called: Nur per E-Mail" in answer.text
    assert (await load_call(sessions, 7)).status == CallStatus.CANCELED
    again = await submit(staff_client, "/calls/7/do-not-call", {"version": 2}, htmx=True)
    assert "Does not want to be called" not in again.text


async def test_who_hears_do_not_call_on_the_phone_can_still_say_what_came_of_the_call(
    staff_client: Client, sessions: SessionFactory
):
    await stored(sessions, make_therapist(), make_call(id=7, grund=CallReason.NO_REPLY))
    await submit(staff_client, "/calls/7/claim", htmx=True)
    await submit(staff_client, "/calls/7/draft", {"version": 1, "ergebnis": "Will nur Post"}, htmx=True)
    form = {"version": 1, "flag": "1", "text": "Nur per E-Mail"}
    answer = await submit(staff_client, "/calls/7/do-not-call", form, htmx=True)
    assert "Will nur Post</textarea>" in answer.text
    await outcome(staff_client, 7, ergebnis_art="erreicht", ergebnis="Will nur Post")
    assert (await load_call(sessions, 7)).status == CallStatus.COMPLETED


async def test_a_hint_saved_beside_the_call_is_confirmed(staff_client: Client, call: int):
    panel = (await submit(staff_client, f"/calls/{call}/claim", htmx=True)).text
    assert "Hint, absence, no calls" in panel
    form = panel.split(f'action="/calls/{call}/hint"')[1].split("</form>")[0]
    version = form.split('name="version" value="')[1].split('"')[0]
    answer = await submit(
        staff_client, f"/calls/{call}/hint", {"version": version, "text": "Laut sprechen"}, htmx=True
    )
    assert "The hint is saved." in answer.text


async def test_blocking_calls_says_what_it_does_before_and_after(staff_client: Client, call: int):
    panel = (await submit(staff_client, f"/calls/{call}/claim", htmx=True)).text
    form = panel.split(f'action="/calls/{call}/do-not-call"')[1].split("</form>")[0]
    button = form.index("<button")
    assert form.index("Automatic calls that are planned are cancelled") < button
    assert form.index('id="nicht_anrufen_grund"') < button
    assert 'class="call-left"' in panel
    version = form.split('name="version" value="')[1].split('"')[0]
    fields = {"version": version, "flag": "1", "text": "Nur schriftlich"}
    answer = await submit(staff_client, f"/calls/{call}/do-not-call", fields, htmx=True)
    assert "Nobody is called here any more; planned automatic calls are cancelled." in answer.text
    assert "Does not want to be called: Nur schriftlich" in answer.text
    assert "Save and next" in answer.text
    assert 'class="call-left"' not in answer.text
    lifted = await submit(
        staff_client, f"/calls/{call}/do-not-call", {"version": int(version) + 1}, htmx=True
    )
    assert "Dr. Jürgen Schmidt may be called again." in lifted.text


@pytest.mark.parametrize(
    ("day", "at", "outside"),
    [
        ("2026-10-15", "10:30", False),
        ("2026-10-15", "20:30", True),
        ("2026-10-17", "10:30", True),
        ("", "10:30", False),
        ("2026-10-17", "halb elf", False),
    ],
)
async def test_a_time_outside_the_phone_hours_is_named_before_saving(
    staff_client: Client, call: int, day: str, at: str, outside: bool
):
    params = {"geplantes_datum": day, "geplante_zeit": at}
    answer = await staff_client.get(f"/calls/{call}/agreed-time", params=params)
    assert answer.status_code == 200
    assert ("Outside the phone hours" in answer.text) is outside


async def test_a_time_agreed_with_somebody_unknown_is_nothing_unusual(
    staff_client: Client, sessions: SessionFactory
):
    await stored(sessions, make_call(id=7, therapist_id=99))
    params = {"geplantes_datum": "2026-10-17", "geplante_zeit": "20:30"}
    answer = await staff_client.get("/calls/7/agreed-time", params=params)
    assert (answer.status_code, answer.text.strip()) == (200, "")


async def test_an_absence_heard_on_the_phone_moves_other_calls_and_keeps_the_one_in_hand(
    staff_client: Client, sessions: SessionFactory
):
    await stored(
        sessions,
        make_therapist(),
        make_call(id=71),
        make_call(id=72, geplantes_datum=date(2026, 10, 16)),
    )
    panel = (await submit(staff_client, "/calls/71/claim", htmx=True)).text
    assert "Planned calls move behind it" in panel
    missing = await submit(staff_client, "/calls/71/absence", {"version": 1, "text": ""}, htmx=True)
    assert missing.status_code == 422
    assert "Give the first day back, after today." in missing.text
    form = {"version": 1, "text": "2026-10-26"}
    saved = (await submit(staff_client, "/calls/71/absence", form, htmx=True)).text
    assert "Dr. Jürgen Schmidt is absent and back on Mon 26 Oct. 1 call is moved behind it." in saved
    assert "Absent, back on Mon 26 Oct (heard on the phone on Wed 14 Oct)." in saved
    assert "Mon 26 Oct" in saved.split('id="next-attempt"')[-1]
    assert (await load_call(sessions, 71)).geplantes_datum == date(2026, 10, 14)
    assert (await load_call(sessions, 72)).geplantes_datum == date(2026, 10, 26)
    lifted = await submit(staff_client, "/calls/71/absence", {"version": 2, "flag": "1"}, htmx=True)
    assert "is there again. Planned calls stay where they are." in lifted.text
    assert "Absent, back on" not in lifted.text
    assert (await load_call(sessions, 72)).geplantes_datum == date(2026, 10, 26)


async def test_who_is_away_stands_apart_on_the_board_with_the_reason(
    staff_client: Client, sessions: SessionFactory
):
    until = {"wieder_da_am": date(2026, 10, 26), "abwesend_laut": "notiz", "abwesend_seit": NOW}
    await stored(sessions, make_therapist(**until), make_call(id=71))
    page = (await staff_client.get("/")).text
    apart = page.split('class="group group-unreachable"')[1]
    assert "Absent, back on Mon 26 Oct" in apart
    looked = (await staff_client.get("/calls/71")).text
    assert "Absent, back on Mon 26 Oct (according to an out-of-office note of Wed 14 Oct)." in looked
    assert "Take this call" in looked
