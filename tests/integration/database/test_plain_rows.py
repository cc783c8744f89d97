"""Queries whose rows come as the driver gives them: which plans they get, and what an error leaves behind."""

import asyncpg
import pytest
from sqlalchemy import Integer, bindparam, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.models import CallStatus, PhoneCall, Therapist
from shared.plain_rows import PlainQuery, keeping_plans
from tests.factories import make_call, make_therapist

MODE = PlainQuery(select(func.current_setting("plan_cache_mode")))
OPEN = PlainQuery(
    select(func.count()).where(
        PhoneCall.status == CallStatus.SCHEDULED, PhoneCall.id >= bindparam("least", type_=Integer)
    )
)
LOCK = PlainQuery(select(func.pg_advisory_xact_lock(4711)))
LOCKED = PlainQuery(
    select(func.count()).select_from(text("pg_locks")).where(text("locktype = 'advisory' AND objid = 4711"))
)
BROKEN = PlainQuery(select(1 / func.length("")))


async def mode_of(session: AsyncSession) -> str:
    return (await MODE.rows(session))[0][0]


async def test_what_never_differs_is_part_of_the_statement(session: AsyncSession):
    async with session.begin():
        session.add_all([make_therapist(), make_call(id=7), make_call(id=8, status="completed")])
    async with session.begin():
        assert (await OPEN.rows(session, least=1))[0][0] == 1
        assert (await OPEN.rows(session, least=8))[0][0] == 0
    assert "= 'scheduled'" in OPEN.text
    assert "$1" in OPEN.text


async def test_what_locks_has_its_lock_until_the_transaction_ends(session: AsyncSession):
    async def held() -> int:
        return (await LOCKED.rows(session))[0][0]

    async with session.begin():
        await LOCK.run(session)
        assert await held() == 1
        await LOCK.rows(session)
    async with session.begin():
        assert await held() == 0
        await LOCK.rows(session)
        assert await held() == 0


async def test_plans_are_kept_for_a_block_and_no_longer(session: AsyncSession):
    async with session.begin():
        async with keeping_plans(session):
            assert await mode_of(session) == "force_generic_plan"
        assert await mode_of(session) == "force_custom_plan"
        session.add(make_therapist())
        for _ in range(2):
            async with keeping_plans(session):
                assert await mode_of(session) == "force_custom_plan"
    async with session.begin():
        assert await session.get(Therapist, 1) is not None


async def test_an_error_leaves_nothing_behind(session: AsyncSession):
    with pytest.raises(asyncpg.DivisionByZeroError):
        async with session.begin(), keeping_plans(session):
            await BROKEN.rows(session)
    async with session.begin():
        assert await mode_of(session) == "force_custom_plan"
        session.add(make_therapist())
