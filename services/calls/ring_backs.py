"""For the therapist who rings back: the call they belong to, and taking it off where that was a mistake."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, time, timedelta

import msgspec
from sqlalchemy import ColumnElement, Select, and_, exists, select

from services.calls.claims import Claim, claim_call
from services.calls.kept_state import MARGIN, Undo
from services.calls.linked_emails import (
    emails_waiting,
    is_open_follow_up,
    leave_answered,
    move_links,
    open_follow_up,
    share,
    tell,
)
from services.calls.locking import lock_follow_ups, lock_with_email
from services.calls.next_attempt import no_retry_after
from services.calls.outcome_said import Outcome
from services.calls.outcomes import OutcomeResult, apply_outcome
from services.calls.planning import announce
from services.errors import Conflict, InvalidInput
from services.models import (
    Activity,
    CallReason,
    CallStatus,
    CancelReason,
    NoRetry,
    OutcomeKind,
    PhoneCall,
    Therapist,
)
from services.origins import Origin
from services.scheduling.booking import CallCollision, book_at, book_next, lock_calendar
from services.scheduling.calendar import Unschedulable
from services.work import OBJECTS, Action, Moment, Transaction, Work

LOOK_AHEAD = 12


class NoRingBack(Conflict):
    """Only a ring-back that is still open can be taken off like this."""


async def take_ring_back(work: Work, therapist_id: int) -> Claim:
    """Take the call of a therapist who is on the phone right now: the next open one, else a new one.

    Raises:
        NotFound: there is no such therapist.
        ClaimedByOther: somebody else has this therapist in hand.
        InvalidInput, CalendarBusy: no time can be found for a new call.
    """
    async with work.transaction() as tx:
        therapist = await tx.existing(Therapist, therapist_id)
        await lock_calendar(tx)
        call_id = await tx.session.scalar(_open_calls(therapist_id))
        if call_id is None:
            call = await _book_now(tx, therapist)
            announce(tx, call, Action.CALL_SCHEDULED)
            call_id = call.id
    return await claim_call(work, call_id, ringing=False)


def recorded_by_hand() -> ColumnElement[bool]:
    """Return the condition that a call is an open ring-back that a member of staff recorded.

    Calls back that were agreed, further attempts and what other services asked for are none.
    """
    planned_by_staff = exists().where(
        Activity.object_type == OBJECTS[PhoneCall],
        Activity.object_id == PhoneCall.id,
        Activity.action == Action.CALL_SCHEDULED,
        Activity.actor == "staff",
    )
    return and_(
        PhoneCall.grund == CallReason.CALL_BACK,
        PhoneCall.status == CallStatus.SCHEDULED,
        PhoneCall.vorheriger_anruf_id.is_(None),
        planned_by_staff,
    )


async def take_off_ring_back(work: Work, call_id: int, *, version: int | None) -> OutcomeResult:
    """Cancel a ring-back recorded by mistake, whoever recorded it; it can be undone like any outcome.

    E-mails it has taken over and that still wait are the therapist's open follow-up call's then, which stays
    if this is undone, or a new one's.

    Raises:
        NotFound, StaleVersion: as `services.calls.locking.lock_with_email`.
        NoRingBack: the call is another one, or closed.
        ClaimedByOther: another member of staff has it in hand.
    """
    async with work.transaction() as tx:
        therapist_id = (await tx.existing(PhoneCall, call_id)).therapist_id
        await lock_follow_ups(tx, therapist_id)
        theirs = is_open_follow_up() & (PhoneCall.therapist_id == therapist_id)
        locked = await lock_with_email(tx, call_id, version, also=theirs)
        call = locked.call
        if not await tx.session.scalar(select(recorded_by_hand()).where(PhoneCall.id == call.id)):
            raise NoRingBack
        waiting = await emails_waiting(tx, call.id)
        following = await open_follow_up(tx, call.therapist_id) if waiting else None
        await lock_calendar(tx)
        held = tx.holding_back(tx.now + tx.rules.undo + MARGIN) if tx.rules.undo else tx
        result = await apply_outcome(held, locked, Outcome(art=OutcomeKind.CANCELED))
        call.absage_grund = CancelReason.BY_MISTAKE
        if following is not None:
            await _hand_over(tx, call, following)
        elif waiting:
            return await _follow_up(held, result)
    return result


async def _hand_over(tx: Transaction, ring_back: PhoneCall, following: PhoneCall) -> None:
    """Let a follow-up call be about what a ring-back was, as far as it waits."""
    await move_links(tx, ring_back, following)
    await leave_answered(tx, following)
    tell(tx, following)


async def _follow_up(tx: Transaction, taken_off: OutcomeResult) -> OutcomeResult:
    """Plan the follow-up of e-mails a ring-back had taken over; undo takes it back like a next attempt."""
    call = taken_off.call
    planned = await _book_follow_up(tx, call)
    if isinstance(planned, NoRetry):
        call.klaerung_noetig, call.klaerung_grund = True, planned
        return replace(taken_off, no_retry=planned)
    await share(tx, call, planned)
    await leave_answered(tx, planned)
    announce(tx, planned, Action.CALL_SCHEDULED)
    await tx.session.flush()
    undo = msgspec.convert(call.rueckgaengig, Undo)
    events = [event.event_id for event in tx.held]
    undo = msgspec.structs.replace(undo, next_call_id=planned.id, event_ids=events)
    undo.keep(call, taken_off.undo_until)
    return replace(taken_off, next_call=planned, no_retry=None)


async def _book_follow_up(tx: Transaction, call: PhoneCall) -> PhoneCall | NoRetry:
    therapist = await tx.session.get(Therapist, call.therapist_id)
    if therapist is None:
        return NoRetry.UNKNOWN_THERAPIST
    try:
        return await book_next(
            tx,
            therapist,
            grund=CallReason.NO_REPLY,
            vorheriger_anruf_id=call.id,
            **Origin.of(call).columns,
        )
    except Unschedulable as error:
        return no_retry_after(error)


def _open_calls(therapist_id: int) -> Select[int]:
    return (
        select(PhoneCall.id)
        .where(PhoneCall.therapist_id == therapist_id, PhoneCall.status == CallStatus.SCHEDULED)
        .order_by(PhoneCall.geplantes_datum, PhoneCall.geplante_zeit)
        .limit(1)
    )


async def _book_now(tx: Transaction, therapist: Therapist) -> PhoneCall:
    """Book the first free time from this minute on, phone hours or not: they are on the phone."""
    for day, at in _times_from(tx):
        try:
            return await book_at(tx, therapist, day, at, grund=CallReason.CALL_BACK)
        except (CallCollision, InvalidInput):
            continue
    return await book_next(tx, therapist, grund=CallReason.CALL_BACK)


def _times_from(moment: Moment) -> Iterator[tuple[date, time]]:
    minute = (moment.now + timedelta(seconds=59)).replace(second=0, microsecond=0)
    for number in range(LOOK_AHEAD):
        local = moment.rules.local(minute + number * timedelta(minutes=moment.rules.grid_minutes))
        yield local.date(), local.time()
