"""A call back agreed: from the form to the hint on every page of who agreed it, and back."""

from datetime import date, time

import pytest
from sqlalchemy import select

from services.models import CallReason, PhoneCall, Staff
from shared.database import SessionFactory
from tests.clock import FakeClock
from tests.factories import make_call, make_therapist
from tests.integration.conftest import PASSWORD, Client, submit
from tests.integration.pages.conftest import load_call, outcome, stored

AGREED = {
    "ergebnis_art": "rueckruf_vereinbart",
    "geplantes_datum": "2026-10-14",
    "geplante_zeit": "16:10",
    "rueckruf_durch": "therapeut",
}


async def following(sessions: SessionFactory, call_id: int) -> PhoneCall | None:
    async with sessions() as session:
        return await session.scalar(select(PhoneCall).where(PhoneCall.vorheriger_anruf_id == call_id))


@pytest.mark.parametrize("path", ["/", "/week", "/emails", "/system"])
async def test_who_agreed_it_hears_of_it_ten_minutes_before_on_every_page(
    staff_client: Client, call: int, ben: Staff, sessions: SessionFactory, clock: FakeClock, path: str
):
    await submit(staff_client, f"/calls/{call}/claim", htmx=True)
    answer = await outcome(staff_client, call, **AGREED)
    assert "Again Wed 14 Oct 16:10." in answer.text
    region = (await staff_client.get(path)).text.split('id="due-call-backs"')[1].split("</div>")[0]
    assert "Dr. Jürgen Schmidt" not in region
    assert 'data-refresh-at="2026-10-14T16:00:00+02:00"' in region
    agreed = await following(sessions, call)
    assert agreed is not None
    clock.now = clock.now.replace(hour=14, minute=0)
    await submit(staff_client, "/login", {"name": "Anna", "password": PASSWORD})
    region = (await staff_client.get(path)).text.split('id="due-call-backs"')[1].split("</div>")[0]
    assert 'role="status"' in region
    assert "Call back agreed for 16:10: Dr. Jürgen Schmidt." in region
    assert "They ring us." in region
    assert f'href="/calls/{agreed.id}"' in region
    live = await staff_client.get("/calls/due-call-backs", headers={"HX-Request": "true"})
    assert "16:10" in live.text
    panel = (await staff_client.get(f"/calls/{agreed.id}")).text
    assert "Agreed by Anna" in panel
    await submit(staff_client, f"/calls/{agreed.id}/claim", htmx=True)
    assert "16:10: Dr." not in (await staff_client.get("/calls/due-call-backs")).text
    await submit(staff_client, f"/calls/{agreed.id}/release", htmx=True)
    await submit(staff_client, "/logout")
    await submit(staff_client, "/login", {"name": "Ben", "password": PASSWORD})
    assert "16:10: Dr." not in (await staff_client.get(path)).text


@pytest.mark.parametrize("path", ["/calls/7/outcome", "/calls/next"])
@pytest.mark.parametrize("htmx", [True, False])
async def test_a_time_that_is_taken_is_said_and_the_form_kept(
    staff_client: Client, call: int, sessions: SessionFactory, path: str, htmx: bool
):
    await stored(sessions, make_call(id=8, geplante_zeit=time(16, 10), grund=CallReason.CALL_BACK, leitung=2))
    await submit(staff_client, f"/calls/{call}/claim", htmx=True)
    form = {**AGREED, "version": 1, "in_hand": call, "unsaved": "save", "ergebnis": "Will reden"}
    answer = await submit(staff_client, path, form, htmx=htmx)
    assert answer.status_code == 409
    assert "This therapist already has call 8 at 16:10" in answer.text
    assert ">Will reden</textarea>" in answer.text
    assert 'value="rueckruf_vereinbart" data-key="2" checked' in answer.text
    assert 'value="16:10"' in answer.text
    assert (await load_call(sessions, call)).status == "scheduled"


async def test_undo_takes_the_call_back_off_again(staff_client: Client, call: int, sessions: SessionFactory):
    await submit(staff_client, f"/calls/{call}/claim", htmx=True)
    await outcome(staff_client, call, **AGREED)
    answer = await submit(staff_client, f"/calls/{call}/undo", htmx=True)
    assert 'value="rueckruf_vereinbart" data-key="2" checked' in answer.text
    assert await following(sessions, call) is None


async def test_reached_says_what_follows_before_saving(staff_client: Client, call: int):
    answer = await staff_client.get(
        f"/calls/{call}/next-attempt",
        params={"ergebnis_art": "erreicht", "wieder_fragen_am": "2026-11-03"},
    )
    assert "Tue 3 Nov 10:00" in answer.text


async def test_what_was_offered_is_kept_and_a_wrong_number_replaced_everywhere(
    staff_client: Client, call: int, sessions: SessionFactory
):
    await submit(staff_client, f"/calls/{call}/claim", htmx=True)
    faulty = await outcome(staff_client, call, ergebnis_art="falsche_nummer", richtige_nummer="12")
    assert faulty.status_code == 422
    assert 'id="richtige_nummer-error"' in faulty.text
    assert 'value="12"' in faulty.text
    await outcome(staff_client, call, ergebnis_art="falsche_nummer", richtige_nummer="030 231 25103")
    again = await following(sessions, call)
    assert again is not None
    assert again.geplantes_datum == date(2026, 10, 14)
    panel = (await staff_client.get(f"/calls/{again.id}")).text
    assert 'href="tel:+493023125103"' in panel
    assert 'href="tel:+49301234567"' not in panel
    for q, found in (("030 23125103", True), ("5103", True), ("030 1234567", False)):
        page = (await staff_client.get("/search", params={"q": q})).text
        assert ("Jürgen Schmidt" in page) is found


async def test_saving_and_going_on_without_anybody_left_saves(
    staff_client: Client, call: int, sessions: SessionFactory
):
    await submit(staff_client, f"/calls/{call}/claim", htmx=True)
    form = {"version": 1, "in_hand": call, "unsaved": "save", "ergebnis_art": "erreicht", "plaetze": "2"}
    answer = await submit(staff_client, "/calls/next", form, htmx=True)
    assert "Reached, saved." in " ".join(answer.text.split())
    assert "Nobody can be reached right now" in answer.text or "No call" in answer.text
    saved = await load_call(sessions, call)
    assert (saved.status, saved.plaetze) == ("completed", 2)


async def test_the_save_button_takes_the_next_call_and_the_other_does_not(
    staff_client: Client, call: int, sessions: SessionFactory
):
    await stored(sessions, make_therapist(id=2), make_call(id=8, therapist_id=2, leitung=2))
    panel = (await submit(staff_client, f"/calls/{call}/claim", htmx=True)).text
    form = panel.split('id="outcome"')[1].split("</form>")[0]
    first, second = form.split("<button")[1:3]
    assert 'formaction="/calls/next" name="unsaved" value="save"' in first
    assert "formaction" not in second
