"""The call in hand: taking it, saying what came of it, taking that back."""

import asyncio
from datetime import date, time

import pytest
from sqlalchemy import select

from services.activity import API
from services.call_changes import CallChanges, change_call
from services.models import CallReason, CallStatus, PhoneCall, Staff
from services.rules import DeskRules
from services.staff import add_staff
from shared.database import SessionFactory
from tests.clock import FakeClock
from tests.factories import make_call, make_email, make_therapist
from tests.integration.conftest import PASSWORD, Client, submit
from tests.integration.test_page_today import group, stored


@pytest.fixture
async def call(sessions: SessionFactory) -> int:
    """A call to somebody who answers the phone right now, on each working day from ten to twelve."""
    await stored(sessions, make_therapist(), make_call(id=7))
    return 7


@pytest.fixture
async def ben(sessions: SessionFactory, clock: FakeClock) -> Staff:
    async with sessions() as session:
        return await add_staff(session, "Ben", PASSWORD, admin=False, now=clock())


async def row(sessions: SessionFactory, call_id: int) -> PhoneCall:
    async with sessions() as session:
        return await session.get_one(PhoneCall, call_id)


async def take_for(sessions: SessionFactory, call_id: int, member: Staff, clock: FakeClock) -> None:
    async with sessions() as session, session.begin():
        taken = await session.get_one(PhoneCall, call_id)
        taken.bearbeitet_von, taken.bearbeitet_bis = member.id, clock.now.replace(minute=52)


async def test_a_call_is_taken_with_all_that_is_known(
    staff_client: Client, anna: Staff, sessions: SessionFactory, clock: FakeClock
):
    mail = make_email(id=3, status="SENT", sent_at=clock.now.replace(day=7), betreff="Anfrage Oktober")
    hint = "Nach Dr. Haddad fragen."
    await stored(sessions, make_therapist(anruf_hinweis=hint), mail)
    await stored(sessions, make_call(id=7, email_id=3, grund=CallReason.NO_REPLY, notizen="Bündel 456"))
    answer = await submit(staff_client, "/calls/7/claim", htmx=True)
    assert answer.status_code == 200
    for text in (
        "Dr. Jürgen Schmidt",
        'href="tel:+49301234567"',
        'data-copy="030 1234567"',
        hint,
        "Bündel 456",
        'href="/emails/3"',
        "unanswered for 7 days",
        "10:00–12:00",
        "Save the outcome",
    ):
        assert text in answer.text
    assert (await row(sessions, 7)).bearbeitet_von == anna.id


async def test_without_script_taking_a_call_leads_to_its_page(staff_client: Client, call: int):
    answer = await submit(staff_client, f"/calls/{call}/claim")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/calls/7#panel"
    page = (await staff_client.get("/calls/7")).text
    assert "<html" in page
    assert "In your hands" in page


async def test_the_call_in_hand_is_open_again_after_a_reload(staff_client: Client, call: int):
    await submit(staff_client, f"/calls/{call}/claim")
    assert "Save the outcome" in (await staff_client.get("/")).text


async def test_next_takes_the_call_whose_window_closes_first(
    staff_client: Client, anna: Staff, call: int, sessions: SessionFactory
):
    soon_over = {"wednesday": [{"start": "10:00", "end": "10:50"}]}
    await stored(
        sessions,
        make_therapist(id=2, nachname="Eile", telefonische_erreichbarkeit=soon_over),
        make_call(id=8, therapist_id=2, leitung=2),
    )
    answer = await submit(staff_client, "/calls/next", htmx=True)
    assert "Eile</h2>" in answer.text
    assert (await row(sessions, 8)).bearbeitet_von == anna.id


async def test_next_says_why_when_nobody_can_be_reached(staff_client: Client):
    answer = await submit(staff_client, "/calls/next", htmx=True)
    assert "Nobody can be reached right now." in answer.text
    assert "No call is open today." in answer.text


async def test_a_call_in_a_colleagues_hands_is_shown_but_not_taken(
    staff_client: Client, call: int, ben: Staff, sessions: SessionFactory, clock: FakeClock
):
    await take_for(sessions, call, ben, clock)
    answer = await submit(staff_client, f"/calls/{call}/claim", htmx=True)
    assert answer.status_code == 409
    assert "Ben has this therapist on the phone right now." in answer.text
    assert "Save the outcome" not in answer.text


async def test_releasing_a_call_frees_it_and_offers_the_next(
    staff_client: Client, call: int, sessions: SessionFactory
):
    await submit(staff_client, f"/calls/{call}/claim", htmx=True)
    answer = await submit(staff_client, f"/calls/{call}/release", htmx=True)
    assert "The call is free again." in answer.text
    assert "Next in line" in answer.text
    assert (await row(sessions, call)).bearbeitet_von is None


async def test_an_open_panel_keeps_its_call_and_is_told_when_it_is_gone(
    staff_client: Client, call: int, ben: Staff, sessions: SessionFactory, clock: FakeClock
):
    await submit(staff_client, f"/calls/{call}/claim", htmx=True)
    clock.advance(minutes=8)
    assert (await submit(staff_client, f"/calls/{call}/renew", htmx=True)).status_code == 204
    await take_for(sessions, call, ben, clock)
    answer = await submit(staff_client, f"/calls/{call}/renew", htmx=True)
    assert answer.status_code == 409
    assert "The claim on this call has ended." in answer.text


async def outcome(client: Client, call: int, htmx: bool = True, **fields: object):
    return await submit(client, f"/calls/{call}/outcome", {"version": 1, **fields}, htmx=htmx)


async def test_reached_closes_the_call_and_offers_undo(
    staff_client: Client, call: int, sessions: SessionFactory
):
    await submit(staff_client, f"/calls/{call}/claim", htmx=True)
    answer = await outcome(staff_client, call, ergebnis_art="erreicht", ergebnis="Zwei Plätze ab Mai")
    assert answer.status_code == 200
    assert "Reached, saved." in " ".join(answer.text.split())
    assert f'hx-post="/calls/{call}/undo"' in answer.text
    assert "<b>1</b> done" in answer.text
    saved = await row(sessions, call)
    assert (saved.status, saved.ergebnis) == (CallStatus.COMPLETED, "Zwei Plätze ab Mai")


async def test_not_reached_says_when_the_next_attempt_is(
    staff_client: Client, call: int, sessions: SessionFactory
):
    panel = (await submit(staff_client, f"/calls/{call}/claim", htmx=True)).text
    assert '<span class="again-when">Thu 15 Oct 10:00</span>' in panel
    answer = await outcome(staff_client, call, ergebnis_art="nicht_erreicht")
    assert "Again Thu 15 Oct 10:00." in answer.text
    assert (await row(sessions, call)).status == CallStatus.FAILED


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"ergebnis_art": "nicht_erreicht", "genauer": "besetzt"}, "Wed 14 Oct 11:15"),
        ({"ergebnis_art": "nicht_erreicht", "wiederholen_nach": "2026-10-19"}, "Mon 19 Oct 10:00"),
        ({"ergebnis_art": "nicht_erreicht", "genauer": "falsche_nummer"}, "find the right number"),
        ({"ergebnis_art": "verschoben"}, "Thu 15 Oct 10:00"),
        ({"ergebnis_art": "erreicht"}, "No further attempt."),
    ],
)
async def test_the_next_attempt_is_shown_before_saving(
    staff_client: Client, call: int, fields: dict[str, str], expected: str
):
    answer = await staff_client.get(f"/calls/{call}/next-attempt", params=fields)
    assert expected in answer.text


@pytest.mark.parametrize(
    "place", [{}, {"wohin": "termin", "geplantes_datum": "2026-10-16", "geplante_zeit": "15:30"}]
)
async def test_a_postponed_call_moves(
    staff_client: Client, call: int, sessions: SessionFactory, place: dict[str, str]
):
    await submit(staff_client, f"/calls/{call}/claim", htmx=True)
    await outcome(staff_client, call, ergebnis_art="verschoben", **place)
    moved = await row(sessions, call)
    wanted = (date(2026, 10, 16), time(15, 30)) if place else (date(2026, 10, 15), time(10))
    assert (moved.geplantes_datum, moved.geplante_zeit) == wanted
    assert moved.status == CallStatus.SCHEDULED


@pytest.mark.parametrize("htmx", [True, False])
async def test_a_faulty_form_comes_back_with_what_was_typed(staff_client: Client, call: int, htmx: bool):
    await submit(staff_client, f"/calls/{call}/claim", htmx=True)
    fields = {"wohin": "termin", "geplantes_datum": "2026-10-13", "geplante_zeit": "10:00"}
    answer = await outcome(
        staff_client, call, htmx=htmx, ergebnis_art="verschoben", ergebnis="Getipptes", **fields
    )
    assert answer.status_code == 422
    assert '<a href="#geplantes_datum">This date is in the past.</a>' in answer.text
    assert 'id="geplantes_datum-error"' in answer.text
    assert ">Getipptes</textarea>" in answer.text
    assert ("<title>Error:" in answer.text) is not htmx


@pytest.mark.parametrize("htmx", [True, False])
async def test_a_form_older_than_somebodys_change_is_refused_and_the_text_kept(
    staff_client: Client, call: int, ben: Staff, sessions: SessionFactory, htmx: bool
):
    await submit(staff_client, f"/calls/{call}/claim", htmx=True)
    await submit(staff_client, f"/calls/{call}/release", htmx=True)
    await submit(staff_client, "/logout")
    await submit(staff_client, "/login", {"name": "Ben", "password": PASSWORD})
    await outcome(staff_client, call, ergebnis_art="erreicht")
    await submit(staff_client, "/login", {"name": "Anna", "password": PASSWORD})
    answer = await outcome(
        staff_client, call, htmx=htmx, ergebnis_art="abgesagt", ergebnis="Mein langer Text"
    )
    assert answer.status_code == 409
    assert "Ben recorded an outcome for this call at 10:42." in answer.text
    assert "Mein langer Text" in answer.text
    assert (await row(sessions, call)).status == CallStatus.COMPLETED


async def test_the_panel_hears_of_a_change_by_somebody_else(
    staff_client: Client, call: int, ben: Staff, sessions: SessionFactory, clock: FakeClock
):
    await submit(staff_client, f"/calls/{call}/claim", htmx=True)
    quiet = await staff_client.get(f"/calls/{call}/state", params={"version": 1})
    assert quiet.text.strip() == ""
    await take_for(sessions, call, ben, clock)
    told = await staff_client.get(f"/calls/{call}/state", params={"version": 1})
    assert "Ben has this therapist on the phone right now." in told.text


async def test_what_is_typed_is_kept_and_there_again_later(staff_client: Client, call: int):
    await submit(staff_client, f"/calls/{call}/claim", htmx=True)
    draft = {"ergebnis": "Halber Satz", "ergebnis_art": "nicht_erreicht", "genauer": "besetzt"}
    answer = await submit(staff_client, f"/calls/{call}/draft", draft, htmx=True)
    assert answer.text.strip() == "Kept as a draft 10:42"
    await submit(staff_client, f"/calls/{call}/release", htmx=True)
    again = (await submit(staff_client, f"/calls/{call}/claim", htmx=True)).text
    assert ">Halber Satz</textarea>" in again
    assert 'value="besetzt" data-key="b" checked' in again


async def test_undo_brings_the_call_and_the_text_back(
    staff_client: Client, anna: Staff, call: int, sessions: SessionFactory, clock: FakeClock
):
    await submit(staff_client, f"/calls/{call}/claim", htmx=True)
    await outcome(staff_client, call, ergebnis_art="nicht_erreicht", ergebnis="Vertippt")
    clock.advance(seconds=14)
    answer = await submit(staff_client, f"/calls/{call}/undo", htmx=True)
    assert answer.status_code == 200
    assert ">Vertippt</textarea>" in answer.text
    back = await row(sessions, call)
    assert (back.status, back.bearbeitet_von) == (CallStatus.SCHEDULED, anna.id)


async def test_undo_brings_back_no_older_text(staff_client: Client, call: int):
    await submit(staff_client, f"/calls/{call}/claim", htmx=True)
    await outcome(staff_client, call, ergebnis_art="verschoben", ergebnis="Von damals")
    await submit(staff_client, f"/calls/{call}/plan-anew", htmx=True)
    await submit(staff_client, f"/calls/{call}/undo", htmx=True)
    again = await submit(staff_client, f"/calls/{call}/claim", htmx=True)
    assert "Von damals</textarea>" not in again.text


async def test_what_was_on_its_way_when_the_outcome_was_saved_is_no_draft_any_more(
    staff_client: Client, call: int
):
    await submit(staff_client, f"/calls/{call}/claim", htmx=True)
    typed = {"version": 1, "ergebnis_art": "verschoben", "ergebnis": "Schon gespeichert"}
    await outcome(staff_client, call, **typed)
    await submit(staff_client, f"/calls/{call}/draft", typed, htmx=True)
    again = await submit(staff_client, f"/calls/{call}/claim", htmx=True)
    assert "Schon gespeichert</textarea>" not in again.text


async def test_what_is_typed_about_a_call_that_was_cancelled_meanwhile_stays_readable(
    staff_client: Client, call: int, sessions: SessionFactory, clock: FakeClock, rules: DeskRules
):
    await submit(staff_client, f"/calls/{call}/claim", htmx=True)
    async with sessions() as session:
        changes = CallChanges(status=CallStatus.CANCELED)
        await change_call(session, call, changes, version=None, now=clock(), actor=API, rules=rules)
    await submit(staff_client, f"/calls/{call}/draft", {"version": 1, "ergebnis": "Halber Satz"}, htmx=True)
    assert "Halber Satz</textarea>" in (await staff_client.get(f"/calls/{call}")).text


async def test_after_its_time_undo_is_refused_in_words(staff_client: Client, call: int, clock: FakeClock):
    await submit(staff_client, f"/calls/{call}/claim", htmx=True)
    await outcome(staff_client, call, ergebnis_art="erreicht")
    clock.advance(seconds=16)
    answer = await submit(staff_client, f"/calls/{call}/undo", htmx=True)
    assert answer.status_code == 409
    assert "This can't be undone any more." in answer.text.replace("&#39;", "'")


async def test_without_script_the_page_after_saving_offers_undo(staff_client: Client, call: int):
    await submit(staff_client, f"/calls/{call}/claim")
    answer = await outcome(staff_client, call, htmx=False, ergebnis_art="verschoben")
    assert answer.headers["location"] == f"/?saved={call}"
    page = (await staff_client.get(answer.headers["location"])).text
    assert "moved to Thu 15 Oct 10:00." in page
    assert f'action="/calls/{call}/undo"' in page


async def test_an_overdue_call_planned_anew_goes_to_the_next_window(
    staff_client: Client, sessions: SessionFactory
):
    friday = {"friday": [{"start": "10:00", "end": "12:00"}]}
    await stored(sessions, make_therapist(telefonische_erreichbarkeit=friday))
    await stored(sessions, make_call(id=7, geplantes_datum=date(2026, 10, 9)))
    answer = await submit(staff_client, "/calls/7/plan-anew", htmx=True)
    assert "moved to Fri 16 Oct 10:00." in answer.text


async def test_undo_stays_on_offer_while_the_work_goes_on(staff_client: Client, sessions: SessionFactory):
    await stored(sessions, make_therapist(), make_therapist(id=2))
    await stored(sessions, make_call(id=7), make_call(id=8, therapist_id=2, leitung=2))
    await submit(staff_client, "/calls/7/claim", htmx=True)
    saved = await outcome(staff_client, 7, ergebnis_art="erreicht")
    assert 'hx-post="/calls/7/undo"' in saved.text
    for path in ("/calls/next", "/calls/8/release"):
        going_on = await submit(staff_client, path, htmx=True)
        assert 'id="status" hx-swap-oob' not in going_on.text
    undone = await submit(staff_client, "/calls/7/undo", htmx=True)
    assert '<div id="status" hx-swap-oob="innerHTML">' in undone.text
    assert "The outcome is taken back." in undone.text
    assert "/calls/7/undo" not in undone.text


async def test_two_ring_backs_at_once_make_one_call(
    staff_client: Client, call: int, sessions: SessionFactory
):
    await stored(sessions, make_therapist(id=2))
    answers = await asyncio.gather(*(submit(staff_client, "/ring-backs/2", htmx=True) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {200}
    async with sessions() as session:
        made = await session.scalars(select(PhoneCall.id).where(PhoneCall.therapist_id == 2))
        assert len(list(made)) == 1


async def test_a_ring_back_takes_the_open_call(
    staff_client: Client, anna: Staff, call: int, sessions: SessionFactory
):
    await submit(staff_client, "/ring-backs/1", htmx=True)
    assert (await row(sessions, call)).bearbeitet_von == anna.id


async def test_a_ring_back_without_an_open_call_makes_one_at_once(
    staff_client: Client, anna: Staff, sessions: SessionFactory
):
    await stored(sessions, make_therapist(nicht_anrufen=True))
    answer = await submit(staff_client, "/ring-backs/1", htmx=True)
    assert "In your hands" in answer.text
    made = await row(sessions, 1)
    assert (made.grund, made.bearbeitet_von) == (CallReason.CALL_BACK, anna.id)
    assert (made.geplantes_datum, made.geplante_zeit) == (date(2026, 10, 14), time(10, 42))


async def test_a_call_that_asks_for_a_person_can_be_settled(
    staff_client: Client, call: int, sessions: SessionFactory
):
    await submit(staff_client, f"/calls/{call}/claim", htmx=True)
    await outcome(staff_client, call, ergebnis_art="nicht_erreicht", genauer="falsche_nummer")
    assert "Decision needed" in (await staff_client.get("/")).text
    await submit(staff_client, f"/calls/{call}/settle", htmx=True)
    assert "Decision needed" not in (await staff_client.get("/")).text


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
    assert (await row(sessions, 7)).status == CallStatus.CANCELED
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
    assert (await row(sessions, 7)).status == CallStatus.COMPLETED


async def test_a_closed_call_names_its_own_next_attempt_only(staff_client: Client, sessions: SessionFactory):
    await stored(sessions, make_therapist(), make_call(id=7))
    await stored(sessions, make_call(id=8, geplantes_datum=date(2026, 10, 20), grund=CallReason.CALL_BACK))
    await submit(staff_client, "/calls/7/claim", htmx=True)
    await outcome(staff_client, 7, ergebnis_art="erreicht")
    assert "Next attempt" not in (await staff_client.get("/calls/7")).text


async def test_who_was_busy_waits_for_the_next_attempt(staff_client: Client, call: int):
    await submit(staff_client, f"/calls/{call}/claim", htmx=True)
    answer = await outcome(staff_client, call, ergebnis_art="nicht_erreicht", genauer="besetzt")
    assert "/claim" not in group(answer.text, "now")
    assert "11:15–12:00" in group(answer.text, "soon")


async def test_a_call_that_does_not_exist_is_not_found(staff_client: Client):
    assert (await staff_client.get("/calls/99")).status_code == 404


async def test_taking_another_call_says_whose_is_free_again(staff_client: Client, sessions: SessionFactory):
    await stored(sessions, *(make_therapist(id=n, nachname=f"Nr{n}") for n in (1, 2)))
    await stored(sessions, *(make_call(id=6 + n, therapist_id=n, leitung=n) for n in (1, 2)))
    first = await submit(staff_client, "/calls/7/claim", htmx=True)
    assert "is free again" not in first.text
    await submit(staff_client, "/calls/7/draft", {"version": 1, "ergebnis": "Halber Satz"}, htmx=True)
    answer = await submit(staff_client, "/calls/next", htmx=True)
    assert "Dr. Jürgen Nr1 is free again; your note is kept." in answer.text
    for path in ("/calls/7/claim", "/ring-backs/2"):
        answer = await submit(staff_client, path, htmx=True)
        assert "is free again" in answer.text
    assert "is free again" not in (await submit(staff_client, "/ring-backs/2", htmx=True)).text


async def test_a_hint_saved_beside_the_call_is_confirmed(staff_client: Client, call: int):
    panel = (await submit(staff_client, f"/calls/{call}/claim", htmx=True)).text
    assert "Add a hint or block calls" in panel
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
    assert "Save the outcome" in answer.text
    assert 'class="call-left"' not in answer.text
    lifted = await submit(
        staff_client, f"/calls/{call}/do-not-call", {"version": int(version) + 1}, htmx=True
    )
    assert "This therapist may be called again." in lifted.text


async def test_no_time_is_left_on_a_closed_call(staff_client: Client, call: int):
    await submit(staff_client, f"/calls/{call}/claim", htmx=True)
    await outcome(staff_client, call, ergebnis_art="erreicht")
    assert 'class="call-left"' not in (await staff_client.get(f"/calls/{call}")).text


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
