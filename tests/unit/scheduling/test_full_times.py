"""What is remembered as full is full, and all that may have been freed is forgotten."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, time
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scheduling.full_times import (
    MOST_KINDS,
    MOST_STRETCHES,
    FullTimes,
    RememberedFull,
    full_from,
)
from services.scheduling.phone_hours import MINUTE, Interval
from services.scheduling.slots import Busy, OnLines, bits_of, free_slots, next_slot
from tests.work import RULES, a_moment

MIDNIGHT = datetime.combine(date(2026, 10, 14), time())
TWO_LINES = a_moment(now=datetime.fromisoformat("2026-10-13T22:00+00:00"), rules=replace(RULES, lines=2))
EARLY = 60
HOURS = Interval(MIDNIGHT + EARLY * MINUTE, MIDNIGHT + 180 * MINUTE)
SESSION = object()


class Freed(NamedTuple):
    lower: datetime | None
    upper: datetime | None


def at(minute: int) -> datetime:
    return MIDNIGHT + minute * MINUTE


def call(start: int, length: int, line: int) -> OnLines:
    return OnLines(at(start), at(start + length), bits_of([line]))


calls = st.builds(call, st.integers(EARLY - 20, 180), st.integers(1, 40), st.integers(1, 2))


def left(full: FullTimes, opening: Interval = HOURS) -> list[Interval]:
    return list(full.without([opening], MIDNIGHT))


@given(st.lists(calls, max_size=14), st.lists(st.integers(0, 13), max_size=4), st.integers(1, 30))
def test_a_search_that_passes_over_what_was_full_finds_the_same_though_some_was_freed(
    booked: list[OnLines], freed: list[int], duration: int
):
    remembered = RememberedFull()
    remembered.note(TWO_LINES, [HOURS], booked, duration)
    gone = [one for number, one in enumerate(booked) if number in freed]
    still = [one for number, one in enumerate(booked) if number not in freed]
    remembered.seen("later", [Freed(one.start, one.end) for one in gone])
    looked_through = remembered.times(TWO_LINES, duration).without([HOURS], MIDNIGHT)
    assert next_slot(TWO_LINES, looked_through, Busy(lines=still), duration_minutes=duration) == next_slot(
        TWO_LINES, [HOURS], Busy(lines=still), duration_minutes=duration
    )


@given(st.lists(calls, max_size=14), st.integers(1, 30))
def test_what_is_full_ends_where_a_line_is_free(booked: list[OnLines], duration: int):
    full = list(full_from(TWO_LINES, [HOURS], booked, duration))
    free = free_slots(TWO_LINES, [HOURS], Busy(lines=booked), duration_minutes=duration)
    starts = [datetime.combine(slot.day, slot.start) for slot in free]
    assert not [start for start in starts for one in full if one.start <= start < one.end]
    if free and full:
        assert full[-1].end == starts[0]


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 60), st.integers(1, 20)), max_size=12),
    st.integers(1, 9),
)
def test_stretches_are_the_minutes_they_hold(steps: Iterable[tuple[bool, int, int]], duration: int):
    full, minutes = FullTimes(duration), set[int]()
    for is_added, start, length in steps:
        if is_added:
            full.add(at(start), at(start + length))
            minutes |= set(range(start, start + length))
        else:
            gone = set(range(start - duration, start + length))
            assert full.cut(at(start), at(start + length)) == bool(gone & minutes)
            minutes -= gone
    for minute in range(81):
        first = next(one for one in range(minute, 200) if one not in minutes)
        assert left(full, Interval(at(minute), at(200))) == [Interval(at(first), at(200))]


def test_an_opening_that_is_full_is_passed_over():
    full = FullTimes(5)
    full.add(HOURS.start, HOURS.end)
    assert left(full) == []
    assert left(full, Interval(at(0), at(EARLY))) == [Interval(at(0), at(EARLY))]


def test_what_may_not_ring_yet_does_not_hide_what_is_full():
    full = FullTimes(5)
    full.add(at(30), at(40))
    openings = [Interval(at(0), at(20)), Interval(at(20), at(60))]
    assert list(full.without(openings, at(32))) == [Interval(at(40), at(60))]


@pytest.mark.parametrize("freed", [Freed(None, None), Freed(None, HOURS.end), Freed(HOURS.start, None)])
def test_what_is_freed_for_ever_is_everything(freed: Freed):
    remembered = RememberedFull()
    remembered.begin(SESSION)
    remembered.times(TWO_LINES, 5).add(HOURS.start, HOURS.end)
    assert remembered.seen("1:1:", [freed])
    assert left(remembered.times(TWO_LINES, 5)) == [HOURS]


def test_what_another_session_has_read_or_nothing_that_lasts_is_forgotten():
    remembered = RememberedFull()
    for session in (SESSION, object(), None, None):
        remembered.begin(session)
        assert remembered.snapshot is None
        assert left(remembered.times(TWO_LINES, 5)) == [HOURS]
        remembered.times(TWO_LINES, 5).add(HOURS.start, HOURS.end)
        remembered.seen("1:1:", [])
    remembered.begin(SESSION)
    remembered.times(TWO_LINES, 5).add(HOURS.start, HOURS.end)
    remembered.seen("1:1:", [])
    remembered.begin(SESSION)
    assert remembered.snapshot == "1:1:"
    assert left(remembered.times(TWO_LINES, 5)) == []


def test_other_lines_another_grid_or_length_are_not_full_by_that():
    remembered = RememberedFull()
    remembered.times(TWO_LINES, 5).add(HOURS.start, HOURS.end)
    for lines, grid, duration in ((3, RULES.grid_minutes, 5), (2, 7, 5), (2, RULES.grid_minutes, 6)):
        other = a_moment(rules=replace(RULES, lines=lines, grid_minutes=grid))
        assert left(remembered.times(other, duration)) == [HOURS]


def test_there_is_a_bound_to_what_is_remembered():
    full = FullTimes(5)
    for number in range(MOST_STRETCHES + 1):
        full.add(at(2 * number), at(2 * number + 1))
    assert left(full, Interval(at(0), at(1))) == [Interval(at(0), at(1))]


def test_and_for_how_many_lengths():
    """Who searches by one meanwhile keeps it until the next turn: what is freed counts for it, too."""
    remembered = RememberedFull()
    remembered.begin(SESSION)
    first = remembered.times(TWO_LINES, 1)
    first.add(HOURS.start, HOURS.end)
    for duration in range(2, MOST_KINDS + 2):
        remembered.times(TWO_LINES, duration)
    assert remembered.seen("1:1:", [Freed(HOURS.start, HOURS.end)])
    remembered.begin(SESSION)
    assert remembered.times(TWO_LINES, 1) is not first
