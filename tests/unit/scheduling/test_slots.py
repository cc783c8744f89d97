from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from services.hours.reading import Availability, Windows, parse
from services.hours.windows import time_of_day
from services.rules import DeskRules
from services.scheduling.phone_hours import Interval, is_holiday, openings
from services.scheduling.slots import (
    Busy,
    OnLines,
    Slot,
    bits_of,
    days_to_search,
    exists,
    free_slots,
    next_slot,
    span,
    within,
)
from shared.config.settings import load_settings
from tests.work import a_moment

RULES = DeskRules.from_settings(load_settings(env_file=None))
WEDNESDAY = date(2026, 10, 14)
THURSDAY = WEDNESDAY + timedelta(days=1)
NOW = datetime(2026, 10, 14, 8, 42, tzinfo=UTC)
DAILY = ("mo", "di", "mi", "do", "fr", "sa", "so")


def windows_on(text: str, *days: str) -> Windows:
    return parse(dict.fromkeys(days or DAILY, text)).windows


def find(
    windows: Windows,
    busy: Busy | None = None,
    *,
    now: datetime = NOW,
    rules: DeskRules = RULES,
    minutes: int = 5,
    not_before: date | None = None,
) -> Slot | None:
    days = days_to_search(a_moment(now=now, rules=rules), not_before=not_before)
    times = openings(Availability(windows), days, rules)
    return next_slot(a_moment(now=now, rules=rules), times, busy or Busy(), duration_minutes=minutes)


def taken(at: str, minutes: int = 5, day: date = WEDNESDAY) -> Interval:
    return span(day, time.fromisoformat(at), minutes)


def on(lines: dict[int, list[Interval]]) -> list[OnLines]:
    """Say by stretches of time what is said by lines; a line that is taken twice at a time stays taken."""
    return [OnLines(*stretch, bits_of([line])) for line, some in lines.items() for stretch in some]


def test_the_notice_is_kept_on_the_next_grid_point():
    assert find(windows_on("9-17")) == Slot(WEDNESDAY, time(11, 15), 5, 1)
    assert find(windows_on("9-17"), now=NOW + timedelta(minutes=3)) == Slot(WEDNESDAY, time(11, 15), 5, 1)
    assert find(windows_on("9-17"), now=NOW + timedelta(minutes=3, microseconds=1)) == Slot(
        WEDNESDAY, time(11, 20), 5, 1
    )


def test_the_last_slot_that_just_fits_counts():
    assert find(windows_on("9-11:20", "mi")) == Slot(WEDNESDAY, time(11, 15), 5, 1)
    assert find(windows_on("9-11:19", "mi"), rules=replace(RULES, horizon_days=6)) is None


def test_a_five_minute_window_holds_one_five_minute_call():
    windows = windows_on("14:00-14:05", "mi")
    assert find(windows) == Slot(WEDNESDAY, time(14), 5, 1)
    full = Busy([taken("14:00")], on({1: [taken("14:00")]}))
    assert find(windows, full) == Slot(WEDNESDAY + timedelta(days=7), time(14), 5, 1)


def test_the_duration_need_not_equal_the_grid():
    assert find(windows_on("14:00-14:07"), minutes=7) == Slot(WEDNESDAY, time(14), 7, 1)
    assert find(windows_on("14:01-14:12"), minutes=7) == Slot(WEDNESDAY, time(14, 5), 7, 1)
    assert find(windows_on("14:00-14:07"), minutes=8) is None


def test_desk_hours_cut_the_windows():
    assert find(windows_on("6-24:00"), not_before=THURSDAY) == Slot(THURSDAY, time(8), 5, 1)
    evening = replace(RULES, desk_hours=(time(20), time.max))
    assert find(windows_on("23:55-24:00"), rules=evening) == Slot(WEDNESDAY, time(23, 55), 5, 1)
    assert find(windows_on("18-20")) is None


def test_own_calls_keep_a_gap_on_both_sides():
    windows = windows_on("14-15")
    assert find(windows, Busy([taken("14:00")])) == Slot(WEDNESDAY, time(14, 10), 5, 1)
    assert find(windows, Busy([taken("14:05")])) == Slot(WEDNESDAY, time(14, 15), 5, 1)
    assert find(windows, Busy([taken("14:10")])) == Slot(WEDNESDAY, time(14), 5, 1)


def test_the_lowest_free_line_is_used_and_needs_no_gap():
    at_two = taken("14:00")
    assert find(windows_on("14-15"), Busy(lines=on({1: [at_two]}))) == Slot(WEDNESDAY, time(14), 5, 2)
    assert find(windows_on("14-15"), Busy(lines=[OnLines(*at_two, bits_of([1, 2, 3]))])) == Slot(
        WEDNESDAY, time(14, 5), 5, 1
    )


def test_a_line_must_be_free_for_the_whole_call():
    one_line = replace(RULES, lines=1)
    busy = Busy(lines=on({1: [taken("14:10", 5), taken("14:20", 240)]}))
    assert find(windows_on("14-15"), busy, rules=one_line, minutes=10) == Slot(WEDNESDAY, time(14), 10, 1)
    assert find(windows_on("14:05-15"), busy, rules=one_line, minutes=10) == Slot(
        THURSDAY, time(14, 5), 10, 1
    )


def test_calls_reaching_over_midnight_block_the_morning():
    rules = replace(RULES, desk_hours=(time(0), time.max))
    late = taken("23:00", 120)
    assert find(windows_on("0-2"), Busy([late]), rules=rules) == Slot(THURSDAY, time(1, 5), 5, 1)


def test_holidays_depend_on_the_state():
    assert is_holiday(date(2026, 10, 31), "BB")
    assert not is_holiday(date(2026, 10, 31), "BE")
    assert is_holiday(date(2026, 3, 8), "BE")
    assert all(is_holiday(date(2026, 10, 3), state) for state in ("BE", "BY", "NW"))
    late = datetime(2026, 12, 24, 20, tzinfo=UTC)
    assert find(windows_on("9-12"), now=late) == Slot(date(2026, 12, 27), time(9), 5, 1)


def test_the_horizon_counts_from_the_first_possible_day():
    only_next_week = windows_on("9-10", "mi")
    assert find(only_next_week, rules=replace(RULES, horizon_days=7)) is None
    assert find(only_next_week, rules=replace(RULES, horizon_days=8)) is not None
    far = WEDNESDAY + timedelta(days=100)
    assert find(windows_on("9-10"), not_before=far) == Slot(far, time(9), 5, 1)
    assert days_to_search(a_moment(now=NOW, rules=RULES), not_before=date.max) == []


@pytest.mark.parametrize(
    ("now", "first"),
    [
        (datetime(2026, 3, 28, 23, 40, tzinfo=UTC), time(1, 10)),
        (datetime(2026, 3, 29, 0, 25, tzinfo=UTC), time(1, 55)),
        (datetime(2026, 3, 29, 0, 26, tzinfo=UTC), time(3, 0)),
        (datetime(2026, 3, 29, 0, 40, tzinfo=UTC), time(3, 10)),
    ],
)
def test_on_29_march_2026_the_notice_is_real_time_and_skipped_times_are_not_offered(
    now: datetime, first: time
):
    rules = replace(RULES, desk_hours=(time(0), time.max))
    assert find(windows_on("0-24:00"), now=now, rules=rules) == Slot(date(2026, 3, 29), first, 5, 1)


@pytest.mark.parametrize(
    ("now", "first"),
    [
        (datetime(2026, 10, 24, 23, 40, tzinfo=UTC), time(2, 10)),
        (datetime(2026, 10, 25, 0, 20, tzinfo=UTC), time(2, 50)),
        (datetime(2026, 10, 25, 0, 26, tzinfo=UTC), time(3, 0)),
        (datetime(2026, 10, 25, 0, 50, tzinfo=UTC), time(3, 0)),
        (datetime(2026, 10, 25, 1, 40, tzinfo=UTC), time(3, 10)),
    ],
)
def test_on_25_october_2026_a_repeated_time_means_its_first_occurrence(now: datetime, first: time):
    rules = replace(RULES, desk_hours=(time(0), time.max))
    assert find(windows_on("0-24:00"), now=now, rules=rules) == Slot(date(2026, 10, 25), first, 5, 1)


def test_a_call_does_not_reach_over_a_clock_change():
    rules = replace(RULES, desk_hours=(time(0), time.max), notice=timedelta())
    assert find(windows_on("1:55-4"), now=datetime(2026, 3, 29, tzinfo=UTC), rules=rules, minutes=10) == Slot(
        date(2026, 3, 29), time(3), 10, 1
    )
    assert find(
        windows_on("2:55-4"), now=datetime(2026, 10, 25, tzinfo=UTC), rules=rules, minutes=10
    ) == Slot(date(2026, 10, 25), time(3), 10, 1)


def test_times_that_the_clocks_skip_do_not_exist():
    assert not exists(date(2026, 3, 29), time(2), RULES)
    assert not exists(date(2026, 3, 29), time(2, 59), RULES)
    assert exists(date(2026, 3, 29), time(3), RULES)
    assert exists(date(2026, 10, 25), time(2, 30), RULES)


@pytest.mark.parametrize(
    ("at", "minutes", "expected"),
    [
        (time(1, 50), 10, True),
        (time(1, 50), 11, False),
        (time(1, 50), 20, False),
        (time(1), 120, False),
        (time(1), 240, False),
        (time(3), 20, True),
    ],
)
def test_no_minute_of_a_call_is_skipped_by_the_clocks(at: time, minutes: int, expected: bool):
    assert exists(date(2026, 3, 29), at, RULES, minutes) is expected


@pytest.mark.parametrize("night", [date(2026, 3, 29), date(2026, 10, 25)])
@given(
    st.tuples(st.integers(0, 300), st.integers(1, 240)), st.tuples(st.integers(0, 300), st.integers(1, 240))
)
def test_in_nights_when_clocks_change_calls_apart_by_the_clock_are_apart_in_real_time(
    night: date, one: tuple[int, int], other: tuple[int, int]
):
    (first, length), (second, _) = sorted((one, other))
    assume(first + length <= second)
    assume(all(exists(night, time_of_day(at), RULES, minutes) for at, minutes in (one, other)))
    ends = RULES.instant(night, time_of_day(first)).astimezone(UTC) + timedelta(minutes=length)
    assert ends <= RULES.instant(night, time_of_day(second)).astimezone(UTC)


def test_a_whole_call_must_lie_within_a_window():
    windows = windows_on("9-10, 11-24:00", "mi")[WEDNESDAY.weekday()]
    assert within(windows, time(9, 55), 5)
    assert within(windows, time(23, 55), 5)
    assert not within(windows, time(9, 55), 6)
    assert not within(windows, time(23, 55), 6)
    assert not within([], time(9), 5)


def test_free_slots_are_all_grid_points_that_would_do():
    times = openings(Availability(windows_on("14-14:30")), [WEDNESDAY], RULES)
    slots = free_slots(a_moment(now=NOW, rules=RULES), times, Busy([taken("14:10")]), duration_minutes=5)
    assert [slot.start for slot in slots] == [time(14), time(14, 20), time(14, 25)]


def brute_force(
    windows: Windows, busy: Busy, days: list[date], now: datetime, rules: DeskRules, minutes: int
) -> list[Slot]:
    """Try every grid point of every day; knows nothing of how the real search goes about it."""
    found: list[Slot] = []
    for day in days:
        for minute in range(0, 24 * 60 - minutes + 1, rules.grid_minutes):
            start = datetime.combine(day, time()) + timedelta(minutes=minute)
            wanted = Interval(start, start + timedelta(minutes=minutes))
            if not lies_in_a_window(windows, wanted, rules) or is_holiday(day, rules.holiday_state):
                continue
            if not every_minute_is_real(wanted, now + rules.notice, rules):
                continue
            if any(
                one.start - rules.gap < wanted.end and start < one.end + rules.gap for one in busy.therapist
            ):
                continue
            for line in range(1, rules.lines + 1):
                theirs = [one for one in busy.lines if one.lines & bits_of([line])]
                if not any(one.start < wanted.end and start < one.end for one in theirs):
                    found.append(Slot(day, start.time(), minutes, line))
                    break
    return found


def lies_in_a_window(windows: Windows, wanted: Interval, rules: DeskRules) -> bool:
    day = wanted.start.date()

    def covers(opens: time, closes: time) -> bool:
        ends = (
            datetime.combine(day + timedelta(days=1), time())
            if closes == time.max
            else datetime.combine(day, closes)
        )
        return datetime.combine(day, opens) <= wanted.start and wanted.end <= ends

    return covers(*rules.desk_hours) and any(covers(*window) for window in windows.get(day.weekday(), ()))


def every_minute_is_real(wanted: Interval, earliest: datetime, rules: DeskRules) -> bool:
    """Ring at the first such instant and watch the clock on the wall, minute by minute."""
    begins = wanted.start.replace(tzinfo=rules.tz).astimezone(UTC)
    passed = [timedelta(minutes=minute) for minute in range(int((wanted.end - wanted.start).seconds / 60))]
    return begins >= earliest and all(
        (begins + some).astimezone(rules.tz).replace(tzinfo=None) == wanted.start + some for some in passed
    )


minute_texts = st.integers(0, 288).map(lambda step: f"{step * 5 // 60:02}:{step * 5 % 60:02}")
window_texts = st.lists(st.builds("{}-{}".format, minute_texts, minute_texts), min_size=1, max_size=3)
first_days = st.sampled_from([date(2026, 3, 28), date(2026, 10, 24), date(2026, 12, 23), WEDNESDAY])


@st.composite
def situations(draw: st.DrawFn):
    first = draw(first_days)
    midnight = datetime.combine(first, time())
    booked = st.lists(
        st.builds(
            lambda start, length: Interval(
                midnight + timedelta(minutes=start), midnight + timedelta(minutes=start + length)
            ),
            st.integers(-300, 3 * 1440),
            st.integers(1, 240) | st.integers(400, 1440),
        ),
        max_size=6,
    )
    rules = replace(
        RULES,
        lines=draw(st.integers(1, 3)),
        gap=timedelta(minutes=draw(st.sampled_from([0, 5, 13]))),
        notice=timedelta(minutes=draw(st.sampled_from([0, 30, 95]))),
        grid_minutes=draw(st.sampled_from([1, 5, 7, 15, 60])),
        horizon_days=3,
        desk_hours=draw(
            st.sampled_from([(time(8), time(18)), (time(0), time.max), (time(1, 50), time(3, 20))])
        ),
    )
    own = draw(booked)
    lines = {line: draw(booked) for line in range(1, rules.lines + 1)}
    windows = parse({day: draw(window_texts) for day in DAILY}).windows
    now = (
        (midnight + timedelta(seconds=draw(st.integers(0, 86_400)))).replace(tzinfo=rules.tz).astimezone(UTC)
    )
    return windows, Busy(own, on(lines)), now, rules, draw(st.sampled_from([1, 5, 7, 30, 240]))


@settings(max_examples=60, deadline=None)
@given(situations())
def test_slots_are_exactly_those_a_search_by_brute_force_finds(
    situation: tuple[Windows, Busy, datetime, DeskRules, int],
):
    windows, busy, now, rules, minutes = situation
    days = days_to_search(a_moment(now=now, rules=rules))
    expected = brute_force(windows, busy, days, now, rules, minutes)
    times = openings(Availability(windows), days, rules)
    assert free_slots(a_moment(now=now, rules=rules), times, busy, duration_minutes=minutes) == expected
    first = next_slot(a_moment(now=now, rules=rules), times, busy, duration_minutes=minutes)
    assert first == (expected[0] if expected else None)
