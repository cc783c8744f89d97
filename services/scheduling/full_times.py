"""When no call can begin because every line is taken: as a search saw it, less what has become free since.

Bookings only make a calendar fuller. So what was full is full until something is freed, whoever books.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, time, timedelta
from typing import Protocol

from services.scheduling.phone_hours import MINUTE, Interval
from services.scheduling.slots import Lines, OnLines, on_grid
from services.work import Moment

MOST_STRETCHES = 2_000
MOST_KINDS = 64


class Freed(Protocol):
    """A stretch of time as the driver has it; None is for ever."""

    lower: datetime | None
    upper: datetime | None


class FullTimes:
    """Stretches in which no call of a length can begin on the grid, on as many lines as the desk has."""

    def __init__(self, duration_minutes: int) -> None:
        self._duration: timedelta = duration_minutes * MINUTE
        self._starts: list[datetime] = []
        self._ends: list[datetime] = []

    def add(self, start: datetime, end: datetime) -> None:
        """Note that no call can begin from a time on until another."""
        if len(self._starts) >= MOST_STRETCHES:
            self._starts, self._ends = [], []
        first, last = bisect_left(self._ends, start), bisect_right(self._starts, end)
        if first < last:
            start, end = min(start, self._starts[first]), max(end, self._ends[last - 1])
        self._starts[first:last], self._ends[first:last] = [start], [end]

    def cut(self, start: datetime | None, end: datetime | None) -> bool:
        """Forget what a call may have held up that was there from a time until another; say if that was any.

        Without one of the times that is all there is.
        """
        if start is None or end is None:
            had_any = bool(self._starts)
            self._starts, self._ends = [], []
            return had_any
        start -= self._duration
        first, last = bisect_right(self._ends, start), bisect_left(self._starts, end)
        if first >= last:
            return False
        kept = [(self._starts[first], start), (end, self._ends[last - 1])]
        left = [(begins, ends) for begins, ends in kept if begins < ends]
        self._starts[first:last] = [begins for begins, _ in left]
        self._ends[first:last] = [ends for _, ends in left]
        return True

    def without(self, openings: Iterable[Interval], not_before: datetime) -> Iterator[Interval]:
        """Yield openings from the first time on, if not before another, that is not known to be full."""
        for opens, end in openings:
            start = max(opens, not_before)
            last = bisect_right(self._starts, start) - 1
            later = max(start, self._ends[last]) if last >= 0 else start
            if later < end:
                yield Interval(later, end)


def full_from(
    moment: Moment, openings: Iterable[Interval], lines: Iterable[OnLines], duration_minutes: int
) -> Iterator[Interval]:
    """Yield what is full from the openings' beginning on, until the first time at which a line is free."""
    taken = Lines(lines, moment.rules.lines)
    duration = duration_minutes * MINUTE
    for opening in openings:
        midnight = datetime.combine(opening.start.date(), time())
        known, start = opening.start, on_grid(opening.start, midnight, moment.rules)
        while start + duration <= opening.end:
            free = taken.lowest_free(Interval(start, start + duration))
            if not isinstance(free, datetime):
                return
            start = on_grid(free, midnight, moment.rules)
            yield Interval(known, max(free, min(start, opening.end)))
            known = start


class RememberedFull:
    """What is known to be full: for each length of call, by what one session of the database has read.

    It is as of a snapshot. What a later one sees of `frei_geworden` that this one did not is what was freed.
    """

    def __init__(self) -> None:
        self._times: dict[tuple[int, int, int], FullTimes] = {}
        self._session: object = None
        self.snapshot: str | None = None
        """As of when it is known; None while nothing is."""

    def begin(self, session: object) -> None:
        """Forget what another session has read, or what nothing that lasts has, and what is too much."""
        if session is None or session is not self._session or len(self._times) > MOST_KINDS:
            self._times.clear()
            self._session, self.snapshot = session, None

    def times(self, moment: Moment, duration_minutes: int) -> FullTimes:
        """Return when no call of a length can begin, by the desk's lines and grid."""
        kind = (moment.rules.lines, moment.rules.grid_minutes, duration_minutes)
        if kind not in self._times:
            self._times[kind] = FullTimes(duration_minutes)
        return self._times[kind]

    def note(
        self, moment: Moment, openings: Iterable[Interval], lines: Iterable[OnLines], duration_minutes: int
    ) -> None:
        """Remember what is full at the beginning of openings; `lines` are all that was booked there."""
        times = self.times(moment, duration_minutes)
        for start, end in full_from(moment, openings, lines, duration_minutes):
            times.add(start, end)

    def seen(self, snapshot: str, freed: Sequence[Freed]) -> bool:
        """Go on to a later snapshot, with all that was freed since; say whether that counts."""
        self.snapshot = snapshot
        cut = [times.cut(one.lower, one.upper) for times in self._times.values() for one in freed]
        return any(cut)
