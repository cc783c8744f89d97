"""How long a therapist can be rung, in the list and in the panel: one countdown."""

import re
from datetime import date, time

import pytest

from shared.database import SessionFactory
from tests.factories import make_call, make_therapist
from tests.integration.conftest import Client, submit
from tests.integration.pages.conftest import stored

COUNTDOWN = re.compile(r'<span class="([\w -]+)" data-until="([^"]+)"[^>]*>([^<]+)</span>')
OUTSIDE = re.compile(r'<p class="banner banner-warn call-outside"([^>]*)>(.*?)</p>')


def hours(start: str, end: str, day: str = "wednesday") -> dict[str, list[dict[str, str]]]:
    return {day: [{"start": start, "end": end}]}


async def panel(
    client: Client, sessions: SessionFactory, day: dict[str, list[dict[str, str]]], **call: object
) -> str:
    await stored(sessions, make_therapist(telefonische_erreichbarkeit=day), make_call(id=7, **call))
    return (await submit(client, "/calls/7/claim", htmx=True)).text


@pytest.mark.parametrize(
    ("end", "words", "few"),
    [("10:57", "15 min left", True), ("10:58", "16 min left", False), ("12:33", "1 h 51 min left", False)],
)
async def test_list_and_panel_count_down_alike(
    staff_client: Client, sessions: SessionFactory, end: str, words: str, few: bool
):
    shown = COUNTDOWN.findall(await panel(staff_client, sessions, hours("10:00", end)))
    assert {kind.split()[0] for kind, _, _ in shown} == {"time-left", "row-left"}
    assert {("few-left" in kind.split(), text) for kind, _, text in shown} == {(few, words)}
    assert len({until for _, until, _ in shown}) == 1


async def test_a_call_taken_outside_the_phone_hours_says_so(staff_client: Client, sessions: SessionFactory):
    [(state, words)] = OUTSIDE.findall(await panel(staff_client, sessions, hours("14:00", "15:00")))
    assert words == "Outside the phone hours. Next: Wed 14 Oct 14:00."
    assert "hidden" not in state


@pytest.mark.parametrize("day", [{}, hours("08:00", "10:00"), hours("10:00", "11:00", "thursday")])
async def test_there_is_a_reason_when_nobody_answers_today(
    staff_client: Client, sessions: SessionFactory, day: dict[str, list[dict[str, str]]]
):
    [(state, words)] = OUTSIDE.findall(await panel(staff_client, sessions, day))
    assert words.startswith("Outside the phone hours. Next: " if day else "No phone hours are known.")
    assert "hidden" not in state


async def test_the_warning_waits_until_the_phone_hours_are_over(
    staff_client: Client, sessions: SessionFactory
):
    [(state, _)] = OUTSIDE.findall(await panel(staff_client, sessions, hours("10:00", "11:00")))
    assert state == (
        ' data-shown-from="2026-10-14T11:00:00+02:00" data-shown-to="2026-10-21T10:00:00+02:00" hidden'
    )


async def test_a_time_agreed_outside_the_phone_hours_is_one_of_them_for_this_call(
    staff_client: Client, sessions: SessionFactory
):
    agreed = {
        "geplantes_datum": date(2026, 10, 14),
        "geplante_zeit": time(10, 30),
        "ausserhalb_erreichbarkeit": True,
    }
    page = await panel(staff_client, sessions, hours("14:00", "15:00"), **agreed)
    assert "hidden" in OUTSIDE.findall(page)[0][0]
    assert {text for _, _, text in COUNTDOWN.findall(page)} == {"18 min left"}
