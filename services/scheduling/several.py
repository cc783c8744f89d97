"""Finds free times for several calls at once, as `calendar.find_next` would one after the other.

What is booked is read once for all of them, over the connection on which the calendar is locked.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import TypeVar

import asyncpg

from services.hours.reading import Availability
from services.models import SCHEMA
from services.scheduling.calendar import searched
from services.scheduling.phone_hours import Interval
from services.scheduling.slots import Busy, OnLines, Slot, bits_of, next_slot, span
from services.work import Moment
from shared.postgresql import Connection

BUSY = f"""
    SELECT c.geplantes_datum, c.geplante_zeit, c.dauer_minuten, array_agg(c.leitung),
        array_agg(c.therapist_id) FILTER (WHERE c.therapist_id = ANY($2::int[]))
    FROM {SCHEMA}.phone_calls c
    WHERE status = 'scheduled'
        AND {SCHEMA}.zeitfenster(geplantes_datum, geplante_zeit, dauer_minuten) && $1::tsmultirange
    GROUP BY c.geplantes_datum, c.geplante_zeit, c.dauer_minuten
"""  # noqa: S608

Key = TypeVar("Key")

MOST_AT_FIRST = 16
"""Of a search's pieces of the calendar: eight hours."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A call that may be at any time: with whom, when they answer the phone, asked for when, how long."""

    therapist_id: int
    hours: Availability
    moment: Moment
    minutes: int


class SlotFinder:
    """Reads at once as much as the last search had to look through: the next has about as far to go."""

    def __init__(self) -> None:
        self._pieces = 1

    async def find_each(self, connection: Connection, wanted: Mapping[Key, Wanted]) -> dict[Key, Slot]:
        """Return the next free slot of each that has one."""
        size, passed = min(self._pieces, MOST_AT_FIRST), 0
        searches = {
            key: searched(one.moment, one.hours, one.minutes, at_first=size) for key, one in wanted.items()
        }
        slots: dict[Key, Slot] = {}
        while searches:
            openings = {key: some for key, search in searches.items() if (some := next(search, None))}
            if not openings:
                break
            calendar = await _read(connection, [(wanted[key], some) for key, some in openings.items()])
            for key, slot in slots.items():
                calendar.enter(wanted[key], slot)
            for key, some in openings.items():
                slot = calendar.next_slot(wanted[key], some)
                if slot is not None:
                    slots[key] = slot
                    calendar.enter(wanted[key], slot)
                    self._pieces = passed + _pieces_until(slot, some)
            passed += max(len(some) for some in openings.values())
            searches = {key: searches[key] for key in openings if key not in slots}
        return slots


class _Calendar:
    """What is booked in a part of the calendar."""

    def __init__(self) -> None:
        self.own: dict[int, list[Interval]] = {}
        self.lines: list[OnLines] = []

    def next_slot(self, one: Wanted, openings: Sequence[Interval]) -> Slot | None:
        busy = Busy(self.own.get(one.therapist_id, ()), self.lines)
        return next_slot(one.moment, openings, busy, duration_minutes=one.minutes)

    def enter(self, one: Wanted, slot: Slot) -> None:
        self.add(span(slot.day, slot.start, slot.duration_minutes), [slot.line], [one.therapist_id])

    def add(self, taken: Interval, lines: Iterable[int], therapists: Iterable[int]) -> None:
        self.lines.append(OnLines(*taken, bits_of(lines)))
        for therapist_id in therapists:
            self.own.setdefault(therapist_id, []).append(taken)


async def _read(connection: Connection, looked_at: list[tuple[Wanted, Sequence[Interval]]]) -> _Calendar:
    """Return what is booked in and near openings."""
    stretches = set(chain.from_iterable(_near(one, some) for one, some in looked_at))
    ranges = [asyncpg.Range(start, end) for start, end in stretches]
    therapists = list({one.therapist_id for one, _ in looked_at})
    calendar = _Calendar()
    for day, at, minutes, lines, theirs in await connection.fetch(BUSY, ranges, therapists):
        calendar.add(span(day, at, minutes), lines, theirs or ())
    return calendar


def _near(one: Wanted, openings: Sequence[Interval]) -> Iterator[Interval]:
    gap = one.moment.rules.gap
    return (Interval(start - gap, end + gap) for start, end in openings)


def _pieces_until(slot: Slot, pieces: Sequence[Interval]) -> int:
    start = datetime.combine(slot.day, slot.start)
    return sum(piece.start <= start for piece in pieces)
