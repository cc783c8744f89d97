"""For the therapist who rings back: the call they belong to."""

from collections.abc import Iterator
from datetime import date, time, timedelta

from sqlalchemy import Select, select

from services.calls.claims import Claim, claim_call
from services.calls.planning import announce
from services.errors import InvalidInput
from services.models import CallReason, CallStatus, PhoneCall, Therapist
from services.scheduling.booking import CallCollision, book_at, book_next, lock_calendar
from services.work import Action, Moment, Transaction, Work

LOOK_AHEAD = 12


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
