"""The outcome form of the call in hand."""

from datetime import date, time

import pytest

from services.models import CallReason, CallStatus, Staff
from shared.database import SessionFactory
from tests.factories import make_call, make_therapist
from tests.integration.conftest import PASSWORD, Client, submit
from tests.integration.pages.conftest import group, load_call, outcome, stored


async def test_not_reached_says_when_the_next_attempt_is(
    staff_client: Client, call: int, sessions: SessionFactory
):
    panel = (await submit(staff_client, f"/calls/{call}/claim", htmx=True)).text
    assert '<span class="again-when">Thu 15 Oct 10:00</span>' in panel
    answer = await outcome(staff_client, call, ergebnis_art="nicht_erreicht")
    assert "Again Thu 15 Oct 10:00." in answer.text
    assert (await load_call(sessions, call)).status == CallStatus.FAILED


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"ergebnis_art": "besetzt"}, "Wed 14 Oct 11:15"),
        ({"ergebnis_art": "nicht_erreicht", "wiederholen_nach": "2026-10-19"}, "Mon 19 Oct 10:00"),
        ({"ergebnis_art": "falsche_nummer"}, "find the right number"),
        ({"ergebnis_art": "verschoben"}, "Thu 15 Oct 10:00"),
        ({"ergebnis_art": "erreicht", "wieder_fragen_am": "2026-10-20"}, "Tue 20 Oct 10:00"),
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
    moved = await load_call(sessions, call)
    wanted = (date(2026, 10, 16), time(15, 30)) if place else (date(2026, 10, 15), time(10))
    assert (moved.geplantes_datum, moved.geplante_zeit) == wanted
    assert moved.status == CallStatus.SCHEDULED


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
    assert (await load_call(sessions, call)).status == CallStatus.COMPLETED


async def test_an_overdue_call_planned_anew_goes_to_the_next_window(
    staff_client: Client, sessions: SessionFactory
):
    friday = {"friday": [{"start": "10:00", "end": "12:00"}]}
    await stored(sessions, make_therapist(telefonische_erreichbarkeit=friday))
    await stored(sessions, make_call(id=7, geplantes_datum=date(2026, 10, 9)))
    answer = await submit(staff_client, "/calls/7/plan-anew", htmx=True)
    assert "moved to Fri 16 Oct 10:00." in answer.text


async def test_planning_anew_keeps_what_was_typed_about_the_call(staff_client: Client, call: int):
    await submit(staff_client, f"/calls/{call}/claim", htmx=True)
    await submit(staff_client, f"/calls/{call}/draft", {"version": 1, "ergebnis": "Halber Satz"}, htmx=True)
    await submit(staff_client, f"/calls/{call}/plan-anew", htmx=True)
    assert "Halber Satz</textarea>" in (await staff_client.get(f"/calls/{call}")).text


async def test_a_call_that_asks_for_a_person_can_be_settled(
    staff_client: Client, call: int, sessions: SessionFactory
):
    await submit(staff_client, f"/calls/{call}/claim", htmx=True)
    await outcome(staff_client, call, ergebnis_art="falsche_nummer")
    assert "Decision needed" in (await staff_client.get("/")).text
    await submit(staff_client, f"/calls/{call}/settle", htmx=True)
    assert "Decision needed" not in (await staff_client.get("/")).text


async def test_a_closed_call_names_its_own_next_attempt_only(staff_client: Client, sessions: SessionFactory):
    await stored(sessions, make_therapist(), make_call(id=7))
    await stored(sessions, make_call(id=8, geplantes_datum=date(2026, 10, 20), grund=CallReason.CALL_BACK))
    await submit(staff_client, "/calls/7/claim", htmx=True)
    await outcome(staff_client, 7, ergebnis_art="erreicht")
    assert "Next attempt" not in (await staff_client.get("/calls/7")).text


async def test_who_was_busy_waits_for_the_next_attempt(staff_client: Client, call: int):
    await submit(staff_client, f"/calls/{call}/claim", htmx=True)
    answer = await outcome(staff_client, call, ergebnis_art="besetzt")
    assert "/claim" not in group(answer.text, "now")
    assert "11:15–12:00" in group(answer.text, "soon")


async def test_no_time_is_left_on_a_closed_call(staff_client: Client, call: int):
    await submit(staff_client, f"/calls/{call}/claim", htmx=True)
    await outcome(staff_client, call, ergebnis_art="erreicht")
    assert 'class="call-left"' not in (await staff_client.get(f"/calls/{call}")).text


async def test_reached_closes_the_call_and_offers_undo(
    staff_client: Client, call: int, sessions: SessionFactory
):
    await submit(staff_client, f"/calls/{call}/claim", htmx=True)
    answer = await outcome(staff_client, call, ergebnis_art="erreicht", ergebnis="Zwei Plätze ab Mai")
    assert answer.status_code == 200
    assert "Reached, saved." in " ".join(answer.text.split())
    assert f'hx-post="/calls/{call}/undo"' in answer.text
    assert "<b>1</b> done" in answer.text
    saved = await load_call(sessions, call)
    assert (saved.status, saved.ergebnis) == (CallStatus.COMPLETED, "Zwei Plätze ab Mai")


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
