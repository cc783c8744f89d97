"""For the therapist who rings back: who it is, and the call they belong to."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.calls.claims import Claim, claim_call
from services.calls.planning import announce
from services.errors import InvalidInput, NotFound
from services.models import CallReason, CallStatus, PhoneCall, Therapist
from services.rules import DeskRules
from services.scheduling.booking import CallCollision, book_at, book_next, lock_calendar
from services.therapists.search import search_therapists
from services.work import Actor

FOUND_AT_MOST = 8
COUNTED_AT_MOST = 1_000
LOOK_AHEAD = 12


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who may be on the phone, and the next call planned with them."""

    therapist: Therapist
    open_call: PhoneCall | None


@dataclass(frozen=True, slots=True)
class Callers:
    """Those found first, and how many `more` there are."""

    shown: list[Caller]
    more: int = 0


async def find_callers(session: AsyncSession, q: str) -> Callers:
    """Return therapists by name or by any spelling of their number, with their next open call."""
    found = await search_therapists(session, q, limit=COUNTED_AT_MOST)
    therapists = found[:FOUND_AT_MOST]
    if not therapists:
        return Callers([])
    async with session.begin():
        calls = await session.scalars(
            select(PhoneCall)
            .where(
                PhoneCall.therapist_id.in_([therapist.id for therapist in therapists]),
                PhoneCall.status == CallStatus.SCHEDULED,
            )
            .order_by(PhoneCall.geplantes_datum.desc(), PhoneCall.geplante_zeit.desc())
        )
        first = {call.therapist_id: call for call in calls}
    shown = [Caller(therapist, first.get(therapist.id)) for therapist in therapists]
    return Callers(shown, more=len(found) - len(shown))


async def take_ring_back(
    session: AsyncSession, therapist_id: int, *, staff_id: int, now: datetime, rules: DeskRules
) -> Claim:
    """Take the call of a therapist who is on the phone right now: the next open one, else a new one.

    Raises:
        NotFound: there is no such therapist.
        ClaimedByOther: somebody else has this therapist in hand.
        InvalidInput, CalendarBusy: no time can be found for a new call.
    """
    async with session.begin():
        therapist = await session.get(Therapist, therapist_id)
        if therapist is None:
            raise NotFound
        await lock_calendar(session)
        call_id = await session.scalar(_open_calls(therapist_id))
        if call_id is None:
            call = await _book_now(session, therapist, now=now, rules=rules)
            announce(session, call, "call_scheduled", now=now, actor=Actor("staff", staff_id))
            call_id = call.id
    return await claim_call(session, call_id, staff_id=staff_id, now=now, rules=rules)


def _open_calls(therapist_id: int) -> Select[int]:
    return (
        select(PhoneCall.id)
        .where(PhoneCall.therapist_id == therapist_id, PhoneCall.status == CallStatus.SCHEDULED)
        .order_by(PhoneCall.geplantes_datum, PhoneCall.geplante_zeit)
        .limit(1)
    )


async def _book_now(
    session: AsyncSession, therapist: Therapist, *, now: datetime, rules: DeskRules
) -> PhoneCall:
    """Book the first free time from this minute on, phone hours or not: they are on the phone."""
    for day, at in _times_from(now, rules):
        try:
            return await book_at(
                session, therapist, day, at, now=now, rules=rules, grund=CallReason.CALL_BACK
            )
        except (CallCollision, InvalidInput):
            continue
    return await book_next(session, therapist, now=now, rules=rules, grund=CallReason.CALL_BACK)


def _times_from(now: datetime, rules: DeskRules) -> Iterator[tuple[date, time]]:
    minute = (now + timedelta(seconds=59)).replace(second=0, microsecond=0)
    for number in range(LOOK_AHEAD):
        local = rules.local(minute + number * timedelta(minutes=rules.grid_minutes))
        yield local.date(), local.time()
