"""Claims: a call in somebody's hands is leased to them, so that nobody rings the same therapist twice.

A claim lasts `rules.claim`, is renewed while the call is open on a screen, and is free again once expired.
One person holds one call at a time: claiming another lets go of the first. A therapist with a call in
somebody's hands is not handed out a second time, even where another call to them is open.
Claims are no change of the call: `version` and `updated_at` stay.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Integer, and_, any_, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from services.calls.reachability import holder_of, load_open_calls, reachable_now
from services.drafts import CALL
from services.errors import Conflict, NotFound
from services.hints import CALLS
from services.models import CallStatus, Draft, PhoneCall, Therapist
from services.rules import DeskRules
from shared.database import wake

THERAPIST_LOCK = 4_201
"""First key of the advisory locks that serialise claims on one therapist's calls."""

STAFF_LOCK = 4_202
"""First key of the advisory locks that serialise one person's claims; taken before any other lock."""


class ClaimedByOther(Conflict):
    """Somebody else has this therapist on the phone right now."""


class NothingReachable(Conflict):
    """Nobody can be reached right now."""


class ClaimLost(Conflict):
    """The claim on this call has ended."""


@dataclass(frozen=True, slots=True)
class InHand:
    """A call in hand; `noted` says that its note has been begun."""

    call_id: int
    name: str | None
    noted: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """A call taken in hand, and the one that was let go of for it."""

    call: PhoneCall
    let_go: InHand | None


def holder(call: PhoneCall, now: datetime) -> int | None:
    """Return the id of who holds a call at an instant."""
    return holder_of(call.bearbeitet_von, call.bearbeitet_bis, now)


async def claim_call(
    session: AsyncSession, call_id: int, *, staff_id: int, now: datetime, rules: DeskRules
) -> Claim:
    """Lease a scheduled call to a member of staff, whether or not it is reachable right now.

    Raises:
        NotFound: no such call.
        Conflict: the call is not scheduled any more.
        ClaimedByOther: somebody else holds this call or another one to the same therapist; names `staff_id`.
    """
    async with session.begin():
        await lock_claims_of(session, staff_id)
        call = await _lock_with_own(session, call_id, staff_id)
        if call.status != CallStatus.SCHEDULED:
            raise Conflict
        other = await _busy_with(session, call.therapist_id, staff_id, now)
        if other is not None:
            raise ClaimedByOther(staff_id=other)
        return await _take_instead(session, call, staff_id, now, rules)


async def claim_next(session: AsyncSession, *, staff_id: int, now: datetime, rules: DeskRules) -> Claim:
    """Lease the reachable call whose window closes first; two callers never get the same one.

    Who already holds a call gets the one after it, so that asking again and again walks through all of them.

    Raises:
        NothingReachable: no free call is reachable now.
    """
    async with session.begin():
        await lock_claims_of(session, staff_id)
        own = await _lock_own(session, staff_id)
        calls = reachable_now(await load_open_calls(session, now=now, rules=rules), now=now, rules=rules)
        wanted = _after(own, [call.call_id for call in calls])
        while wanted:
            call = await _lock_first_free(session, wanted, now)
            if call is None:
                break
            if await _therapist_free(session, call.therapist_id, staff_id, now):
                return await _take_instead(session, call, staff_id, now, rules)
            wanted.remove(call.id)
    raise NothingReachable


async def renew_claim(
    session: AsyncSession, call_id: int, *, staff_id: int, now: datetime, rules: DeskRules
) -> datetime:
    """Extend one's own claim and return its new end; an expired one is taken again if nobody came between.

    Raises:
        ClaimLost: somebody else has the call or its therapist now, it was released, or it is not scheduled
            any more.
    """
    async with session.begin():
        call = await session.scalar(
            select(PhoneCall)
            .where(
                PhoneCall.id == call_id,
                PhoneCall.status == CallStatus.SCHEDULED,
                PhoneCall.bearbeitet_von == staff_id,
            )
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
        if call is None:
            raise ClaimLost
        if holder(call, now) is not None:
            await _lease(session, call, staff_id, now, rules)
        elif await _busy_with(session, call.therapist_id, staff_id, now) is None:
            await _take(session, call, staff_id, now, rules)
        else:
            raise ClaimLost
    return now + rules.claim


async def release_claim(session: AsyncSession, call_id: int, *, staff_id: int) -> None:
    """Let go of one's own claim; nothing happens when it had ended already."""
    async with session.begin():
        await _release(session, PhoneCall.id == call_id, PhoneCall.bearbeitet_von == staff_id)


async def release_all(session: AsyncSession, staff_id: int) -> None:
    """Let go of all that a member of staff holds. Runs in the caller's transaction."""
    await _release(session, PhoneCall.bearbeitet_von == staff_id)


async def lock_claims_of(session: AsyncSession, staff_id: int) -> None:
    """Let one person's claims come one after the other. Runs in the caller's transaction, first of all."""
    await session.execute(select(func.pg_advisory_xact_lock(STAFF_LOCK, staff_id)))


async def take_back(session: AsyncSession, call: PhoneCall, staff_id: int, now: datetime) -> Claim | None:
    """Make room for a locked call to return to whose it was; None when it may not.

    It may not while a colleague has the therapist on the phone; else whatever they took since is let go of.
    Runs in the caller's transaction, which began with `lock_claims_of`.
    """
    await _lock_own(session, staff_id)
    if await _busy_with(session, call.therapist_id, staff_id, now) is not None:
        return None
    return Claim(call, await _let_go(session, call, staff_id, now))


async def _lock_with_own(session: AsyncSession, call_id: int, staff_id: int) -> PhoneCall:
    """Lock a call together with the caller's own, in one order for everybody."""
    rows = await session.scalars(
        select(PhoneCall)
        .where(or_(PhoneCall.id == call_id, PhoneCall.bearbeitet_von == staff_id))
        .order_by(PhoneCall.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    call = next((row for row in rows if row.id == call_id), None)
    if call is None:
        raise NotFound
    return call


async def _lock_own(session: AsyncSession, staff_id: int) -> list[int]:
    held = select(PhoneCall.id).where(PhoneCall.bearbeitet_von == staff_id).order_by(PhoneCall.id)
    return list(await session.scalars(held.with_for_update(key_share=True)))


def _after(own: Sequence[int], ids: Sequence[int]) -> list[int]:
    """Return `ids` beginning behind the first of `own` in it, and without `own`."""
    start = next((position + 1 for position, call_id in enumerate(ids) if call_id in own), 0)
    return [call_id for call_id in (*ids[start:], *ids[:start]) if call_id not in own]


async def _lock_first_free(session: AsyncSession, ids: Sequence[int], now: datetime) -> PhoneCall | None:
    wanted = literal(ids, ARRAY(Integer))
    return await session.scalar(
        select(PhoneCall)
        .where(
            PhoneCall.id == any_(wanted),
            PhoneCall.status == CallStatus.SCHEDULED,
            or_(PhoneCall.bearbeitet_bis.is_(None), PhoneCall.bearbeitet_bis <= now),
        )
        .order_by(func.array_position(wanted, PhoneCall.id))
        .limit(1)
        .with_for_update(skip_locked=True, key_share=True)
        .execution_options(populate_existing=True)
    )


async def _therapist_free(session: AsyncSession, therapist_id: int, staff_id: int, now: datetime) -> bool:
    """Take the therapist's claim lock without waiting, and say whether nobody else has them in hand."""
    locked = await session.scalar(select(func.pg_try_advisory_xact_lock(THERAPIST_LOCK, therapist_id)))
    return bool(locked) and await _other_holder(session, therapist_id, staff_id, now) is None


async def _busy_with(session: AsyncSession, therapist_id: int, staff_id: int, now: datetime) -> int | None:
    """Take the therapist's claim lock, and return who else has them in hand."""
    await session.execute(select(func.pg_advisory_xact_lock(THERAPIST_LOCK, therapist_id)))
    return await _other_holder(session, therapist_id, staff_id, now)


async def _other_holder(session: AsyncSession, therapist_id: int, staff_id: int, now: datetime) -> int | None:
    """Return who else has a call to this therapist in hand; the therapist's claim lock is held."""
    return await session.scalar(
        select(PhoneCall.bearbeitet_von)
        .where(
            PhoneCall.therapist_id == therapist_id,
            PhoneCall.status == CallStatus.SCHEDULED,
            PhoneCall.bearbeitet_von != staff_id,
            PhoneCall.bearbeitet_bis > now,
        )
        .limit(1)
    )


async def _take_instead(
    session: AsyncSession, call: PhoneCall, staff_id: int, now: datetime, rules: DeskRules
) -> Claim:
    """Take a call in hand, and let go of the one that was."""
    let_go = await _let_go(session, call, staff_id, now)
    return Claim(await _take(session, call, staff_id, now, rules), let_go)


async def _let_go(session: AsyncSession, call: PhoneCall, staff_id: int, now: datetime) -> InHand | None:
    """Let go of what somebody has in hand beside a call; return it."""
    held = await load_in_hand(session, staff_id, now)
    await _release(session, PhoneCall.bearbeitet_von == staff_id, PhoneCall.id != call.id)
    return held if held and held.call_id != call.id else None


async def _take(
    session: AsyncSession, call: PhoneCall, staff_id: int, now: datetime, rules: DeskRules
) -> PhoneCall:
    taken = await _lease(session, call, staff_id, now, rules)
    wake(session, CALLS)
    return taken


async def _lease(
    session: AsyncSession, call: PhoneCall, staff_id: int, now: datetime, rules: DeskRules
) -> PhoneCall:
    leased = await session.scalars(
        update(PhoneCall)
        .where(PhoneCall.id == call.id)
        .values(bearbeitet_von=staff_id, bearbeitet_bis=now + rules.claim, updated_at=PhoneCall.updated_at)
        .returning(PhoneCall),
        execution_options={"populate_existing": True},
    )
    return leased.one()


async def _release(session: AsyncSession, *which: ColumnElement[bool]) -> None:
    await session.execute(
        update(PhoneCall)
        .where(*which)
        .values(bearbeitet_von=None, bearbeitet_bis=None, updated_at=PhoneCall.updated_at)
    )
    wake(session, CALLS)


async def load_in_hand(session: AsyncSession, staff_id: int, now: datetime) -> InHand | None:
    """Return the call somebody has in hand, planned for whatever day. Runs in the caller's transaction."""
    typed = and_(Draft.staff_id == staff_id, Draft.gegenstand == CALL, Draft.gegenstand_id == PhoneCall.id)
    query = (
        select(PhoneCall.id, Therapist, Draft.felder["ergebnis"].as_string().label("note"))
        .outerjoin(Therapist, Therapist.id == PhoneCall.therapist_id)
        .outerjoin(Draft, typed)
        .where(
            PhoneCall.status == CallStatus.SCHEDULED,
            PhoneCall.bearbeitet_von == staff_id,
            PhoneCall.bearbeitet_bis > now,
        )
    )
    found = (await session.execute(query)).first()
    if found is None:
        return None
    name = found.Therapist.display_name if found.Therapist else None
    return InHand(found.id, name, noted=bool((found.note or "").strip()))
