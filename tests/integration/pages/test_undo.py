"""Taking an outcome back, and what is typed meanwhile."""

from services.calls.changes import CallChanges, change_call
from services.models import CallStatus, Staff
from services.rules import DeskRules
from services.work import API
from shared.database import SessionFactory
from tests.clock import FakeClock
from tests.factories import make_call, make_therapist
from tests.integration.conftest import Client, submit
from tests.integration.pages.conftest import load_call, outcome, stored
from tests.work import work_of


async def test_what_is_typed_is_kept_and_there_again_later(staff_client: Client, call: int):
    await submit(staff_client, f"/calls/{call}/claim", htmx=True)
    draft = {"ergebnis": "Halber Satz", "ergebnis_art": "besetzt"}
    answer = await submit(staff_client, f"/calls/{call}/draft", draft, htmx=True)
    assert answer.text.strip() == "Kept as a draft 10:42"
    await submit(staff_client, f"/calls/{call}/release", htmx=True)
    again = (await submit(staff_client, f"/calls/{call}/claim", htmx=True)).text
    assert ">Halber Satz</textarea>" in again
    assert 'value="besetzt" data-key="4" checked' in again


async def test_undo_brings_the_call_and_the_text_back(
    staff_client: Client, anna: Staff, call: int, sessions: SessionFactory, clock: FakeClock
):
    await submit(staff_client, f"/calls/{call}/claim", htmx=True)
    await outcome(staff_client, call, ergebnis_art="nicht_erreicht", ergebnis="Vertippt")
    clock.advance(seconds=14)
    answer = await submit(staff_client, f"/calls/{call}/undo", htmx=True)
    assert answer.status_code == 200
    assert ">Vertippt</textarea>" in answer.text
    back = await load_call(sessions, call)
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
        await change_call(work_of(session, now=clock(), rules=rules, actor=API), call, changes, version=None)
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


async def test_undo_says_whose_call_is_free_again_for_it(staff_client: Client, sessions: SessionFactory):
    await stored(sessions, make_therapist(), make_therapist(id=2, nachname="Lang"))
    await stored(sessions, make_call(id=7), make_call(id=8, therapist_id=2, leitung=2))
    await submit(staff_client, "/calls/7/claim", htmx=True)
    await outcome(staff_client, 7, ergebnis_art="erreicht")
    await submit(staff_client, "/calls/8/claim", htmx=True)
    undone = await submit(staff_client, "/calls/7/undo", htmx=True)
    assert "The outcome is taken back. Dr. Jürgen Lang is free again." in undone.text
