"""Everybody's pattern, read off the histories of all therapists.

How much therapists and hours differ, and so how few calls as expected are added, is how often two calls of
the same group come out alike. Part of its standard error is taken off, so that what may be chance makes no
difference: equal rates stay equal.
"""

from collections.abc import Hashable, Iterable, Sequence
from math import hypot, inf, sqrt
from operator import add
from typing import NamedTuple

from services.reach.estimate import Calls, Pattern, Strengths, sums
from services.reach.tallies import BUSY, History, Tally, overall, tallied

SURE_BY = 0.75
"""Standard errors taken off what is found of differences among therapists and their hours."""

SURE_OF_ALL_BY = 2.0
"""The same for everybody's hours: they are few, and what is taken for a pattern of theirs concerns all."""


def learn(histories: Iterable[History]) -> Pattern:
    """Read everybody's pattern off the histories of all therapists."""
    known = list(histories)
    history = tallied(item for one in known for item in one.items())
    pattern = Pattern(history, _among_hours(known, overall(history)))
    return Pattern(history, pattern.hours, _among_therapists(known, pattern))


def _among_hours(known: Sequence[History], share: float) -> Strengths:
    """Return how much hours differ for everybody: pairs of calls to two therapists."""
    parts = [
        (hour, number, Calls(tally.attempts, tally.said - tally.attempts * share))
        for number, one in enumerate(known)
        for hour, tally in one.items()
    ]
    in_hour = sums(((hour.hour, number), calls) for hour, number, calls in parts)
    same_hour = _alike((hour, _part(calls)) for (hour, _), calls in in_hour.items())
    same_weekday = _alike((hour, _part(calls)) for hour, _, calls in parts)
    spread = share * (1 - share)
    return Strengths(
        hour=_strength(spread, same_hour, sure_by=SURE_OF_ALL_BY),
        weekday=_strength(spread, same_weekday, same_hour, sure_by=SURE_OF_ALL_BY),
    )


def _among_therapists(known: Sequence[History], pattern: Pattern) -> Strengths:
    """Return how much therapists differ, and the hours of each: pairs of calls to the same one."""
    parts = [
        (number, hour, tally, Calls(tally.attempts, tally.said - tally.attempts * pattern.at(hour)))
        for number, one in enumerate(known)
        for hour, tally in one.items()
    ]
    in_hour = sums(((number, hour.hour), calls) for number, hour, _, calls in parts)
    same_therapist = _alike((number, _part(calls)) for (number, _), calls in in_hour.items())
    same_hour = _alike(((number, hour.hour), _part(calls)) for number, hour, _, calls in parts)
    same_weekday = _alike(
        ((number, hour), _single_calls(tally, calls, pattern.at(hour)))
        for number, hour, tally, calls in parts
    )
    share = overall(pattern.history)
    spread = share * (1 - share)
    return Strengths(
        _strength(spread, same_therapist),
        _strength(spread, same_hour, same_therapist),
        _strength(spread, same_weekday, same_hour),
    )


class _Sums(NamedTuple):
    """A group of parts: their calls and excess, and sums over the parts of squares and fourth powers."""

    number: float = 0.0
    excess: float = 0.0
    numbers: float = 0.0
    squares: float = 0.0
    fourths: float = 0.0


class _Alike(NamedTuple):
    """How alike two calls of a group come out (covariance), and its standard error."""

    value: float
    error: float


def _alike(parts: Iterable[tuple[Hashable, _Sums]]) -> _Alike:
    """Compare all pairs of calls of the same group but of two different parts."""
    groups: dict[Hashable, _Sums] = {}
    for key, part in parts:
        groups[key] = _Sums(*map(add, groups.get(key, _Sums()), part))
    pairs = sum(group.number**2 - group.numbers for group in groups.values())
    if pairs <= 0:
        return _Alike(0.0, inf)
    products = sum(group.excess**2 - group.squares for group in groups.values())
    by_chance = sum(2 * (group.squares**2 - group.fourths) for group in groups.values())
    return _Alike(products / pairs, sqrt(max(by_chance, 0.0)) / pairs)


def _part(calls: Calls) -> _Sums:
    number, excess = calls
    return _Sums(number, excess, number**2, excess**2, excess**4)


def _single_calls(tally: Tally, calls: Calls, chance: float) -> _Sums:
    """Return the sums of an hour's calls, each a part of its own."""
    squares = fourths = 0.0
    missed = tally.attempts - tally.reached - tally.busy
    for number, said in ((tally.reached, 1.0), (tally.busy, BUSY), (missed, 0.0)):
        squares += number * (said - chance) ** 2
        fourths += number * (said - chance) ** 4
    return _Sums(calls.number, calls.excess, calls.number, squares, fourths)


def _strength(
    spread: float, found: _Alike, above: _Alike = _Alike(0.0, 0.0), *, sure_by: float = SURE_BY
) -> float:
    """Return how many calls the level above is worth: few where a group differs much from it, surely."""
    variance = found.value - above.value - sure_by * hypot(found.error, above.error)
    return max(spread / variance - 1, 0.0) if variance > 0 else inf
