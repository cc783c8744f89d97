"""The open calls of today as they are read: what they say once, and again after any change by anybody."""

from datetime import date, time

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from services.calls.due_calls import load_open_calls
from services.calls.open_call import OpenCall
from services.rules import DeskRules
from tests.factories import NOW, make_call, make_staff, make_therapist
from tests.statements import noting
from tests.work import tx_of

CALL = "UPDATE communication_service.phone_calls SET"
THERAPIST = "UPDATE communication_service.therapists SET"


@pytest.fixture(autouse=True)
async def one_call(session: AsyncSession) -> None:
    async with session.begin():
        session.add_all([make_staff(id=1), make_therapist(id=1), make_call(id=1, therapist_id=1)])


async def the_call(session: AsyncSession, rules: DeskRules) -> OpenCall:
    async with session.begin():
        (call,) = await load_open_calls(tx_of(session, now=NOW, rules=rules))
    return call


async def test_a_second_look_asks_only_which_calls_there_are(
    session: AsyncSession, engine: AsyncEngine, rules: DeskRules
):
    first = await the_call(session, rules)
    seen: list[str] = []
    with noting(engine, seen.append):
        assert await the_call(session, rules) is first
    assert len(seen) == 2
    assert not any("nachname" in statement for statement in seen)


@pytest.mark.parametrize(
    ("change", "field", "after"),
    [
        (f"{CALL} geplante_zeit = '14:20'", "geplante_zeit", time(14, 20)),
        (f"{CALL} geplantes_datum = '2026-10-12'", "geplantes_datum", date(2026, 10, 12)),
        (f"{CALL} bearbeitet_von = 1, bearbeitet_bis = now()", "bearbeitet_von", 1),
        (f"{THERAPIST} telefon = '030 7654321'", "telefon", "030 7654321"),
        (f"{THERAPIST} nachname = 'Weber'", "name", "Dr. Jürgen Weber"),
        (f"{THERAPIST} nicht_anrufen = true", "nicht_anrufen", True),
        ("DELETE FROM communication_service.therapists", "name", None),
    ],
)
async def test_whatever_changes_is_seen(
    session: AsyncSession, rules: DeskRules, change: str, field: str, after: object
):
    before = await the_call(session, rules)
    async with session.begin():
        await session.execute(text(change))
    assert getattr(before, field) != after
    assert getattr(await the_call(session, rules), field) == after


async def test_phone_hours_that_change_are_seen(session: AsyncSession, rules: DeskRules):
    before = await the_call(session, rules)
    async with session.begin():
        await session.execute(
            text(f"""{THERAPIST} telefonische_erreichbarkeit = '{{"monday": ["07:00-07:30"]}}'""")
        )
    assert (await the_call(session, rules)).availability != before.availability


async def test_who_changes_a_row_twice_sees_both(session: AsyncSession, rules: DeskRules):
    tx = tx_of(session, now=NOW, rules=rules)
    numbers: list[str | None] = []
    async with session.begin():
        for number in ("030 111", "030 222"):
            await session.execute(text(f"{THERAPIST} telefon = :number"), {"number": number})
            numbers += [call.telefon for call in await load_open_calls(tx)]
    assert numbers == ["030 111", "030 222"]


async def test_a_change_that_was_taken_back_is_not_seen(session: AsyncSession, rules: DeskRules):
    first = await the_call(session, rules)
    async with session.begin():
        await session.execute(text(f"{THERAPIST} telefon = '030 111'"))
        await load_open_calls(tx_of(session, now=NOW, rules=rules))
        await session.rollback()
    assert (await the_call(session, rules)).telefon == first.telefon
