"""Taking an outcome back while somebody else is at the next attempt."""

import asyncio
from datetime import date, time

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.calls.claims import claim_call
from services.calls.outcomes import Outcome, record_outcome
from services.calls.planning import move_planned
from services.calls.undo import NextAttemptChanged, undo_outcome
from services.models import OutboxEvent, OutcomeKind, PhoneCall
from services.rules import DeskRules
from services.work import API, Actor
from shared.database import SessionFactory
from tests.clock import FakeClock
from tests.eventually import eventually
from tests.factories import NOW, make_call, make_staff, make_therapist
from tests.work import tx_of, work_of

ANNA = 1
FRIDAY = date(2026, 10, 16)


@pytest.fixture
async def attempts(session: AsyncSession, rules: DeskRules) -> tuple[int, int]:
    """A call Anna has just noted as not answered, and the next attempt."""
    call = make_call()
    async with session.begin():
        session.add_all([make_therapist(), make_staff(id=ANNA), call])
    await claim_call(work_of(session, now=NOW, rules=rules, actor=Actor("staff", ANNA)), call.id)
    outcome = Outcome(art=OutcomeKind.NOT_REACHED)
    result = await record_outcome(
        work_of(session, now=NOW, rules=rules, actor=Actor("staff", ANNA)), call.id, outcome, version=None
    )
    assert result.next_call is not None
    return call.id, result.next_call.id


async def waits(session: AsyncSession) -> bool:
    async with session.begin():
        return bool(await session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))


async def test_who_moves_the_next_attempt_first_keeps_it(
    sessions: SessionFactory, attempts: tuple[int, int], clock: FakeClock, rules: DeskRules
):
    call_id, next_id = attempts
    async with sessions() as moving, sessions() as own, sessions() as watching:
        async with moving.begin():
            following = await tx_of(moving).locked(PhoneCall, next_id)
            undoing = asyncio.create_task(
                undo_outcome(work_of(own, actor=Actor("staff", ANNA), clock=clock), call_id)
            )
            await eventually(lambda: waits(watching))
            await move_planned(
                tx_of(moving, now=NOW, rules=rules, actor=API), following, FRIDAY, time(11, 30)
            )
        with pytest.raises(NextAttemptChanged):
            await undoing
        async with watching.begin():
            moved = await watching.get_one(PhoneCall, next_id)
            assert (moved.geplantes_datum, moved.geplante_zeit) == (FRIDAY, time(11, 30))


async def test_who_looks_at_the_next_attempt_only_delays_the_undo(
    sessions: SessionFactory, attempts: tuple[int, int], clock: FakeClock
):
    call_id, next_id = attempts
    async with sessions() as looking, sessions() as own, sessions() as watching:
        async with looking.begin():
            await tx_of(looking).locked(PhoneCall, next_id)
            undoing = asyncio.create_task(
                undo_outcome(work_of(own, actor=Actor("staff", ANNA), clock=clock), call_id)
            )
            await eventually(lambda: waits(watching))
        await undoing
        async with watching.begin():
            assert list(await watching.scalars(select(PhoneCall.id))) == [call_id]
            assert await watching.scalar(select(func.count()).select_from(OutboxEvent)) == 0


async def test_who_took_the_next_attempt_in_hand_can_still_take_the_outcome_back(
    session: AsyncSession, attempts: tuple[int, int], clock: FakeClock, rules: DeskRules
):
    call_id, next_id = attempts
    await claim_call(work_of(session, now=NOW, rules=rules, actor=Actor("staff", ANNA)), next_id)
    restored = (await undo_outcome(work_of(session, actor=Actor("staff", ANNA), clock=clock), call_id)).call
    assert (restored.status, restored.bearbeitet_von) == ("scheduled", ANNA)
    async with session.begin():
        assert list(await session.scalars(select(PhoneCall.id))) == [call_id]
