"""The database writes down when a line becomes free, whoever frees it, and nothing else."""

from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.ext.asyncio import AsyncSession

from services.models import CallStatus, FreedTime, PhoneCall
from services.scheduling import freed_times
from services.scheduling.freed_times import remove_freed_times
from tests.factories import make_call
from tests.work import tx_of

DAY = date(2026, 10, 14)
ELEVEN = datetime.combine(DAY, time(11))
FIVE_PAST = datetime.combine(DAY, time(11, 5))
TABLE = "communication_service.phone_calls"
Freed = list[tuple[datetime | None, datetime | None]]


async def freed(session: AsyncSession) -> Freed:
    times = (await session.scalars(select(FreedTime.zeit).order_by(FreedTime.xid, FreedTime.zeit))).all()
    await session.rollback()
    return [(one.lower, one.upper) for one in times]


async def a_call(session: AsyncSession, **values: object) -> PhoneCall:
    call = make_call(geplantes_datum=DAY, geplante_zeit=time(11), dauer_minuten=5, **values)
    session.add(call)
    await session.commit()
    return call


@pytest.mark.parametrize(
    ("values", "is_freed"),
    [
        ({"status": CallStatus.CANCELED}, True),
        ({"geplante_zeit": time(12)}, True),
        ({"geplantes_datum": date(2026, 10, 15)}, True),
        ({"dauer_minuten": 4}, True),
        ({"leitung": 2}, True),
        ({"notizen": "bitte leise"}, False),
        ({"bearbeitet_bis": None, "version": 2}, False),
    ],
)
async def test_a_call_that_leaves_its_time_frees_it(
    session: AsyncSession, values: dict[str, Any], is_freed: bool
):
    call = await a_call(session)
    assert await freed(session) == []
    for name, value in values.items():
        setattr(call, name, value)
    await session.commit()
    assert await freed(session) == [(ELEVEN, FIVE_PAST)] * is_freed


async def test_so_do_those_that_are_deleted_but_for_what_was_over(session: AsyncSession):
    for number, status in enumerate((CallStatus.SCHEDULED, CallStatus.COMPLETED), start=1):
        await session.delete(await a_call(session, therapist_id=number, status=status))
        await session.commit()
    assert await freed(session) == [(ELEVEN, FIVE_PAST)]


@pytest.mark.parametrize("role", ["origin", "replica"])
async def test_and_all_at_once_also_where_rows_come_from_another_server(session: AsyncSession, role: str):
    """Where changes are replicated or restored, ordinary triggers don't run."""
    await a_call(session)
    await session.execute(text(f"SET LOCAL session_replication_role = {role}"))
    await session.execute(text(f"TRUNCATE {TABLE} CASCADE"))
    await session.commit()
    assert await freed(session) == [(None, None)]


async def test_those_of_the_same_time_are_noted_once(session: AsyncSession):
    calls = [await a_call(session, therapist_id=number, leitung=number) for number in (1, 2)]
    for call in calls:
        await session.delete(call)
    await session.commit()
    assert await freed(session) == [(ELEVEN, FIVE_PAST)]


@pytest.mark.parametrize(("most", "left"), [(1, [(ELEVEN, FIVE_PAST)]), (0, [(None, None)])])
async def test_many_notes_give_way_to_one_of_everything(
    session: AsyncSession, monkeypatch: pytest.MonkeyPatch, most: int, left: Sequence[object]
):
    monkeypatch.setattr(freed_times, "MOST_KEPT", most)
    await session.delete(await a_call(session))
    await session.commit()
    await remove_freed_times(tx_of(session))
    await session.commit()
    assert await freed(session) == left


async def test_notes_that_a_dump_has_brought_from_another_server_give_way_as_well(session: AsyncSession):
    session.add(FreedTime(xid=2**50, zeit=Range(ELEVEN, FIVE_PAST)))
    await session.commit()
    await remove_freed_times(tx_of(session))
    await session.commit()
    assert await freed(session) == [(None, None)]
