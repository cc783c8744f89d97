"""A call left for a better hour, in words: on the board, in the panel, and where nobody else is left."""

import re

import pytest

from services.reach.patterns import learn_pattern
from services.rules import DeskRules
from shared.database import SessionFactory
from tests.factories import NOW, make_call, make_therapist
from tests.habits import CALL, HOURS, others, own
from tests.integration.conftest import Client, submit
from tests.integration.pages.conftest import group, stored
from tests.work import work_of


@pytest.fixture
async def waiting(sessions: SessionFactory, rules: DeskRules) -> int:
    await stored(sessions, make_therapist(telefonische_erreichbarkeit=HOURS), make_call(id=CALL))
    await stored(sessions, *others(), *own())
    async with sessions() as session:
        await learn_pattern(work_of(session, now=NOW, rules=rules))
    return CALL


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


@pytest.mark.parametrize(
    ("language", "reason", "empty", "panel"),
    [
        (
            "en",
            "usually reachable Thu 12–13: 4 of 5; now 0 of 3",
            "1 is left for a better hour.",
            "You can ring all the same.",
        ),
        (
            "de",
            "meist Do 12–13 erreichbar: 4 von 5; jetzt 0 von 3",
            "1 wartet auf eine bessere Stunde.",
            "Sie können trotzdem anrufen.",
        ),
    ],
)
async def test_it_stands_under_later_with_its_reason(
    staff_client: Client, waiting: int, language: str, reason: str, empty: str, panel: str
):
    spoken = {"Accept-Language": language}
    page = (await staff_client.get("/", headers=spoken)).text
    later = words(group(page, "later"))
    assert reason in later
    assert empty in words(group(page, "now"))
    assert "15.10" in later or "15 Oct" in later
    shown = words((await staff_client.get(f"/calls/{waiting}", headers=spoken)).text)
    assert f"{reason}. {panel}" in shown
    assert reason in words((await staff_client.get("/open", headers=spoken)).text)


async def test_whoever_takes_it_has_it_in_hand_and_is_told_nothing_of_waiting(
    staff_client: Client, waiting: int
):
    page = (await submit(staff_client, f"/calls/{waiting}/claim")).text
    assert "usually reachable" not in words(page)
    assert "in your hands" in words((await staff_client.get("/")).text)
