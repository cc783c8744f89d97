"""When a therapist can be rung: pure functions over phone hours, desk hours, holidays and what is booked.

All dates and times are local wall clock (`rules.tz`), without a zone, as the database keeps them. Only the
minimum notice is an instant, so that it is right in nights when the clocks change.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from services.hours.windows import Window, minute_of_day
from services.rules import DeskRules
from services.scheduling.phone_hours import MINUTE, Interval
from services.work import Moment


class Slot(NamedTuple):
    """A time when a call can take place, and the desk line it would use."""

    day: date
    start: time
    duration_minutes: int
    line: int


class OnLines(NamedTuple):
    """A stretch of wall-clock time and the desk lines that are taken in it, as `bits_of` has them."""

    start: datetime
    end: datetime
    lines: int


@dataclass(frozen=True, slots=True)
class Busy:
    """What is booked: the therapist's own calls, and all calls with their desk lines."""

    therapist: Sequence[Interval] = ()
    lines: Sequence[OnLines] = ()


def bits_of(lines: Iterable[int]) -> int:
    """Return a set of lines, numbered from 1, as bits of a number; the first line is the lowest bit."""
    bits = 0
    for line in lines:
        bits |= 1 << line - 1
    return bits


def next_slot(
    moment: Moment, openings: Iterable[Interval], busy: Busy, *, duration_minutes: int
) -> Slot | None:
    """Return the first slot in `openings`, on the lowest free line, or None when there is none."""
    return next(_slots(moment, openings, busy, duration_minutes), None)


def free_slots(
    moment: Moment, openings: Iterable[Interval], busy: Busy, *, duration_minutes: int
) -> list[Slot]:
    """Return every grid point in `openings` at which a call could start, in order; they may overlap."""
    return list(_slots(moment, openings, busy, duration_minutes))


def days_to_search(moment: Moment, *, not_before: date | None = None) -> list[date]:
    """Return the days of the horizon, counted from the first on which a call may be."""
    first = (moment.now + moment.rules.notice).astimezone(moment.rules.tz).date()
    if not_before is not None:
        first = max(first, not_before)
    count = min(moment.rules.horizon_days, date.max.toordinal() - first.toordinal())
    return list(map(date.fromordinal, range(first.toordinal(), first.toordinal() + count)))


def exists(day: date, at: time, rules: DeskRules, duration_minutes: int = 1) -> bool:
    """Say whether every minute from a time on occurs: when clocks go forward, those of an hour do not.

    So calls that are apart by the wall clock are apart in real time as well. When clocks go back, the first
    of the repeated hours is meant, and what is apart by the wall clock is only further apart.
    """
    wanted = span(day, at, duration_minutes)
    real = _real_length(wanted, rules)
    return real is not None and real >= wanted.end - wanted.start


def span(day: date, at: time, duration_minutes: int) -> Interval:
    """Return the stretch of time a call occupies."""
    start = datetime.combine(day, at)
    return Interval(start, start + duration_minutes * MINUTE)


def within(windows: Iterable[Window], at: time, duration_minutes: int) -> bool:
    """Say whether a whole call lies inside one of a day's windows."""
    start = minute_of_day(at)
    end = start + duration_minutes
    return any(opens <= start and end <= closes for opens, closes in (window.minutes for window in windows))


def on_grid(at: datetime, midnight: datetime, rules: DeskRules) -> datetime:
    """Return the first grid point, counted from midnight, that is not before a time."""
    grid = rules.grid_minutes * MINUTE
    return midnight - (midnight - at) // grid * grid


class Occupied:
    """Intervals that may come unsorted and overlapping, asked again and again what blocks a stretch."""

    def __init__(self, intervals: Iterable[Interval], margin: timedelta = timedelta()) -> None:
        self._starts: list[datetime] = []
        self._ends: list[datetime] = []
        for start, end in sorted(intervals):
            if self._ends and start - margin <= self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], end + margin)
            else:
                self._starts.append(start - margin)
                self._ends.append(end + margin)

    def blocked_until(self, wanted: Interval) -> datetime | None:
        """Return the end of what last overlaps the stretch, or None when it is free."""
        last = bisect_left(self._starts, wanted.end) - 1
        return self._ends[last] if last >= 0 and self._ends[last] > wanted.start else None


class Lines:
    """The desk's lines, asked for stretches of time of which none begins before the last one asked for."""

    def __init__(self, taken: Iterable[OnLines], count: int) -> None:
        self._all = (1 << count) - 1
        self._to_come = sorted(taken, reverse=True)
        self._begun: list[OnLines] = []

    def lowest_free(self, wanted: Interval) -> int | datetime:
        """Return the lowest free line's number, or until when all of them are taken at least."""
        while self._to_come and self._to_come[-1].start < wanted.end:
            self._begun.append(self._to_come.pop())
        self._begun = [taken for taken in self._begun if taken.end > wanted.start]
        free = self._all
        for taken in self._begun:
            free &= ~taken.lines
        return (free & -free).bit_length() or min(taken.end for taken in self._begun)


def _slots(moment: Moment, openings: Iterable[Interval], busy: Busy, duration_minutes: int) -> Iterator[Slot]:
    own = Occupied(busy.therapist, moment.rules.gap)
    lines = Lines(busy.lines, moment.rules.lines)
    earliest = moment.now + moment.rules.notice
    for opening in openings:
        midnight = datetime.combine(opening.start.date(), time())
        start = on_grid(opening.start, midnight, moment.rules)
        while start + duration_minutes * MINUTE <= opening.end:
            wanted = Interval(start, start + duration_minutes * MINUTE)
            free = own.blocked_until(wanted) or lines.lowest_free(wanted)
            if isinstance(free, datetime):
                start = on_grid(free, midnight, moment.rules)
                continue
            if _may_ring(wanted, earliest, moment.rules):
                yield Slot(start.date(), start.time(), duration_minutes, free)
            start += moment.rules.grid_minutes * MINUTE


def _may_ring(wanted: Interval, earliest: datetime, rules: DeskRules) -> bool:
    """Say whether the notice is kept and no clock change falls into the call."""
    begins = _instant(wanted.start, rules)
    kept = begins is not None and begins >= earliest
    return kept and _real_length(wanted, rules) == wanted.end - wanted.start


def _real_length(wanted: Interval, rules: DeskRules) -> timedelta | None:
    """Return what passes between two wall-clock times; None where the first or the last minute is skipped."""
    begins, last = _instant(wanted.start, rules), _instant(wanted.end - MINUTE, rules)
    return None if begins is None or last is None else last + MINUTE - begins


def _instant(wall_clock: datetime, rules: DeskRules) -> datetime | None:
    """Return the UTC instant of a wall-clock time, the first if it occurs twice, None if never."""
    instant = wall_clock.replace(tzinfo=rules.tz).astimezone(UTC)
    return instant if instant.astimezone(rules.tz).replace(tzinfo=None) == wall_clock else None
