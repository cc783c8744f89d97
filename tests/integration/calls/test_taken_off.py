"""A ring-back recorded by mistake is taken off; the e-mails it had taken over keep their follow-up."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import time, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.calls.claims import ClaimedByOther, claim_call, release_claim
from services.calls.locking import CallNotScheduled
from services.calls.outcome_said import Outcome
from services.calls.outcomes import record_outcome
from services.calls.ring_backs import NoRingBack, take_off_ring_back, take_ring_back
from services.conversations.settling import Settlement, settle
from services.conversations.undo import undo_settlement
from services.desk.panel import load_call_panel
from services.emails.replies import record_reply
from services.emails.reply import Reply
from services.events.types import EventType
from services.models import (
    CallEmail,
    CallReason,
    CallStatus,
    EmailStatus,
    NoRetry,
    OutboxEvent,
    OutcomeKind,
    PhoneCall,
    Therapist,
)
from services.work import API, Action, Actor, Work
from shared.database import SessionFactory
from tests.factories import NOW, make_call, make_email, make_staff, make_therapist
from tests.work import tx_of, work_of

ANNA, BEN = Actor("staff", 1), Actor("staff", 2)
FOLLOW_UP, LATER = 101, 102


def anna(session: AsyncSession) -> Work:
    return work_of(session, actor=ANNA)


@pytest.fixture
async def ring_back(session: AsyncSession) -> int:
    """Anna has recorded a ring-back and let go of it."""
    async with session.begin():
        session.add_all([make_staff(id=1, name="Anna"), make_staff(id=2, name="Ben"), make_therapist()])
    call_id = (await take_ring_back(anna(session), 1)).call.id
    await release_claim(anna(session), call_id)
    return call_id


async def taken_over(session: AsyncSession, ring_back: int, count: int = 1) -> list[int]:
    """Follow up e-mails by a call, and postpone that together with the ring-back."""
    sent = NOW - timedelta(days=8)
    emails = [make_email(status=EmailStatus.SENT, sent_at=sent) for _ in range(count)]
    async with session.begin():
        session.add_all(emails)
    ids = [email.id for email in emails]
    async with session.begin():
        session.add(
            make_call(id=FOLLOW_UP, email_id=ids[0], grund=CallReason.NO_REPLY, geplante_zeit=time(11, 30))
        )
    async with session.begin():
        session.add_all(CallEmail(call_id=FOLLOW_UP, email_id=each) for each in ids[1:])
    postponed = Settlement(outcome=Outcome(art=OutcomeKind.POSTPONED), along=[FOLLOW_UP])
    await settle(anna(session), ring_back, postponed, version=None)
    return ids


async def about(session: AsyncSession) -> dict[int, tuple[str, list[int]]]:
    """Every open call: why it is, and about which e-mails."""
    query = select(PhoneCall).where(PhoneCall.status == CallStatus.SCHEDULED).order_by(PhoneCall.id)
    async with session.begin():
        calls = (await session.scalars(query.execution_options(populate_existing=True))).all()
        links = (await session.execute(select(CallEmail.call_id, CallEmail.email_id))).all()
    return {
        call.id: (call.grund, sorted(email for call_id, email in links if call_id == call.id))
        for call in calls
    }


async def events_of(session: AsyncSession) -> list[tuple[str, object]]:
    async with session.begin():
        events = await session.scalars(select(OutboxEvent).order_by(OutboxEvent.id))
        return [(event.event_type, event.payload.get("phone_call_id")) for event in events]


async def call_of(session: AsyncSession, call_id: int) -> PhoneCall:
    async with session.begin():
        return await tx_of(session).existing(PhoneCall, call_id)


async def test_a_follow_up_goes_on_without_the_ring_back_and_undo_takes_that_back(
    session: AsyncSession, ring_back: int
):
    first, answered = await taken_over(session, ring_back, 2)
    await record_reply(anna(session), answered, Reply())
    before = await about(session)
    told = await events_of(session)
    result = await take_off_ring_back(anna(session), ring_back, version=None)
    assert result.next_call is not None
    follow_up = result.next_call.id
    assert await about(session) == {follow_up: (CallReason.NO_REPLY, [first])}
    assert (await events_of(session))[len(told) :] == [
        (EventType.CALL_CANCELED.value, ring_back),
        (EventType.CALL_SCHEDULED.value, follow_up),
    ]
    await undo_settlement(anna(session), ring_back)
    assert await about(session) == before
    assert await events_of(session) == told


async def test_the_open_follow_up_call_takes_the_emails_and_keeps_them(session: AsyncSession, ring_back: int):
    [first] = await taken_over(session, ring_back)
    email = make_email(status=EmailStatus.SENT, sent_at=NOW - timedelta(days=8))
    async with session.begin():
        session.add(email)
    async with session.begin():
        session.add(
            make_call(id=LATER, email_id=email.id, grund=CallReason.NO_REPLY, geplante_zeit=time(11, 45))
        )
    await take_off_ring_back(anna(session), ring_back, version=None)
    followed_up = (CallReason.NO_REPLY, [first, email.id])
    assert await about(session) == {LATER: followed_up}
    assert (EventType.CALL_SCHEDULED.value, LATER) in await events_of(session)
    await undo_settlement(anna(session), ring_back)
    assert await about(session) == {ring_back: (CallReason.CALL_BACK, []), LATER: followed_up}


async def test_where_no_time_is_found_for_the_follow_up_a_person_decides(
    session: AsyncSession, ring_back: int
):
    await taken_over(session, ring_back)
    async with session.begin():
        (await tx_of(session).existing(Therapist, 1)).nicht_anrufen = True
    result = await take_off_ring_back(anna(session), ring_back, version=None)
    assert (result.next_call, result.no_retry) == (None, NoRetry.NOT_TO_BE_CALLED)
    call = await call_of(session, ring_back)
    assert (call.klaerung_noetig, call.klaerung_grund) == (True, NoRetry.NOT_TO_BE_CALLED)
    await undo_settlement(anna(session), ring_back)
    assert not (await call_of(session, ring_back)).klaerung_noetig


async def agreed(session: AsyncSession, ring_back: int) -> int:
    at = (NOW + timedelta(days=1)).date(), time(11)
    outcome = Outcome(art=OutcomeKind.CALL_BACK_AGREED, neuer_termin=at)
    following = (await record_outcome(anna(session), ring_back, outcome, version=None)).next_call
    assert following is not None
    return following.id


async def tried_again(session: AsyncSession, ring_back: int) -> int:
    outcome = Outcome(art=OutcomeKind.NOT_REACHED)
    following = (await record_outcome(anna(session), ring_back, outcome, version=None)).next_call
    assert following is not None
    return following.id


async def asked_for_by_another_service(session: AsyncSession, ring_back: int) -> int:
    await take_off_ring_back(anna(session), ring_back, version=None)
    async with session.begin():
        call = make_call(id=LATER, grund=CallReason.CALL_BACK)
        session.add(call)
        await session.flush()
        tx_of(session, actor=API).record(Action.CALL_SCHEDULED, call)
    return LATER


@pytest.mark.parametrize("another", [agreed, tried_again, asked_for_by_another_service])
async def test_another_call_back_is_no_mistake(
    session: AsyncSession, ring_back: int, another: Callable[[AsyncSession, int], Awaitable[int]]
):
    assert (await load_call_panel(anna(session), ring_back)).by_hand
    call_id = await another(session, ring_back)
    assert not (await load_call_panel(anna(session), call_id)).by_hand
    with pytest.raises(NoRingBack):
        await take_off_ring_back(anna(session), call_id, version=None)
    call = await call_of(session, call_id)
    assert (call.grund, call.status) == (CallReason.CALL_BACK, CallStatus.SCHEDULED)


async def test_of_a_take_off_and_a_claim_at_once_one_succeeds(
    session: AsyncSession, sessions: SessionFactory, ring_back: int
):
    async def claims() -> bool:
        async with sessions() as own:
            try:
                await claim_call(work_of(own, actor=BEN), ring_back)
            except CallNotScheduled:
                return False
            return True

    async def takes_off() -> bool:
        async with sessions() as own:
            try:
                await take_off_ring_back(work_of(own, actor=ANNA), ring_back, version=None)
            except ClaimedByOther:
                return False
            return True

    for first, second in [(claims, takes_off), (takes_off, claims)] * 3:
        done = dict(zip((first, second), await asyncio.gather(first(), second()), strict=True))
        assert sorted(done.values()) == [False, True]
        call = await call_of(session, ring_back)
        if done[claims]:
            assert (call.status, call.bearbeitet_von) == (CallStatus.SCHEDULED, BEN.staff_id)
            await release_claim(work_of(session, actor=BEN), ring_back)
        else:
            assert (call.status, call.bearbeitet_von) == (CallStatus.CANCELED, None)
            await undo_settlement(anna(session), ring_back)


@pytest.mark.parametrize("count", [1, 2])
async def test_an_answer_at_the_same_time_is_followed_up_by_no_call(
    session: AsyncSession, sessions: SessionFactory, ring_back: int, count: int
):
    answered, *others = await taken_over(session, ring_back, count)

    async def takes_off() -> None:
        async with sessions() as own:
            await take_off_ring_back(work_of(own, actor=ANNA), ring_back, version=None)

    async def answers() -> None:
        async with sessions() as own:
            await record_reply(work_of(own), answered, Reply())

    await asyncio.gather(takes_off(), answers())
    assert [emails for _, emails in (await about(session)).values()] == ([others] if others else [])
