"""Calls that ask for a decision say why and how to go on; what was noted by mistake is taken back."""

from datetime import date, time
from typing import Any

import pytest
from sqlalchemy import select

from services.models import Activity, CallReason, CallStatus, NoRetry, OutcomeKind, PhoneCall, Staff
from shared.database import SessionFactory
from tests.factories import NOW, make_call, make_therapist
from tests.integration.conftest import PASSWORD, Client, submit
from tests.integration.pages.conftest import group, load_call, outcome, stored

UNDECIDED: dict[str, Any] = {
    "status": CallStatus.FAILED,
    "ergebnis_art": OutcomeKind.NOT_REACHED,
    "abgeschlossen_at": NOW,
    "klaerung_noetig": True,
}


@pytest.fixture
async def undecided(sessions: SessionFactory) -> int:
    await stored(sessions, make_therapist(), make_call(id=7, notizen="Bündel 4", **UNDECIDED))
    return 7


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (NoRetry.WRONG_NUMBER, "Wrong number"),
        (NoRetry.ATTEMPTS_USED_UP, "All attempts are used up"),
        (NoRetry.NOT_TO_BE_CALLED, "Not to be called"),
        (NoRetry.UNKNOWN_THERAPIST, "Not in the therapist directory"),
        (NoRetry.NO_WINDOW, "No phone hours within the desk's hours"),
        (NoRetry.HOURS_TOO_SHORT, "Phone hours too short for the call"),
        (NoRetry.UNREADABLE_HOURS, "Phone hours can't be read"),
        (NoRetry.NO_FREE_SLOT, "No time is free in the next weeks"),
        (None, "No further attempt was possible"),
    ],
)
async def test_list_and_panel_say_why_and_the_panel_how_to_go_on(
    staff_client: Client, sessions: SessionFactory, reason: NoRetry | None, words: str
):
    await stored(sessions, make_therapist(), make_call(id=7, klaerung_grund=reason, **UNDECIDED))
    page = (await staff_client.get("/calls/7")).text
    assert words in group(page, "decide")
    panel = page.split('<section id="panel"')[1]
    assert f"Decision needed: {words}</h3>" in panel
    for way in (
        'action="/calls/7/settle?version=1"',
        'action="/calls/7/call-again"',
        'href="#hinweis"',
        'href="#nicht_anrufen_grund"',
        '<details class="known-more" open>',
    ):
        assert way in panel


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"ergebnis_art": "falsche_nummer"}, NoRetry.WRONG_NUMBER),
        ({"ergebnis_art": "erreicht"}, None),
    ],
)
async def test_an_outcome_keeps_why_and_undo_forgets_it(
    staff_client: Client,
    call: int,
    sessions: SessionFactory,
    fields: dict[str, Any],
    reason: NoRetry | None,
):
    await submit(staff_client, f"/calls/{call}/claim", htmx=True)
    await outcome(staff_client, call, **fields)
    assert (await load_call(sessions, call)).klaerung_grund == reason
    await submit(staff_client, f"/calls/{call}/undo", htmx=True)
    assert (await load_call(sessions, call)).klaerung_grund is None


@pytest.mark.parametrize(
    ("when", "planned"),
    [
        ({}, (date(2026, 10, 14), time(11, 15))),
        ({"geplantes_datum": "2026-10-16", "geplante_zeit": "15:30"}, (date(2026, 10, 16), time(15, 30))),
    ],
)
async def test_planning_another_call_settles_the_decision(
    staff_client: Client,
    undecided: int,
    sessions: SessionFactory,
    when: dict[str, str],
    planned: tuple[date, time],
):
    answer = await submit(staff_client, "/calls/7/call-again", {"version": 1, **when}, htmx=True)
    assert "A call is planned for" in answer.text
    assert "Decision needed" not in answer.text
    async with sessions() as session:
        made = await session.scalar(select(PhoneCall).where(PhoneCall.id != 7))
    assert made is not None
    assert (made.geplantes_datum, made.geplante_zeit) == planned
    assert (made.grund, made.notizen) == (CallReason.MANUAL, "Bündel 4")
    again = await submit(staff_client, "/calls/7/call-again", {"version": 2}, htmx=True)
    assert again.status_code == 409
    assert "Somebody has decided about this call already." in again.text


async def test_a_time_that_can_not_be_planned_is_said_and_kept(
    staff_client: Client, undecided: int, sessions: SessionFactory
):
    for form, words in (
        ({"geplantes_datum": "2026-10-16"}, "Give date and time, or neither."),
        ({"geplantes_datum": "2026-10-13", "geplante_zeit": "10:00"}, "This date is in the past."),
    ):
        answer = await submit(staff_client, "/calls/7/call-again", {"version": 1, **form}, htmx=True)
        assert answer.status_code == 422
        assert words in answer.text
        assert f'value="{form["geplantes_datum"]}"' in answer.text
    assert (await load_call(sessions, 7)).klaerung_noetig


async def test_do_not_call_is_taken_back_where_it_is_said(staff_client: Client, sessions: SessionFactory):
    await stored(sessions, make_therapist(), make_call(id=7, grund=CallReason.NO_REPLY))
    form = {"version": 1, "flag": "1", "text": "Nur per E-Mail"}
    panel = (await submit(staff_client, "/calls/7/do-not-call", form, htmx=True)).text
    banner = panel.split('class="banner banner-bad unwanted"')[1].split("</form>")[0]
    assert "Nur per E-Mail" in banner
    assert "May be called again" in banner
    lifted = await submit(staff_client, "/calls/7/do-not-call", {"version": 2}, htmx=True)
    assert "Calls that this had cancelled are planned again" in lifted.text
    assert (await load_call(sessions, 7)).status == CallStatus.SCHEDULED


@pytest.mark.parametrize("htmx", [True, False])
async def test_a_ring_back_recorded_by_mistake_is_taken_off_by_anybody_and_can_come_back(
    staff_client: Client, ben: Staff, sessions: SessionFactory, htmx: bool
):
    await stored(sessions, make_therapist())
    made = await submit(staff_client, "/ring-backs/1", htmx=True)
    assert "/calls/1/take-off?version=1" in made.text
    await submit(staff_client, "/calls/1/release", htmx=True)
    await submit(staff_client, "/login", {"name": "Ben", "password": PASSWORD})
    assert "/calls/1/take-off?version=1" in (await staff_client.get("/calls/1")).text
    await submit(staff_client, "/calls/1/take-off?version=1", htmx=htmx)
    taken_off = await load_call(sessions, 1)
    assert (taken_off.status, taken_off.absage_grund) == ("canceled", "irrtuemlich")
    page = (await staff_client.get("/calls/1")).text
    assert "The ring-back was recorded by mistake." in page
    assert "<b>0</b> open" in page
    async with sessions() as session:
        trace = await session.scalar(select(Activity).order_by(Activity.id.desc()).limit(1))
    assert trace is not None
    assert (trace.action, trace.object_id, trace.staff_id) == ("call_canceled", 1, ben.id)
    await submit(staff_client, "/calls/1/undo", htmx=True)
    back = await load_call(sessions, 1)
    assert (back.status, back.absage_grund) == ("scheduled", None)


async def test_other_calls_and_a_colleagues_ring_back_are_not_taken_off(
    staff_client: Client, call: int, ben: Staff, sessions: SessionFactory
):
    other = await submit(staff_client, f"/calls/{call}/take-off?version=1", htmx=True)
    assert other.status_code == 409
    assert "take-off" not in other.text
    busy = {"bearbeitet_von": ben.id, "bearbeitet_bis": NOW.replace(minute=52)}
    await stored(sessions, make_therapist(id=2))
    await stored(sessions, make_call(id=9, therapist_id=2, leitung=2, grund=CallReason.CALL_BACK, **busy))
    assert "take-off" not in (await staff_client.get("/calls/9")).text
    assert (await submit(staff_client, "/calls/9/take-off?version=1", htmx=True)).status_code == 409
    assert (await load_call(sessions, 9)).status == CallStatus.SCHEDULED
