"""Finds free times for several calls at once, as `calendar.find_next` would one after the other.

What is booked is read once for all of them, over the connection on which the calendar is locked. What was
full is remembered, and not read again until something there has become free (docs/decisions/0022).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import TypeVar

import asyncpg

from services.hours.reading import Availability
from services.models import SCHEMA
from services.scheduling.calendar import searched
from services.scheduling.full_times import RememberedFull
from services.scheduling.phone_hours import Interval
from services.scheduling.slots import Busy, OnLines, Slot, bits_of, next_slot, span
from services.work import Moment
from shared.direct_connection import Turn

BUSY = f"""
    SELECT NULL::date, NULL::time, NULL::int, NULL::int[], NULL::int[], turn::text, NULL::tsrange[]
    FROM (SELECT pg_advisory_lock($1::bigint) AS turn WHERE $1 IS NOT NULL) AS taken
    UNION ALL
    SELECT NULL, NULL, NULL, NULL, NULL, pg_current_snapshot()::text, ARRAY(
        SELECT zeit FROM {SCHEMA}.frei_geworden
        WHERE xid >= pg_snapshot_xmin($4::text::pg_snapshot)::text::bigint
            AND NOT pg_visible_in_snapshot(xid::text::xid8, $4::text::pg_snapshot)
    )
    WHERE $1 IS NULL
    UNION ALL
    SELECT c.geplantes_datum, c.geplante_zeit, c.dauer_minuten, array_agg(c.leitung),
        array_agg(c.therapist_id) FILTER (WHERE c.therapist_id = ANY($3::int[])), NULL, NULL
    FROM {SCHEMA}.phone_calls c
    WHERE $1 IS NULL AND status = 'scheduled'
        AND {SCHEMA}.zeitfenster(geplantes_datum, geplante_zeit, dauer_minuten) && $2::tsmultirange
        AND int4range(leitung, leitung, '[]') && '[1,)'
    GROUP BY c.geplantes_datum, c.geplante_zeit, c.dauer_minuten
"""  # noqa: S608
"""Takes the turn (`$1`), or returns what is booked, and first its snapshot with what was freed since another.

That the line is one at all is true of every call; it names the index that finds calls by their time.
"""

Key = TypeVar("Key")

MOST_AT_FIRST = 16
"""Of a search's pieces: 80 minutes on a grid of five, eight hours where nothing is remembered."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A call that may be at any time: with whom, when they answer the phone, asked for when, how long."""

    therapist_id: int
    hours: Availability
    moment: Moment
    minutes: int


class SlotFinder:
    """Finds times, and remembers what was full where a session of the database lasts from turn to turn.

    It reads at once as much as the last search had to look through: the next has about as far to go.
    """

    def __init__(self) -> None:
        self._full = RememberedFull()
        self._pieces = 1

    async def find_each(
        self, turn: Turn, wanted: Mapping[Key, Wanted], is_wanted: Callable[[Key], bool]
    ) -> dict[Key, Slot]:
        """Return the next free slot of each that has one and, when the turn has come, is still wanted."""
        self._full.begin(turn.session)
        searches = self._searches(turn, wanted)
        calendar = _Calendar()
        was_freed = await self._look_on(turn, list(searches.values()), calendar)
        wanted = {key: one for key, one in wanted.items() if is_wanted(key)}
        if was_freed:
            searches = self._searches(turn, wanted)
            calendar = _Calendar()
            await self._look_on(turn, list(searches.values()), calendar)
        left = [searches[key] for key in wanted]
        slots: dict[Key, Slot] = {}
        for number, key in enumerate(wanted):
            slot = await self._find(turn, left[number:], calendar)
            if slot is not None:
                slots[key] = slot
        return slots

    async def _find(self, turn: Turn, searches: list["_Search"], calendar: "_Calendar") -> Slot | None:
        """Return the first one's slot, and enter it; the others look on with it once."""
        search, *_ = look_on = searches
        while True:
            slot = calendar.next_slot(search)
            if slot is not None:
                calendar.enter(search.wanted, slot)
                self._pieces = search.pieces_until(slot)
                return slot
            if search.is_over:
                return None
            await self._look_on(turn, look_on, calendar)
            look_on = [search]

    def _searches(self, turn: Turn, wanted: Mapping[Key, Wanted]) -> dict[Key, "_Search"]:
        at_first = min(self._pieces, MOST_AT_FIRST)
        return {
            key: _Search(
                one,
                searched(
                    one.moment,
                    one.hours,
                    one.minutes,
                    at_first=at_first,
                    full=self._full.times(one.moment, one.minutes) if turn.session else None,
                ),
            )
            for key, one in wanted.items()
        }

    async def _look_on(self, turn: Turn, searches: list["_Search"], calendar: "_Calendar") -> bool:
        """Read what is booked where each looks next; say whether something that was full is not any more."""
        looked_at = [(one.wanted, some) for one in searches if (some := one.look_on())]
        if not looked_at:
            return False
        stretches = set(chain.from_iterable(_near(one, some) for one, some in looked_at))
        ranges = [asyncpg.Range(start, end) for start, end in stretches]
        therapists = list({one.therapist_id for one, _ in looked_at})
        was_freed, read = False, _Calendar()
        rows = await turn.read(BUSY, ranges, therapists, self._full.snapshot)
        for day, at, minutes, lines, theirs, snapshot, freed in rows:
            if snapshot is None:
                read.add(span(day, at, minutes), lines, theirs or ())
            else:
                was_freed = self._full.seen(snapshot, freed)
        one, some = looked_at[0]
        self._full.note(one.moment, some, read.lines, one.minutes)
        calendar.add_all(read)
        return was_freed


@dataclass(eq=False, slots=True)
class _Search:
    """Where a call's time is looked for: piece by piece, and in which pieces it has been."""

    wanted: Wanted
    to_come: Iterator[Sequence[Interval]]
    pieces: list[Interval] = field(default_factory=list[Interval])
    is_over: bool = False

    def look_on(self) -> Sequence[Interval]:
        """Return the next pieces, or none."""
        some = next(self.to_come, ())
        self.pieces += some
        self.is_over = not some
        return some

    def pieces_until(self, slot: Slot) -> int:
        start = datetime.combine(slot.day, slot.start)
        return sum(piece.start <= start for piece in self.pieces)


class _Calendar:
    """What is booked in a part of the calendar."""

    def __init__(self) -> None:
        self.own: dict[int, list[Interval]] = {}
        self.lines: list[OnLines] = []

    def next_slot(self, search: _Search) -> Slot | None:
        one = search.wanted
        busy = Busy(self.own.get(one.therapist_id, ()), self.lines)
        return next_slot(one.moment, search.pieces, busy, duration_minutes=one.minutes)

    def enter(self, one: Wanted, slot: Slot) -> None:
        self.add(span(slot.day, slot.start, slot.duration_minutes), [slot.line], [one.therapist_id])

    def add(self, taken: Interval, lines: Iterable[int], therapists: Iterable[int]) -> None:
        self.lines.append(OnLines(*taken, bits_of(lines)))
        for therapist_id in therapists:
            self.own.setdefault(therapist_id, []).append(taken)

    def add_all(self, other: "_Calendar") -> None:
        self.lines += other.lines
        for therapist_id, taken in other.own.items():
            self.own.setdefault(therapist_id, []).extend(taken)


def _near(one: Wanted, openings: Sequence[Interval]) -> Iterator[Interval]:
    gap = one.moment.rules.gap
    return (Interval(start - gap, end + gap) for start, end in openings)
