"""Taking an outcome back while somebody else is at the next attempt."""

import asyncio
from datetime import date, time

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.calls.claims import claim_call
from services.calls.outcomes import Outcome, record_outcome
from services.calls.planning import move_planned
from services.calls.undo import NextAttemptChanged, TimeTaken
from services.conversations.undo import undo_settlement
from services.models import OutboxEvent, OutcomeKind, PhoneCall
from services.rules import DeskRules
from services.scheduling.booking import CALENDAR_LOCK, lock_calendar
from services.work import API, Actor
from shared.database import SessionFactory
from tests.clock import FakeClock
from tests.eventually import eventually
from tests.factories import NOW, make_call, make_staff, make_therapist
from tests.work import tx_of, work_of

ANNA, BEN = 1, 2
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
                undo_settlement(work_of(own, actor=Actor("staff", ANNA), clock=clock), call_id)
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
                undo_settlement(work_of(own, actor=Actor("staff", ANNA), clock=clock), call_id)
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
    restored = (
        await undo_settlement(work_of(session, actor=Actor("staff", ANNA), clock=clock), call_id)
    ).call
    assert (restored.status, restored.bearbeitet_von) == ("scheduled", ANNA)
    async with session.begin():
        assert list(await session.scalars(select(PhoneCall.id))) == [call_id]


async def test_an_outcome_and_an_undo_for_the_same_time_do_not_wait_in_a_circle(
    sessions: SessionFactory, session: AsyncSession, attempts: tuple[int, int], clock: FakeClock
):
    """Who undoes has the calendar first; the call in the way has an outcome that waits for it."""
    call_id, _ = attempts
    in_the_way = make_call(geplante_zeit=time(11, 1))
    async with session.begin():
        session.add(in_the_way)
    async with sessions() as booking, sessions() as own, sessions() as others:
        async with booking.begin():
            await lock_calendar(tx_of(booking))
            undoing = asyncio.create_task(
                undo_settlement(work_of(own, actor=Actor("staff", ANNA), clock=clock), call_id)
            )
            await eventually(lambda: calendar_wanted_by(session, 1))
            recording = asyncio.create_task(
                record_outcome(
                    work_of(others, actor=API, clock=clock),
                    in_the_way.id,
                    Outcome(art=OutcomeKind.BUSY),
                    version=None,
                )
            )
            await eventually(lambda: calendar_wanted_by(session, 2))
        with pytest.raises(TimeTaken):
            await undoing
        assert (await recording).call.status == "failed"


async def test_two_who_take_back_into_each_others_time_do_not_wait_in_a_circle(
    sessions: SessionFactory, session: AsyncSession, attempts: tuple[int, int], clock: FakeClock
):
    """Anna lets go of a call, and Ben's comes back beside it: letting go is a write, too."""
    call_id, _ = attempts
    closed = make_call(therapist_id=2, leitung=2, geplante_zeit=time(11, 30))
    held = make_call(therapist_id=2, leitung=3, geplante_zeit=time(11, 31))
    async with session.begin():
        session.add_all([make_therapist(id=2), make_staff(id=BEN), closed])
    ben, anna = Actor("staff", BEN), Actor("staff", ANNA)
    await record_outcome(
        work_of(session, actor=ben, clock=clock), closed.id, Outcome(art=OutcomeKind.REACHED), version=None
    )
    async with session.begin():
        session.add(held)
    await claim_call(work_of(session, actor=anna, clock=clock), held.id)
    async with sessions() as booking, sessions() as first, sessions() as second:
        async with booking.begin():
            await lock_calendar(tx_of(booking))
            bens = asyncio.create_task(undo_settlement(work_of(first, actor=ben, clock=clock), closed.id))
            await eventually(lambda: calendar_wanted_by(session, 1))
            annas = asyncio.create_task(undo_settlement(work_of(second, actor=anna, clock=clock), call_id))
            await eventually(lambda: calendar_wanted_by(session, 2))
        with pytest.raises(TimeTaken):
            await bens
        assert (await annas).call.bearbeitet_von == ANNA


async def calendar_wanted_by(session: AsyncSession, count: int) -> bool:
    waiting = text(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = :lock AND NOT granted"
    )
    async with session.begin():
        return await session.scalar(waiting, {"lock": CALENDAR_LOCK}) == count
