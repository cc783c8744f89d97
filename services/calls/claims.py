"""Claims: a call in somebody's hands is leased to them, so that nobody rings the same therapist twice.

A claim lasts `rules.claim`, is renewed while the call is open on a screen, and is free again once expired.
One person holds one call at a time: claiming another lets go of the first. With a call one has the therapist
and the line in hand: nobody else gets another call to them, or rings somebody else under the same number.
Claims are no change of the call: `version` and `updated_at` stay.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Integer, Update, any_, bindparam, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY

from services.calls.due_calls import load_open_calls
from services.calls.hands import InHand, line_keys, lines_of, load_hands, load_in_hand
from services.calls.locking import check_scheduled, found_by_any
from services.calls.open_call import OpenCall, holder_of
from services.calls.placed import place_now
from services.calls.queue_filter import own_filter
from services.calls.rows import rows_to_offer
from services.errors import Conflict, NotFound
from services.hints import CALLS
from services.models import CallStatus, PhoneCall, Therapist
from services.work import Transaction, Work
from shared.plain_rows import PlainQuery

THERAPIST_LOCK = 4_201
"""First key of the advisory locks that serialise claims on one therapist's calls."""

STAFF_LOCK = 4_202
"""First key of the advisory locks that serialise one person's claims; taken before any other lock."""

LINE_LOCK = 4_204
"""First key of the advisory locks that serialise claims on one line; taken after the therapist's."""


LOCK = PlainQuery(
    select(func.pg_advisory_xact_lock(bindparam("kind", type_=Integer), bindparam("key", type_=Integer)))
)
PHONE = PlainQuery(select(Therapist.phone).where(Therapist.id == bindparam("therapist_id", type_=Integer)))


class ClaimedByOther(Conflict):
    """Somebody else has this therapist on the phone right now."""


class LineTaken(ClaimedByOther):
    """Somebody else is on the phone under this number right now."""


class NothingReachable(Conflict):
    """Nobody can be reached right now."""


class ClaimLost(Conflict):
    """The claim on this call has ended."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A call taken in hand, and the one that was let go of for it."""

    call: PhoneCall
    let_go: InHand | None


def holder(call: PhoneCall, now: datetime) -> int | None:
    """Return the id of who holds a call at an instant."""
    return holder_of(call.bearbeitet_von, call.bearbeitet_bis, now)


async def claim_call(work: Work, call_id: int, *, ringing: bool = True) -> Claim:
    """Lease a scheduled call to a member of staff, whether or not it is reachable right now.

    Without `ringing` the therapist has rung us, so it does not matter who else is on their line.

    Raises:
        NotFound: no such call.
        CallNotScheduled: it is done or cancelled.
        ClaimedByOther: somebody else holds this call or another one to the same therapist; names `staff_id`.
        LineTaken: somebody else holds a call under the same number; names `staff_id`.
    """
    async with work.transaction() as tx:
        await lock_claims_of(tx)
        call = await _lock_with_own(tx, call_id)
        check_scheduled(call)
        taken = await _taken(tx, call.therapist_id, ringing=ringing)
        if taken is not None:
            raise taken
        return await _take_instead(tx, call)


async def claim_next(work: Work) -> Claim:
    """Lease the reachable call whose window closes first; two callers never get the same therapist or line.

    Only calls that the caller's own filter admits (`services.calls.queue_filter`) are taken.
    Who already holds a call gets the next therapist's, so that asking again and again walks through all.

    Raises:
        NothingReachable: no free call is reachable now.
    """
    async with work.transaction() as tx:
        await lock_claims_of(tx)
        own = await _lock_own(tx)
        hands, chosen = await load_hands(tx), await own_filter(tx)
        placed = await place_now(tx, chosen.of_these(await load_open_calls(tx)))
        rows = rows_to_offer(placed, hands, staff_id=tx.staff_id)
        call = await _first_to_take(tx, _after(own, [row.call for row in rows]))
        if call is not None:
            return await _take_instead(tx, call)
    raise NothingReachable


async def renew_claim(work: Work, call_id: int) -> datetime:
    """Extend one's own claim and return its new end; an expired one is taken again if nobody came between.

    Raises:
        ClaimLost: somebody else has the call, its therapist or their line now, it was released, or it is not
            scheduled any more.
    """
    async with work.transaction() as tx:
        call = await tx.session.scalar(
            select(PhoneCall)
            .where(
                PhoneCall.id == call_id,
                PhoneCall.status == CallStatus.SCHEDULED,
                PhoneCall.bearbeitet_von == tx.staff_id,
            )
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
        if call is None:
            raise ClaimLost
        if holder(call, tx.now) is not None:
            await _lease(tx, call)
        elif await _taken(tx, call.therapist_id) is None:
            await _take(tx, call)
        else:
            raise ClaimLost
    return work.now + work.rules.claim


async def release_claim(work: Work, call_id: int) -> None:
    """Let go of one's own claim; nothing happens when it had ended already."""
    async with work.transaction() as tx:
        await tx.write_alone(OWN_RELEASED, call_id=call_id, staff_id=tx.staff_id)
        tx.wake(CALLS)


async def release_all(tx: Transaction, staff_id: int) -> None:
    """Let go of all that a member of staff holds."""
    await tx.session.execute(_released(PhoneCall.bearbeitet_von == staff_id))
    tx.wake(CALLS)


async def lock_claims_of(tx: Transaction) -> None:
    """Let one person's claims come one after the other; taken before any other lock."""
    await tx.run(LOCK, kind=STAFF_LOCK, key=tx.staff_id)


async def lock_to_take_back(tx: Transaction, call_id: int, *others: ColumnElement[bool]) -> PhoneCall:
    """Lock a call, what may have to go for it and what the caller has in hand, in the order of every claim.

    A member of staff has begun the transaction with `lock_claims_of`.

    Raises:
        NotFound: no such call.
    """
    return await _lock_with_own(tx, call_id, *others)


async def may_take_back(tx: Transaction, call: PhoneCall) -> bool:
    """Say whether no colleague has a call's therapist or their line, nor gets them before the commit."""
    return await _taken(tx, call.therapist_id) is None


async def take_back(tx: Transaction, call: PhoneCall) -> Claim:
    """Make room for a call to return to whose it was: whatever they took since is let go of."""
    return Claim(call, await _let_go(tx, call))


async def _lock_with_own(tx: Transaction, call_id: int, *others: ColumnElement[bool]) -> PhoneCall:
    """Lock a call together with the caller's own, in one order for everybody."""
    own = [] if tx.actor.staff_id is None else [PhoneCall.bearbeitet_von == tx.actor.staff_id]
    rows = await tx.session.scalars(
        select(PhoneCall)
        .where(found_by_any(PhoneCall.id, PhoneCall.id == call_id, *own, *others))
        .order_by(PhoneCall.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    call = next((row for row in rows if row.id == call_id), None)
    if call is None:
        raise NotFound
    return call


async def _lock_own(tx: Transaction) -> set[int]:
    """Lock what the caller has in hand; return with which therapists."""
    held = select(PhoneCall).where(PhoneCall.bearbeitet_von == tx.staff_id).order_by(PhoneCall.id)
    rows = await tx.session.scalars(
        held.with_for_update(key_share=True).execution_options(populate_existing=True)
    )
    return {call.therapist_id for call in rows}


def _after(own: set[int], calls: Sequence[OpenCall]) -> list[OpenCall]:
    """Return the calls beginning behind the first to one of `own`, and without those."""
    start = next((place + 1 for place, call in enumerate(calls) if call.therapist_id in own), 0)
    return [call for call in (*calls[start:], *calls[:start]) if call.therapist_id not in own]


async def _first_to_take(tx: Transaction, wanted: list[OpenCall]) -> PhoneCall | None:
    """Lock and return the first call that is free and whose therapist and line are."""
    offered = {call.call_id: call for call in wanted}
    while offered:
        call = await _lock_first_free(tx, list(offered))
        if call is None or await _free(tx, call.therapist_id, offered[call.id].telefon):
            return call
        del offered[call.id]
    return None


async def _lock_first_free(tx: Transaction, ids: Sequence[int]) -> PhoneCall | None:
    wanted = literal(ids, ARRAY(Integer))
    return await tx.session.scalar(
        select(PhoneCall)
        .where(
            PhoneCall.id == any_(wanted),
            PhoneCall.status == CallStatus.SCHEDULED,
            or_(PhoneCall.bearbeitet_bis.is_(None), PhoneCall.bearbeitet_bis <= tx.now),
        )
        .order_by(func.array_position(wanted, PhoneCall.id))
        .limit(1)
        .with_for_update(skip_locked=True, key_share=True)
        .execution_options(populate_existing=True)
    )


async def _free(tx: Transaction, therapist_id: int, telefon: str | None) -> bool:
    """Take the locks of a therapist's claims without waiting, and say whether nobody else has them."""
    for key in _keys(therapist_id, telefon):
        if not await tx.session.scalar(select(func.pg_try_advisory_xact_lock(*key))):
            return False
    return (await load_hands(tx)).but(tx.staff_id).in_the_way(therapist_id, telefon) is None


async def _taken(tx: Transaction, therapist_id: int, *, ringing: bool = True) -> ClaimedByOther | None:
    """Take the locks of a therapist's claims, and return who else has them or their line in hand."""
    numbers = await tx.rows(PHONE, therapist_id=therapist_id)
    telefon = numbers[0][0] if numbers else None
    for kind, key in _keys(therapist_id, telefon):
        await tx.run(LOCK, kind=kind, key=key)
    hand = (await load_hands(tx)).but(tx.staff_id).in_the_way(therapist_id, telefon if ringing else None)
    if hand is None:
        return None
    error = ClaimedByOther if hand.therapist_id == therapist_id else LineTaken
    return error(staff_id=hand.staff_id)


def _keys(therapist_id: int, telefon: str | None) -> list[tuple[int, int]]:
    """Return the locks that serialise claims on a therapist and on their lines, in the order to take them."""
    return [(THERAPIST_LOCK, therapist_id), *((LINE_LOCK, key) for key in line_keys(lines_of(telefon)))]


async def _take_instead(tx: Transaction, call: PhoneCall) -> Claim:
    """Take a call in hand, and let go of the one that was."""
    let_go = await _let_go(tx, call)
    return Claim(await _take(tx, call), let_go)


async def _let_go(tx: Transaction, call: PhoneCall) -> InHand | None:
    """Let go of what somebody has in hand beside a call; return it."""
    held = await load_in_hand(tx)
    await tx.run(OTHERS_RELEASED, call_id=call.id, staff_id=tx.staff_id)
    tx.wake(CALLS)
    return held if held and held.call_id != call.id else None


async def _take(tx: Transaction, call: PhoneCall) -> PhoneCall:
    taken = await _lease(tx, call)
    tx.wake(CALLS)
    return taken


async def _lease(tx: Transaction, call: PhoneCall) -> PhoneCall:
    leased = await tx.session.scalars(
        update(PhoneCall)
        .where(PhoneCall.id == call.id)
        .values(
            bearbeitet_von=tx.staff_id,
            bearbeitet_bis=tx.now + tx.rules.claim,
            updated_at=PhoneCall.updated_at,
        )
        .returning(PhoneCall),
        execution_options={"populate_existing": True},
    )
    return leased.one()


def _released(*which: ColumnElement[bool]) -> Update:
    free = {"bearbeitet_von": None, "bearbeitet_bis": None, "updated_at": PhoneCall.updated_at}
    return update(PhoneCall).where(*which).values(free)


CALL, STAFF = bindparam("call_id", type_=Integer), bindparam("staff_id", type_=Integer)
OWN_RELEASED = PlainQuery(_released(PhoneCall.id == CALL, PhoneCall.bearbeitet_von == STAFF))
OTHERS_RELEASED = PlainQuery(_released(PhoneCall.id != CALL, PhoneCall.bearbeitet_von == STAFF))
