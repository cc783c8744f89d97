"""Finds free times: the calls in the database, brought to the pure functions of `slots`."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, DateTime, Integer, Select, bindparam, func, literal_column, select

from services.errors import FieldError, InvalidInput, NotFound
from services.hours.reading import Availability
from services.hours.windows import Window, minute_of_day
from services.models import PhoneCall, Therapist
from services.models.therapists import may_be_called
from services.rules import DeskRules
from services.scheduling.full_times import FullTimes
from services.scheduling.phone_hours import DAY, MINUTE, Interval, day_windows, each_opening, openings
from services.scheduling.slots import (
    Busy,
    OnLines,
    Slot,
    bits_of,
    days_to_search,
    free_slots,
    next_slot,
    span,
)
from services.therapists.directory import TherapistDirectory, UnknownTherapist
from services.work import Moment, Transaction, Work
from shared.plain_rows import PlainQuery

LONGEST_CALL_MINUTES = 240
FURTHEST_DAYS = 731
PIECE = timedelta(minutes=30)
FIRST_LOOK = 4
"""So many pieces a search reads at first: as quick as one, and often all it needs where much is booked."""

NO_CALL = 0
"""The id of none, for a search that leaves none out."""


class Unschedulable(InvalidInput):
    """No time can be found for this call."""

    def __init__(self, **values: str) -> None:
        super().__init__(FieldError("therapist_id", self.message_id, tuple(values.items())))
        self.values = values

    @property
    def reason(self) -> FieldError:
        """The message with its values, to be told without an error."""
        return self.fields[0]


class NoWindow(Unschedulable):
    """This therapist has no phone hours within the desk's hours (%(opens)s to %(closes)s)."""

    def __init__(self, rules: DeskRules) -> None:
        opens, closes = (minute_of_day(at) for at in rules.desk_hours)
        super().__init__(opens=_clock(opens), closes=_clock(closes))


class HoursTooShort(NoWindow):
    """This therapist's phone hours are too short for a call of %(minutes)s minutes."""

    def __init__(self, duration_minutes: int) -> None:
        Unschedulable.__init__(self, minutes=str(duration_minutes))


class UnreadableHours(NoWindow):
    """This therapist's phone hours can't be read, or not all of them, and the rest has no time for a call."""

    def __init__(self) -> None:
        Unschedulable.__init__(self)


class NoFreeSlot(Unschedulable):
    """No time is free in this therapist's phone hours within the planning horizon."""


async def find_next(
    tx: Transaction,
    therapist: Therapist,
    *,
    not_before: date | None = None,
    duration_minutes: int | None = None,
    ignore_call_id: int | None = None,
) -> Slot:
    """Return the next free slot, as `book_next` would take it now; never one in an absence.

    Raises:
        NoWindow: there are no phone hours within the desk's hours on any day.
        HoursTooShort: there are, but such a call does not fit in.
        UnreadableHours: the same as these, as far as the phone hours can be read.
        NoFreeSlot: everything within the horizon is taken.
    """
    duration = duration_minutes or tx.rules.duration_minutes
    hours = therapist.availability
    for some in searched(tx, hours, duration, not_before=not_before, at_first=FIRST_LOOK):
        busy = await _busy_in(tx, therapist, some, ignore_call_id)
        slot = next_slot(tx, some, busy, duration_minutes=duration)
        if slot is not None:
            return slot
    raise _why_none(hours, tx.rules, duration)


async def free_slots_of_day(
    tx: Transaction,
    therapist: Therapist,
    day: date,
    *,
    duration_minutes: int | None = None,
    ignore_call_id: int | None = None,
) -> list[Slot]:
    """Return every time of a day at which a call could start."""
    some = openings(therapist.availability, [day], tx.rules) if plannable(tx, day) else []
    if not some:
        return []
    busy = await _busy_in(tx, therapist, some, ignore_call_id)
    duration = duration_minutes or tx.rules.duration_minutes
    return free_slots(tx, some, busy, duration_minutes=duration)


async def _busy_in(
    tx: Transaction, therapist: Therapist, openings: Sequence[Interval], ignore_call_id: int | None
) -> Busy:
    """Return what is booked from the first opening, or the end of the notice, to the last one's end.

    Calls at the same time come in one row: a desk with many lines has many of them.
    """
    earliest = tx.rules.local(tx.now + tx.rules.notice).replace(tzinfo=None)
    start, end = max(openings[0].start, earliest), openings[-1].end
    if start >= end:
        return Busy()
    rows = await tx.rows(
        BUSY,
        start=start - tx.rules.gap,
        end=end + tx.rules.gap,
        therapist_id=therapist.id,
        ignored=ignore_call_id or NO_CALL,
    )
    own: list[Interval] = []
    lines: list[OnLines] = []
    for day, at, minutes, is_theirs, on_lines in rows:
        taken = span(day, at, minutes)
        lines.append(OnLines(*taken, bits_of(on_lines)))
        if is_theirs:
            own.append(taken)
    return Busy(own, lines)


def searched(
    moment: Moment,
    hours: Availability,
    duration: int,
    *,
    not_before: date | None = None,
    at_first: int = 1,
    full: FullTimes | None = None,
) -> Iterator[Sequence[Interval]]:
    """Yield where a call's next free slot is looked for, piece by piece: 1, then 2, 4, .. of them.

    The first mostly does, and a full calendar takes few queries. `at_first` is how many there are to begin.
    What is known to be `full` is passed over; what comes then is likely to be free, so the pieces are small.
    """
    first = max(filter(None, (not_before, hours.back_on)), default=None)
    opened = each_opening(hours, days_to_search(moment, not_before=first), moment.rules)
    earliest, length, size = moment.now + moment.rules.notice, PIECE, at_first
    if full is not None:
        opened = full.without(opened, moment.rules.local(earliest).replace(tzinfo=None))
        length = moment.rules.grid_minutes * MINUTE
    every = pieces(opened, earliest, duration, moment.rules, length)
    while some := list(islice(every, size)):
        yield some
        size *= 2


def busy_query(stretch: Interval) -> Select[int, int, date, time, int, int]:
    """Return the query for the scheduled calls that reach into a stretch of time."""
    return _reaching_into(func.tsrange(stretch.start, stretch.end))


def _reaching_into(stretch: ColumnElement[Any]) -> Select[int, int, date, time, int, int]:
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
        occupied.op("&&")(stretch),
    )


def _busy() -> Select[date, time, int, bool, Any]:
    start, end = (bindparam(name, type_=DateTime()) for name in ("start", "end"))
    therapist_id, ignored = (bindparam(name, type_=Integer) for name in ("therapist_id", "ignored"))
    call = _reaching_into(func.tsrange(start, end)).subquery().c
    when = (call.geplantes_datum, call.geplante_zeit, call.dauer_minuten)
    theirs = func.bool_or(call.therapist_id == therapist_id)
    taken = select(*when, theirs, func.array_agg(call.leitung)).group_by(*when)
    return taken.where(call.id != ignored)


BUSY = PlainQuery(_busy())


def plannable(moment: Moment, day: date) -> bool:
    """Say whether calls can be planned on a day at all: neither past nor absurdly far ahead."""
    return 0 <= (day - moment.today).days <= FURTHEST_DAYS


def _why_none(hours: Availability, rules: DeskRules, duration: int) -> Unschedulable:
    """Return why no slot was found: what an empty calendar could hold in a week without holidays."""
    usually = replace(hours, back_on=None)
    week = openings(usually, (date(2024, 6, 3) + number * DAY for number in range(7)), rules)
    long_ago = datetime(2024, 1, 1, tzinfo=UTC)
    if next_slot(Moment(now=long_ago, rules=rules), week, Busy(), duration_minutes=duration) is not None:
        return NoFreeSlot()
    if hours.problems:
        return UnreadableHours()
    return HoursTooShort(duration) if week else NoWindow(rules)


def pieces(
    openings: Iterable[Interval],
    earliest: datetime,
    duration: int,
    rules: DeskRules,
    length: timedelta = PIECE,
) -> Iterator[Interval]:
    """Cut openings so that little has to be read for each; a call starting in a piece fits into it."""
    from_then = rules.local(earliest).replace(tzinfo=None)
    for opens, closes in openings:
        start = opens
        while start + duration * MINUTE <= closes:
            piece = Interval(start, min(closes, start + length + duration * MINUTE))
            if piece.end > from_then:
                yield piece
            start += length


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


@dataclass(frozen=True, slots=True)
class FreeTimes:
    """When a call could start, and the phone hours within the desk's hours it was looked for in.

    `may_be_called` is False for who is blocked, inactive or does not want to be called; nothing is free then,
    nor in an absence, before `back_on`.
    """

    therapist_id: int
    day: date
    duration_minutes: int
    may_be_called: bool
    windows: list[Window]
    slots: list[Slot]
    back_on: date | None


async def load_free_times(
    work: Work,
    therapist_id: int,
    day: date,
    *,
    directory: TherapistDirectory,
    duration_minutes: int | None = None,
) -> FreeTimes:
    """Return a day's free times; every grid point at which a whole call fits, so they overlap each other.

    Raises:
        NotFound: there is no such therapist.
        TemporarilyUnavailable: the therapist is not known here and their directory can't be asked.
    """
    try:
        therapist = await directory.get(work, therapist_id)
    except UnknownTherapist as error:
        raise NotFound from error
    duration = duration_minutes or work.rules.duration_minutes
    allowed = may_be_called(therapist)
    slots: list[Slot] = []
    if allowed:
        async with work.transaction() as tx:
            slots = await free_slots_of_day(tx, therapist, day, duration_minutes=duration)
    windows = day_windows(therapist.availability, day, work.rules)
    return FreeTimes(therapist.id, day, duration, allowed, windows, slots, therapist.wieder_da_am)
