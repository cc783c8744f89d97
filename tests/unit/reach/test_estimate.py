"""The chance that somebody picks up: pure rules, no database."""

import random
from math import inf

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services.models import OutcomeKind
from services.reach.estimate import Calls, Chances, Pattern, Strengths, shrunken
from services.reach.learning import learn
from services.reach.tallies import HALF_LIFE_DAYS, History, Hour, Tally, one_call, tallied, weight

TEN = Hour(1, 10)
TWELVE = Hour(3, 12)
HOURS = [Hour(weekday, hour) for weekday in range(5) for hour in (9, 10, 14)]

strengths = st.floats(0.5, 500)
some_hours = st.builds(Hour, st.integers(0, 4), st.integers(8, 17))


def calls(reached: int, attempts: int, busy: int = 0) -> Tally:
    return Tally(attempts, reached, busy, float(attempts), reached + 0.5 * busy)


def pattern(reached: int = 40, attempts: int = 100, *, strength: float = 4.0) -> Pattern:
    every = {hour: calls(reached, attempts) for hour in (TEN, TWELVE)}
    return Pattern(every, therapists=Strengths(strength, strength, strength))


@given(some_hours, st.integers(0, 30), st.integers(0, 30), strengths, strengths, strengths)
def test_calls_in_one_hour_draw_its_chance_from_everybodys_towards_their_own_rate(
    hour: Hour, reached: int, missed: int, level: float, by_hour: float, by_weekday: float
):
    assume(reached + missed)
    everybody = Pattern({hour: calls(40, 100)}, therapists=Strengths(level, by_hour, by_weekday))
    own = reached / (reached + missed)
    chance = Chances(everybody, {hour: calls(reached, reached + missed)}).at(hour)
    assert min(0.4, own) - 1e-9 <= chance <= max(0.4, own) + 1e-9


@given(st.integers(1, 20), st.integers(1, 20), strengths)
def test_more_calls_that_say_the_same_say_it_more_surely(few: int, more: int, strength: float):
    everybody = pattern(strength=strength)
    all_reached = [Chances(everybody, {TEN: calls(n, n)}).at(TEN) for n in (few, few + more)]
    none_reached = [Chances(everybody, {TEN: calls(0, n)}).at(TEN) for n in (few, few + more)]
    assert 0.4 < all_reached[0] <= all_reached[1] < 1
    assert 0.4 > none_reached[0] >= none_reached[1] > 0


@given(st.dictionaries(st.sampled_from(HOURS), st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1))
def test_chances_are_chances_whatever_the_history(counts: dict[Hour, tuple[int, int]]):
    history = {hour: calls(reached, reached + missed) for hour, (reached, missed) in counts.items()}
    chances = Chances(learn([history]), history)
    assert all(0 < chances.at(hour) < 1 for hour in HOURS)


def test_where_nothing_differs_ones_own_calls_change_nothing():
    chances = Chances(pattern(strength=inf), {TEN: calls(9, 9), TWELVE: calls(0, 9)})
    assert (chances.at(TEN), chances.at(TWELVE)) == (pytest.approx(0.4), pytest.approx(0.4))


def test_without_any_call_everything_is_even():
    assert {Chances(learn([]), {}).at(hour) for hour in HOURS} == {0.5}


def test_an_hour_says_something_about_the_same_hour_of_other_weekdays_and_less_about_others():
    chances = Chances(pattern(), {TEN: calls(5, 5)})
    then, another_day, another_hour = (chances.at(hour) for hour in (TEN, Hour(4, 10), Hour(1, 15)))
    assert then > another_day > another_hour > 0.4


def test_many_calls_in_one_hour_say_little_about_the_others():
    history = shrunken({TEN: Calls(1000, 500)}, Strengths(4, 4, 4))
    assert history.level < 0.5 * 4 / (4 + 4) + 1e-9


def test_busy_is_better_than_a_machine_and_no_answer_but_no_success():
    after = {art: Chances(pattern(), {TEN: one_call(art)}).at(TEN) for art in OutcomeKind}
    assert after[OutcomeKind.ANSWERING_MACHINE] == after[OutcomeKind.NOT_REACHED] < after[OutcomeKind.BUSY]
    assert after[OutcomeKind.BUSY] < after[OutcomeKind.REACHED]


def test_recent_calls_count_more_than_old_ones():
    assert (weight(0), weight(-1), weight(HALF_LIFE_DAYS)) == (1, 1, 0.5)
    old = Tally(4, 4, 0, 4 * weight(365), 4 * weight(365))
    assert Chances(pattern(), {TEN: calls(4, 4)}).at(TEN) > Chances(pattern(), {TEN: old}).at(TEN) > 0.4


def made_up(rate_of: dict[Hour, float] | float, therapists: int = 200, each: int = 4) -> list[History]:
    """Return the histories of therapists who differ in nothing but chance."""
    chance = random.Random(7)
    histories: list[History] = []
    for _ in range(therapists):
        rates = rate_of if isinstance(rate_of, dict) else dict.fromkeys(HOURS, rate_of)
        reached = {hour: sum(chance.random() < rates[hour] for _ in range(each)) for hour in HOURS}
        histories.append({hour: calls(number, each) for hour, number in reached.items()})
    return histories


def test_a_better_hour_of_everybody_is_found():
    rates = {hour: 0.6 if hour.hour == 10 else 0.3 for hour in HOURS}
    learnt = learn(made_up(rates))
    assert learnt.at(TEN) == pytest.approx(0.6, abs=0.05)
    assert learnt.at(Hour(0, 9)) == pytest.approx(0.3, abs=0.05)


def test_hours_that_differ_from_therapist_to_therapist_are_found():
    morning = made_up({hour: 0.8 if hour.hour < 12 else 0.2 for hour in HOURS}, therapists=100)
    afternoon = made_up({hour: 0.2 if hour.hour < 12 else 0.8 for hour in HOURS}, therapists=100)
    learnt = learn([*morning, *afternoon])
    assert learnt.therapists.hour < 5
    own = Chances(learnt, {Hour(0, 14): calls(3, 3), Hour(0, 10): calls(0, 3)})
    assert own.at(Hour(3, 14)) > 0.6 > 0.4 > own.at(Hour(3, 10))


def test_equal_rates_are_found_equal():
    learnt = learn(made_up(0.4))
    assert {round(learnt.at(hour), 1) for hour in HOURS} == {0.4}
    lucky = Chances(learnt, {TEN: calls(3, 3), Hour(1, 14): calls(0, 3)})
    assert lucky.at(TEN) - lucky.at(Hour(1, 14)) < 0.1


def test_tallies_of_the_same_hour_add_up():
    parts = [(TEN, one_call(OutcomeKind.REACHED)), (TEN, one_call(OutcomeKind.BUSY))]
    assert tallied(parts) == {TEN: Tally(2, 1, 1, 2.0, 1.5)}
