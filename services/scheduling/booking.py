"""Puts calls into the calendar so that they can't overlap, however many callers book at once.

Bookings take turns on one advisory lock, held until the caller's transaction ends: keep what follows short,
lock rows (e-mail, then calls) before booking, never after, and write rows of calls after, never before. The
exclusion constraints stay the last word, for whoever writes without taking a turn.
"""

from datetime import date, time
from typing import Any

import asyncpg
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from services import measures
from services.errors import Conflict, FieldError, InvalidInput, TemporarilyUnavailable
from services.models import PhoneCall, Therapist
from services.models.therapists import may_be_called
from services.rules import DeskRules
from services.scheduling.calendar import Unschedulable, busy_query, find_next, plannable
from services.scheduling.phone_hours import Interval, day_windows
from services.scheduling.slots import Slot, exists, span, within
from services.work import Moment, Transaction
from shared.plain_rows import PlainQuery

ATTEMPTS = 8
CALENDAR_LOCK = 0x63616C6C  # "call", among the database's advisory locks
EXCLUSION_VIOLATION = "23P01"

TURN = PlainQuery(select(func.pg_advisory_xact_lock(CALENDAR_LOCK)))


class NotToBeCalled(Unschedulable):
    """This therapist is blocked, inactive or does not want to be called."""


class CallCollision(Conflict):
    """This therapist already has call %(call_id)s at %(time)s on %(date)s."""


class NoFreeLine(CallCollision):
    """All lines of the desk are taken at that time."""


class CalendarBusy(TemporarilyUnavailable):
    """Too many calls are being booked right now."""

    retry_after_seconds = 2


async def lock_calendar(tx: Transaction) -> None:
    """Take this transaction's turn at booking, once all it wrote so far is with the database.

    Raises:
        CalendarBusy: the turn did not come within the lock timeout.
    """
    try:
        await tx.run(TURN)
    except asyncpg.LockNotAvailableError as error:
        raise CalendarBusy from error


async def wait_at_most(tx: Transaction, seconds: float) -> None:
    """Let this transaction wait for any lock no longer than so many seconds, 1 ms at least."""
    limit = f"{max(1, int(seconds * 1000))}ms"
    await tx.session.execute(select(func.set_config("lock_timeout", limit, True)))


async def book_next(
    tx: Transaction,
    therapist: Therapist,
    *,
    not_before: date | None = None,
    duration_minutes: int | None = None,
    **values: Any,
) -> PhoneCall:
    """Insert a call into the next free slot. Reports no event.

    `values` are further columns of the call, such as `grund`, `email_id`, `versuch`; unless they say where it
    comes from, it comes from the request that is being carried out.

    Raises:
        Unschedulable: the therapist is not to be called, has no phone hours or no free time.
        CalendarBusy: the turn did not come, or others keep taking the slot.
    """
    with measures.booking():
        await lock_calendar(tx)
        known = await tx.session.get(Therapist, therapist.id, populate_existing=True) or therapist
        return await _book_next(tx, known, None, not_before, duration_minutes, values)


async def book_found(
    tx: Transaction,
    therapist: Therapist,
    found: Slot | None,
    *,
    not_before: date | None,
    duration_minutes: int,
    **values: Any,
) -> PhoneCall:
    """Do what `book_next` does for who has locked the calendar, and read the therapist since.

    `found` is what a search since then has found, where there was one. It is searched again only if that is
    taken all the same.

    Raises:
        Unschedulable, CalendarBusy: as `book_next`.
    """
    with measures.booking():
        return await _book_next(tx, therapist, found, not_before, duration_minutes, values)


async def _book_next(
    tx: Transaction,
    therapist: Therapist,
    found: Slot | None,
    not_before: date | None,
    duration_minutes: int | None,
    values: dict[str, Any],
) -> PhoneCall:
    if not may_be_called(therapist):
        raise NotToBeCalled
    for _ in range(ATTEMPTS):
        slot = found or await find_next(
            tx, therapist, not_before=not_before, duration_minutes=duration_minutes
        )
        call = await _insert(tx, therapist.id, slot, values)
        if call is not None:
            return call
        found = None
    raise CalendarBusy


async def book_at(
    tx: Transaction,
    therapist: Therapist,
    day: date,
    at: time,
    *,
    duration_minutes: int | None = None,
    **values: Any,
) -> PhoneCall:
    """Insert a call at a time a person chose. Reports no event.

    A time outside the phone hours is accepted and marked `ausserhalb_erreichbarkeit`.

    Raises:
        InvalidInput: the time is past, too far ahead, or not all of it exists.
        CallCollision: the therapist or every line is taken at that time.
    """
    duration = duration_minutes or tx.rules.duration_minutes
    with measures.booking():
        check_time(tx, day, at, duration)
        await lock_calendar(tx)
        line = await _free_line(tx, therapist.id, span(day, at, duration))
        values["ausserhalb_erreichbarkeit"] = outside_phone_hours(therapist, day, at, duration, tx.rules)
        call = await _insert(tx, therapist.id, Slot(day, at, duration, line), values)
        if call is None:
            raise NoFreeLine
        return call


async def move(
    tx: Transaction,
    call: PhoneCall,
    therapist: Therapist | None,
    day: date,
    at: time,
    *,
    duration_minutes: int | None = None,
) -> None:
    """Move a scheduled call its caller has locked. Reports no event.

    The therapist's phone hours decide `ausserhalb_erreichbarkeit`; without a therapist it stays as it is.

    Raises:
        InvalidInput: the time is past, too far ahead, or not all of it exists.
        CallCollision: the therapist or every line is taken at that time.
    """
    duration = duration_minutes or call.dauer_minuten
    check_time(tx, day, at, duration)
    await lock_calendar(tx)
    wanted = span(day, at, duration)
    line = await _free_line(tx, call.therapist_id, wanted, ignore=call.id)
    try:
        async with tx.session.begin_nested():
            call.geplantes_datum, call.geplante_zeit, call.dauer_minuten = day, at, duration
            call.leitung = line
            if therapist is not None:
                call.ausserhalb_erreichbarkeit = outside_phone_hours(therapist, day, at, duration, tx.rules)
    except IntegrityError as error:
        if _sqlstate(error) != EXCLUSION_VIOLATION:
            raise
        raise NoFreeLine from error


async def move_to_next(
    tx: Transaction, call: PhoneCall, therapist: Therapist, *, not_before: date | None = None
) -> None:
    """Move a scheduled call its caller has locked to the next free slot.

    Raises:
        Unschedulable: the therapist is not to be called, has no phone hours or no free time.
    """
    await lock_calendar(tx)
    if not may_be_called(therapist):
        raise NotToBeCalled
    slot = await find_next(
        tx, therapist, not_before=not_before, duration_minutes=call.dauer_minuten, ignore_call_id=call.id
    )
    await move(tx, call, therapist, slot.day, slot.start)


async def free_line_for(tx: Transaction, call: PhoneCall, slot: Slot) -> int:
    """Return the line on which a call can return to a time: its former one, else any; the calendar is locked.

    Raises:
        CallCollision: the therapist or every line is taken at that time.
    """
    wanted = span(slot.day, slot.start, slot.duration_minutes)
    return await _free_line(tx, call.therapist_id, wanted, rather=slot.line, ignore=call.id)


def check_time(moment: Moment, day: date, at: time, duration_minutes: int) -> None:
    """Refuse a time at which no call can be.

    Raises:
        InvalidInput: it is past, too far ahead, or the clocks skip it, or a part of the call.
    """
    if day < moment.today:
        raise InvalidInput(FieldError("geplantes_datum", "This date is in the past."))
    if not plannable(moment, day):
        raise InvalidInput(FieldError("geplantes_datum", "This date is too far ahead."))
    if not exists(day, at, moment.rules, duration_minutes):
        raise InvalidInput(FieldError("geplante_zeit", "The clocks skip this time on that day."))
    if moment.rules.instant(day, at) < moment.now:
        raise InvalidInput(FieldError("geplante_zeit", "This time is in the past."))


def outside_phone_hours(therapist: Therapist, day: date, at: time, duration: int, rules: DeskRules) -> bool:
    """Say whether a call would not lie within the phone hours that are also the desk's."""
    windows = day_windows(therapist.availability, day, rules)
    return not within(windows, at, duration)


async def _free_line(
    tx: Transaction, therapist_id: int, wanted: Interval, *, rather: int = 1, ignore: int | None = None
) -> int:
    """Return a line that is free for a stretch of time: the one asked for, else the lowest.

    Raises:
        CallCollision: the therapist, whose earliest call in the way is named, or every line is taken.
    """
    taken: set[int] = set()
    found = await tx.session.execute(busy_query(wanted))
    for call_id, owner, day, at, _, line in sorted(found, key=lambda row: (row[2], row[3])):
        if call_id == ignore:
            continue
        if owner == therapist_id:
            raise CallCollision(call_id=call_id, date=day.isoformat(), time=f"{at:%H:%M}")
        taken.add(line)
    lines = (rather, *range(1, tx.rules.lines + 1))
    free = next((line for line in lines if line not in taken), None)
    if free is None:
        raise NoFreeLine
    return free


async def _insert(tx: Transaction, therapist_id: int, slot: Slot, values: dict[str, Any]) -> PhoneCall | None:
    """Insert a call; return None when somebody who took no turn holds its time."""
    return await tx.session.scalar(
        insert(PhoneCall)
        .values(
            therapist_id=therapist_id,
            geplantes_datum=slot.day,
            geplante_zeit=slot.start,
            dauer_minuten=slot.duration_minutes,
            leitung=slot.line,
            **{**tx.actor.origin.columns, **values},
        )
        .on_conflict_do_nothing()
        .returning(PhoneCall)
    )


def _sqlstate(error: IntegrityError) -> str | None:
    return getattr(error.orig, "sqlstate", None)
