"""Puts calls into the calendar so that they can't overlap, however many callers book at once.

Bookings take turns on one advisory lock, held until the caller's transaction ends: keep what follows short,
and lock rows (e-mail, then calls) before booking, never after. The exclusion constraints stay the last word,
for whoever writes without taking a turn.
"""

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Select, func, literal_column, select, tuple_
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from services.availability import Windows, parse
from services.errors import Conflict, FieldError, InvalidInput, TemporarilyUnavailable
from services.models import PhoneCall, Therapist
from services.rules import DeskRules
from services.scheduler import (
    DAY,
    MINUTE,
    Busy,
    Interval,
    Slot,
    days_to_search,
    exists,
    free_line,
    free_slots,
    is_holiday,
    next_slot,
    occupied_lines,
    span,
    within,
)

LONGEST_CALL_MINUTES = 240
FURTHEST_DAYS = 731
ATTEMPTS = 8
CALENDAR_LOCK = 0x63616C6C  # "call", among the database's advisory locks
LOCK_NOT_AVAILABLE = "55P03"
EXCLUSION_VIOLATION = "23P01"
NOT_TO_BE_CALLED = frozenset({"gesperrt", "inaktiv"})


class Unschedulable(InvalidInput):
    """No time can be found for this call."""

    def __init__(self) -> None:
        super().__init__(FieldError("therapist_id", self.message_id))


class NotToBeCalled(Unschedulable):
    """This therapist is blocked, inactive or does not want to be called."""


class NoWindow(Unschedulable):
    """This therapist has no phone hours within the desk's hours."""


class NoFreeSlot(Unschedulable):
    """No time is free in this therapist's phone hours within the planning horizon."""


class CallCollision(Conflict):
    """This therapist already has call %(call_id)s at %(time)s on %(date)s."""


class NoFreeLine(CallCollision):
    """All lines of the desk are taken at that time."""


class CalendarBusy(TemporarilyUnavailable):
    """Too many calls are being booked right now."""

    retry_after_seconds = 2


def may_be_called(therapist: Therapist) -> bool:
    """Say whether calls may be placed without a person deciding it."""
    return not therapist.nicht_anrufen and therapist.status not in NOT_TO_BE_CALLED


async def lock_calendar(session: AsyncSession) -> None:
    """Take this transaction's turn at booking. Runs in the caller's transaction.

    Raises:
        CalendarBusy: the turn did not come within the lock timeout.
    """
    try:
        await session.execute(select(func.pg_advisory_xact_lock(CALENDAR_LOCK)))
    except DBAPIError as error:
        if _sqlstate(error) == LOCK_NOT_AVAILABLE:
            raise CalendarBusy from error
        raise


async def find_next(
    session: AsyncSession,
    therapist: Therapist,
    *,
    now: datetime,
    rules: DeskRules,
    not_before: date | None = None,
    duration_minutes: int | None = None,
    ignore_call_id: int | None = None,
) -> Slot:
    """Return the next free slot, as `book_next` would take it now. Runs in the caller's transaction.

    Raises:
        NoWindow: the phone hours can't hold such a call on any day.
        NoFreeSlot: everything within the horizon is taken.
    """
    duration = duration_minutes or rules.duration_minutes
    windows = parse(therapist.telefonische_erreichbarkeit).windows
    days = [
        day for day in days_to_search(now=now, rules=rules, not_before=not_before) if day.weekday() in windows
    ]
    for some in _growing(days):
        stretch = Interval(_opening(windows, some[0]), _closing(windows, some[-1]))
        busy = await load_busy(session, therapist.id, stretch, rules=rules, ignore_call_id=ignore_call_id)
        slot = next_slot(windows, busy, some, now=now, rules=rules, duration_minutes=duration)
        if slot is not None:
            return slot
    raise NoFreeSlot if _fits_somewhere(windows, rules, duration) else NoWindow


async def free_slots_of_day(
    session: AsyncSession,
    therapist: Therapist,
    day: date,
    *,
    now: datetime,
    rules: DeskRules,
    duration_minutes: int | None = None,
    ignore_call_id: int | None = None,
) -> list[Slot]:
    """Return every time of a day at which a call could start. Runs in the caller's transaction."""
    windows = parse(therapist.telefonische_erreichbarkeit).windows
    if day.weekday() not in windows or not _plannable(day, now, rules):
        return []
    stretch = Interval(_opening(windows, day), _closing(windows, day))
    busy = await load_busy(session, therapist.id, stretch, rules=rules, ignore_call_id=ignore_call_id)
    duration = duration_minutes or rules.duration_minutes
    return free_slots(windows, busy, day, now=now, rules=rules, duration_minutes=duration)


async def book_next(
    session: AsyncSession,
    therapist: Therapist,
    *,
    now: datetime,
    rules: DeskRules,
    not_before: date | None = None,
    duration_minutes: int | None = None,
    **values: Any,
) -> PhoneCall:
    """Insert a call into the next free slot. Runs in the caller's transaction; reports no event.

    `values` are further columns of the call, such as `grund`, `email_id`, `versuch`.

    Raises:
        Unschedulable: the therapist is not to be called, has no phone hours or no free time.
        CalendarBusy: the turn did not come, or others keep taking the slot.
    """
    await lock_calendar(session)
    await session.flush()
    known = await session.get(Therapist, therapist.id, populate_existing=True) or therapist
    if not may_be_called(known):
        raise NotToBeCalled
    for _ in range(ATTEMPTS):
        slot = await find_next(
            session, known, now=now, rules=rules, not_before=not_before, duration_minutes=duration_minutes
        )
        call = PhoneCall(
            therapist_id=therapist.id,
            geplantes_datum=slot.day,
            geplante_zeit=slot.start,
            dauer_minuten=slot.duration_minutes,
            leitung=slot.line,
            **values,
        )
        try:
            async with _still_free(session):
                session.add(call)
        except NoFreeLine:
            continue
        return call
    raise CalendarBusy


async def book_at(
    session: AsyncSession,
    therapist: Therapist,
    day: date,
    at: time,
    *,
    now: datetime,
    rules: DeskRules,
    duration_minutes: int | None = None,
    **values: Any,
) -> PhoneCall:
    """Insert a call at a time a person chose. Runs in the caller's transaction; reports no event.

    A time outside the phone hours is accepted and marked `ausserhalb_erreichbarkeit`.

    Raises:
        InvalidInput: the time is past, too far ahead or does not exist.
        CallCollision: the therapist or every line is taken at that time.
    """
    duration = duration_minutes or rules.duration_minutes
    check_time(day, at, now=now, rules=rules)
    await lock_calendar(session)
    line = await _free_line(session, therapist.id, span(day, at, duration), rules)
    call = PhoneCall(
        therapist_id=therapist.id,
        geplantes_datum=day,
        geplante_zeit=at,
        dauer_minuten=duration,
        leitung=line,
        ausserhalb_erreichbarkeit=outside_phone_hours(therapist, day, at, duration, rules),
        **values,
    )
    async with _still_free(session):
        session.add(call)
    return call


async def move(
    session: AsyncSession,
    call: PhoneCall,
    therapist: Therapist | None,
    day: date,
    at: time,
    *,
    now: datetime,
    rules: DeskRules,
    duration_minutes: int | None = None,
) -> None:
    """Move a scheduled call its caller has locked. Runs in the caller's transaction; reports no event.

    The therapist's phone hours decide `ausserhalb_erreichbarkeit`; without a therapist it stays as it is.

    Raises:
        InvalidInput: the time is past, too far ahead or does not exist.
        CallCollision: the therapist or every line is taken at that time.
    """
    duration = duration_minutes or call.dauer_minuten
    check_time(day, at, now=now, rules=rules)
    await lock_calendar(session)
    wanted = span(day, at, duration)
    line = await _free_line(session, call.therapist_id, wanted, rules, ignore_call_id=call.id)
    async with _still_free(session):
        call.geplantes_datum, call.geplante_zeit, call.dauer_minuten = day, at, duration
        call.leitung = line
        if therapist is not None:
            call.ausserhalb_erreichbarkeit = outside_phone_hours(therapist, day, at, duration, rules)


async def move_to_next(
    session: AsyncSession,
    call: PhoneCall,
    therapist: Therapist,
    *,
    now: datetime,
    rules: DeskRules,
    not_before: date | None = None,
) -> None:
    """Move a scheduled call its caller has locked to the next free slot. Runs in the caller's transaction.

    Raises:
        Unschedulable: the therapist is not to be called, has no phone hours or no free time.
    """
    await lock_calendar(session)
    if not may_be_called(therapist):
        raise NotToBeCalled
    slot = await find_next(
        session,
        therapist,
        now=now,
        rules=rules,
        not_before=not_before,
        duration_minutes=call.dauer_minuten,
        ignore_call_id=call.id,
    )
    await move(session, call, therapist, slot.day, slot.start, now=now, rules=rules)


def check_time(day: date, at: time, *, now: datetime, rules: DeskRules) -> None:
    """Refuse a time at which no call can be.

    Raises:
        InvalidInput: it is past, too far ahead or does not exist on that day.
    """
    if day < rules.today(now):
        raise InvalidInput(FieldError("geplantes_datum", "This date is in the past."))
    if not _plannable(day, now, rules):
        raise InvalidInput(FieldError("geplantes_datum", "This date is too far ahead."))
    if not exists(day, at, rules):
        raise InvalidInput(FieldError("geplante_zeit", "The clocks skip this time on that day."))
    if rules.instant(day, at) < now:
        raise InvalidInput(FieldError("geplante_zeit", "This time is in the past."))


def outside_phone_hours(therapist: Therapist, day: date, at: time, duration: int, rules: DeskRules) -> bool:
    """Say whether a call would not lie within the therapist's phone hours, or on a holiday."""
    windows = parse(therapist.telefonische_erreichbarkeit).windows
    return is_holiday(day, rules.holiday_state) or not within(windows, day, at, duration)


async def load_busy(
    session: AsyncSession,
    therapist_id: int,
    stretch: Interval,
    *,
    rules: DeskRules,
    ignore_call_id: int | None = None,
) -> Busy:
    """Return what is booked in a stretch of time and a gap around it. Runs in the caller's transaction."""
    rows = await session.execute(busy_query(Interval(stretch.start - rules.gap, stretch.end + rules.gap)))
    own: list[Interval] = []
    lines: dict[int, list[Interval]] = {}
    for call_id, owner, day, at, minutes, line in rows:
        if call_id == ignore_call_id:
            continue
        taken = span(day, at, minutes)
        lines.setdefault(line, []).append(taken)
        if owner == therapist_id:
            own.append(taken)
    return Busy(own, lines)


def busy_query(stretch: Interval) -> Select[int, int, date, time, int, int]:
    """Return the query for the scheduled calls that reach into a stretch of time."""
    when = tuple_(PhoneCall.geplantes_datum, PhoneCall.geplante_zeit)
    starts = stretch.start - timedelta(minutes=LONGEST_CALL_MINUTES)
    occupied = func.communication_service.zeitfenster(
        PhoneCall.geplantes_datum, PhoneCall.geplante_zeit, PhoneCall.dauer_minuten
    )
    return select(
        PhoneCall.id,
        PhoneCall.therapist_id,
        PhoneCall.geplantes_datum,
        PhoneCall.geplante_zeit,
        PhoneCall.dauer_minuten,
        PhoneCall.leitung,
    ).where(
        PhoneCall.status == literal_column("'scheduled'"),
        when >= (starts.date(), starts.time()),
        when < (stretch.end.date(), stretch.end.time()),
        func.upper(occupied) > stretch.start,
    )


async def _free_line(
    session: AsyncSession,
    therapist_id: int,
    wanted: Interval,
    rules: DeskRules,
    *,
    ignore_call_id: int | None = None,
) -> int:
    """Return the lowest line that is free for a stretch of time.

    Raises:
        CallCollision: the therapist or every line is taken.
    """
    lines: dict[int, list[Interval]] = {}
    for call_id, owner, day, at, minutes, line in await session.execute(busy_query(wanted)):
        if call_id == ignore_call_id:
            continue
        if owner == therapist_id:
            raise CallCollision(call_id=call_id, date=day.isoformat(), time=f"{at:%H:%M}")
        lines.setdefault(line, []).append(span(day, at, minutes))
    free = free_line(occupied_lines(Busy(lines=lines), rules), wanted)
    if isinstance(free, datetime):
        raise NoFreeLine
    return free


@asynccontextmanager
async def _still_free(session: AsyncSession) -> AsyncGenerator[None]:
    """Write a call's time in a savepoint.

    Raises:
        NoFreeLine: somebody who took no turn holds that time.
    """
    try:
        async with session.begin_nested():
            yield
    except IntegrityError as error:
        if _sqlstate(error) != EXCLUSION_VIOLATION:
            raise
        raise NoFreeLine from error


def _plannable(day: date, now: datetime, rules: DeskRules) -> bool:
    return 0 <= (day - rules.today(now)).days <= FURTHEST_DAYS


def _opening(windows: Windows, day: date) -> datetime:
    return datetime.combine(day, windows[day.weekday()][0].start)


def _closing(windows: Windows, day: date) -> datetime:
    return datetime.combine(day, time()) + windows[day.weekday()][-1].minutes[1] * MINUTE


def _fits_somewhere(windows: Windows, rules: DeskRules, duration: int) -> bool:
    """Say whether an empty calendar could hold the call in some week without holidays."""
    any_week = [date(2024, 6, 3) + number * DAY for number in range(7)]
    long_ago = rules.instant(any_week[0] - 30 * DAY, time())
    slot = next_slot(windows, Busy(), any_week, now=long_ago, rules=rules, duration_minutes=duration)
    return slot is not None


def _growing(days: Sequence[date]) -> Iterator[Sequence[date]]:
    """Cut days into runs of 1, 2, 4, ..: the first day mostly does, a full calendar takes few queries."""
    start, size = 0, 1
    while start < len(days):
        yield days[start : start + size]
        start, size = start + size, size * 2


def _sqlstate(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)
