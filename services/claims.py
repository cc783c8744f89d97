"""Claims: a call in somebody's hands is leased to them, so that nobody rings the same therapist twice.

A claim lasts `rules.claim`, is renewed while the call is open on a screen, and is free again once expired.
One person holds one call at a time: claiming another lets go of the first. A therapist with a call in
somebody's hands is not handed out a second time, even where another call to them is open.
Claims are no change of the call: `version` and `updated_at` stay.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Integer, any_, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from services.errors import Conflict, NotFound
from services.models import LARGEST_ID, CallStatus, PhoneCall
from services.open_calls import load_open_calls
from services.reachability import reachable_now
from services.rules import DeskRules
from services.subjects import CALLS
from shared.database import wake

THERAPIST_LOCK = 4_201
"""First key of the advisory locks that serialise claims on one therapist's calls."""


class ClaimedByOther(Conflict):
    """Somebody else has this therapist on the phone right now."""


class NothingReachable(Conflict):
    """Nobody can be reached right now."""


class ClaimLost(Conflict):
    """The claim on this call has ended."""


def holder(call: PhoneCall, now: datetime) -> int | None:
    """Return the id of who holds a call at an instant; an expired claim holds nothing."""
    held = call.bearbeitet_bis is not None and call.bearbeitet_bis > now
    return call.bearbeitet_von if held else None


async def claim_call(
    session: AsyncSession, call_id: int, *, staff_id: int, now: datetime, rules: DeskRules
) -> PhoneCall:
    """Lease a scheduled call to a member of staff, whether or not it is reachable right now.

    Raises:
        NotFound: no such call.
        Conflict: the call is not scheduled any more.
        ClaimedByOther: somebody else holds this call or another one to the same therapist; names `staff_id`.
    """
    async with session.begin():
        call = await _lock_with_own(session, call_id, staff_id)
        if call.status != CallStatus.SCHEDULED:
            raise Conflict
        await session.execute(select(func.pg_advisory_xact_lock(THERAPIST_LOCK, call.therapist_id)))
        other = await _other_holder(session, call.therapist_id, staff_id, now)
        if other is not None:
            raise ClaimedByOther(staff_id=other)
        return await _take(session, call, staff_id, now, rules)


async def claim_next(session: AsyncSession, *, staff_id: int, now: datetime, rules: DeskRules) -> PhoneCall:
    """Lease the reachable call whose window closes first; two callers never get the same one.

    Who already holds a call gets the one after it, so that asking again and again walks through all of them.

    Raises:
        NothingReachable: no free call is reachable now.
    """
    async with session.begin():
        own = await _lock_own(session, staff_id)
        calls = reachable_now(await load_open_calls(session, now=now, rules=rules), now=now, rules=rules)
        wanted = _after(own, [call.call_id for call in calls])
        while wanted:
            call = await _lock_first_free(session, wanted, now)
            if call is None:
                break
            if await _therapist_free(session, call.therapist_id, staff_id, now):
                await _release(session, PhoneCall.bearbeitet_von == staff_id)
                return await _take(session, call, staff_id, now, rules)
            wanted.remove(call.id)
    raise NothingReachable


async def renew_claim(
    session: AsyncSession, call_id: int, *, staff_id: int, now: datetime, rules: DeskRules
) -> datetime:
    """Extend one's own claim and return its new end; an expired claim nobody took is taken again.

    Raises:
        ClaimLost: somebody else has the call now, it was released, or it is not scheduled any more.
    """
    until = now + rules.claim
    async with session.begin():
        renewed = await session.scalar(
            update(PhoneCall)
            .where(
                PhoneCall.id == call_id,
                PhoneCall.status == CallStatus.SCHEDULED,
                PhoneCall.bearbeitet_von == staff_id,
            )
            .values(bearbeitet_bis=until, updated_at=PhoneCall.updated_at)
            .returning(PhoneCall.id)
        )
    if renewed is None:
        raise ClaimLost
    return until


async def release_claim(session: AsyncSession, call_id: int, *, staff_id: int) -> None:
    """Let go of one's own claim; nothing happens when it had ended already."""
    async with session.begin():
        await _release(session, PhoneCall.id == call_id, PhoneCall.bearbeitet_von == staff_id)


async def release_all(session: AsyncSession, *, staff_id: int) -> None:
    """Let go of everything a member of staff holds, as when they log out."""
    async with session.begin():
        await _release(session, PhoneCall.bearbeitet_von == staff_id)


async def _lock_with_own(session: AsyncSession, call_id: int, staff_id: int) -> PhoneCall:
    """Lock a call together with the caller's own, in one order for everybody, and release the latter."""
    if not 0 < call_id <= LARGEST_ID:
        raise NotFound
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
    await _release(session, PhoneCall.bearbeitet_von == staff_id, PhoneCall.id != call_id)
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


async def _take(
    session: AsyncSession, call: PhoneCall, staff_id: int, now: datetime, rules: DeskRules
) -> PhoneCall:
    taken = await session.scalars(
        update(PhoneCall)
        .where(PhoneCall.id == call.id)
        .values(bearbeitet_von=staff_id, bearbeitet_bis=now + rules.claim, updated_at=PhoneCall.updated_at)
        .returning(PhoneCall),
        execution_options={"populate_existing": True},
    )
    wake(session, CALLS)
    return taken.one()


async def _release(session: AsyncSession, *which: ColumnElement[bool]) -> None:
    await session.execute(
        update(PhoneCall)
        .where(*which)
        .values(bearbeitet_von=None, bearbeitet_bis=None, updated_at=PhoneCall.updated_at)
    )
    wake(session, CALLS)
