"""Ring now, or wait for a better hour: pure rules, no database."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.reach.estimate import Chances, Pattern, Strengths
from services.reach.tallies import Hour, Tally
from services.reach.waiting import (
    Ahead,
    Evidence,
    Whose,
    better_hour,
    better_start,
    evidence,
    hour_of,
    next_start,
    starts_of,
)
from services.scheduling.phone_hours import DAY, Interval

MONDAY = datetime(2026, 10, 12)  # noqa: DTZ001
NOW = MONDAY.replace(hour=10, minute=42)
UNTIL = MONDAY + 6 * DAY

chances = st.floats(0.02, 0.98)


def phone_hours(*spans: tuple[int, float, float]) -> list[Interval]:
    """Return stretches given as day (Monday is 0), first and last hour."""
    return [
        Interval(MONDAY + day * DAY + timedelta(hours=start), MONDAY + day * DAY + timedelta(hours=end))
        for day, start, end in spans
    ]


WEEK = phone_hours(*((day, 10, 13) for day in range(5)))


def ring(
    rates: dict[Hour, float], phone_hours: list[Interval] = WEEK, until: datetime = UNTIL
) -> datetime | None:
    return better_start(lambda hour: rates.get(hour, 0.3), NOW, phone_hours, until)


@given(chances)
def test_where_rates_are_flat_nobody_waits(rate: float):
    assert better_start(lambda _: rate, NOW, WEEK, UNTIL) is None


@given(st.dictionaries(st.builds(Hour, st.integers(0, 4), st.integers(10, 12)), chances), st.integers(0, 6))
def test_waiting_is_for_a_better_hour_and_no_longer_than_allowed(rates: dict[Hour, float], days: int):
    until = MONDAY + days * DAY
    start = ring(rates, until=until)
    if start is not None:
        assert NOW < start <= until
        assert rates.get(hour_of(start), 0.3) > rates.get(hour_of(NOW), 0.3)


def test_a_clearly_better_hour_is_waited_for():
    assert ring({Hour(3, 12): 0.8}) == MONDAY + 3 * DAY + timedelta(hours=12)


def test_a_slightly_better_one_is_not():
    assert ring({Hour(3, 12): 0.32}) is None


def test_the_sooner_of_two_good_hours_is_better():
    assert ring({Hour(3, 12): 0.8, Hour(1, 11): 0.78}) == MONDAY + DAY + timedelta(hours=11)


def test_a_better_hour_may_be_in_the_window_that_is_open():
    assert ring({Hour(0, 11): 0.8}) == MONDAY + timedelta(hours=11)


def test_part_of_an_hour_counts_from_where_the_window_opens():
    assert ring({Hour(1, 11): 0.8}, phone_hours((1, 11.5, 12.5))) == MONDAY + DAY + timedelta(hours=11.5)


@given(chances)
def test_where_rates_are_flat_the_next_attempt_is_at_the_next_chance(rate: float):
    first = MONDAY + DAY + timedelta(hours=10)
    assert next_start(lambda _: rate, first, WEEK, UNTIL) == first


def test_the_next_attempt_is_in_the_best_hour_of_its_day():
    first = MONDAY + DAY + timedelta(hours=10)
    slightly = {12: 0.31}
    assert next_start(lambda hour: slightly.get(hour.hour, 0.3), first, WEEK, UNTIL) == first.replace(hour=12)


def test_the_next_attempt_is_on_another_day_where_that_is_clearly_better():
    first = MONDAY + DAY + timedelta(hours=10)
    much = {Hour(3, 11): 0.8}
    expected = MONDAY + 3 * DAY + timedelta(hours=11)
    assert next_start(lambda hour: much.get(hour, 0.3), first, WEEK, UNTIL) == expected


def test_after_a_miss_another_hour_than_that_one_is_best():
    even = knowing(own={Hour(0, 10): (0, 1)})
    first = MONDAY + DAY + timedelta(hours=10)
    assert next_start(even.at, first, WEEK, UNTIL) == first.replace(hour=11)


def knowing(*, own: dict[Hour, tuple[int, int]], everybody: dict[Hour, int] | None = None) -> Chances:
    """Return the chances of somebody by their own calls, reached and made, and everybody's, 200 each."""
    reached = dict.fromkeys((Hour(0, 10), Hour(3, 12), Hour(2, 12)), 80) | (everybody or {})
    every = {hour: Tally(200, number, 0, 200, number) for hour, number in reached.items()}
    history = {hour: Tally(n, reached, 0, n, reached) for hour, (reached, n) in own.items()}
    some = Strengths(4, 4, 4)
    return Chances(Pattern(every, hours=some if everybody else Strengths(), therapists=some), history)


def test_the_reason_tells_ones_own_calls():
    found = better_hour(
        knowing(own={Hour(3, 12): (4, 5), Hour(0, 10): (0, 3)}), NOW, Ahead(tuple(starts_of(WEEK)))
    )
    assert found is not None
    assert (found.start, found.then, found.now) == (
        MONDAY + 3 * DAY + timedelta(hours=12),
        Evidence(Whose.THEN, 4, 5),
        Evidence(Whose.THEN, 0, 3),
    )


def test_calls_that_speak_against_waiting_are_no_reason_for_it():
    lucky_now = knowing(own={Hour(0, 10): (2, 2)}, everybody={Hour(0, 10): 20, Hour(3, 12): 180})
    found = better_hour(lucky_now, NOW, Ahead(tuple(starts_of(WEEK))))
    assert found is not None
    assert (found.then, found.now) == (
        Evidence(Whose.EVERYBODY, 180, 200),
        Evidence(Whose.EVERYBODY, 20, 200),
    )


def test_where_neither_speaks_for_it_alone_the_estimate_is_told():
    own = {Hour(3, 12): (1, 1), Hour(0, 10): (0, 1)}
    found = better_hour(knowing(own=own), NOW, Ahead(tuple(starts_of(WEEK))))
    assert found is not None
    assert {found.then.whose, found.now.whose} == {Whose.ALL}
    assert found.then.percent > 40 > found.now.percent


def test_few_calls_are_told_with_those_of_the_same_hour_else_with_everybodys():
    some = knowing(own={Hour(3, 12): (1, 1), Hour(4, 12): (2, 3)})
    assert evidence(some, Hour(3, 12)) == Evidence(Whose.HOUR, 3, 4)
    assert evidence(some, Hour(0, 10)) == Evidence(Whose.EVERYBODY, 80, 200)
    assert evidence(some, Hour(0, 10)).percent == 40
    assert evidence(some, Hour(0, 17)).percent == 0
