"""The chance that somebody picks up, by weekday and hour: everybody's pattern, and one's own history on top.

Three levels stand one in the other: a therapist, an hour of their day, that hour of one weekday. At each,
what the calls made then say is drawn towards the level above, as if some calls that came out as expected had
been made besides: the mean of a beta-binomial model (Kleinman, 1973; Efron and Morris, 1975). Everybody's
pattern, which is what is expected, has the same levels. How much therapists and hours differ, and so how few
calls are added, is read off everybody's history: how often two calls of the same group come out alike. Part
of its standard error is taken off, so that what may be chance makes no difference: equal rates stay equal.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import hypot, inf, sqrt
from operator import add
from typing import NamedTuple, TypeVar

from services.models import SPOKEN, OutcomeKind

TELLING = (
    *SPOKEN,
    OutcomeKind.BUSY,
    OutcomeKind.NOT_REACHED,
    OutcomeKind.ANSWERING_MACHINE,
)
"""Outcomes that say when somebody picks up: a machine and no answer alike say that nobody does."""

BUSY = 0.5
"""Busy is half of being reached: somebody is there."""

HALF_LIFE_DAYS = 120
"""A call that long ago counts half."""

LEAST, MOST = 0.02, 0.98
"""No chance is nearer to never and always."""

SURE_BY = 0.75
"""Standard errors taken off what is found of differences among therapists and their hours."""

SURE_OF_ALL_BY = 2.0
"""The same for everybody's hours: they are few, and what is taken for a pattern of theirs concerns all."""

K = TypeVar("K", bound=Hashable)


class Hour(NamedTuple):
    """An hour of a weekday (Monday is 0), local time."""

    weekday: int
    hour: int


@dataclass(frozen=True, slots=True)
class Tally:
    """The calls made in an hour of a weekday: their number, how many reached somebody or found the line busy.

    `weight` and `picked_up` are what is estimated from: old calls count less, outcomes as `SAYS` says.
    """

    attempts: int = 0
    reached: int = 0
    busy: int = 0
    weight: float = 0.0
    picked_up: float = 0.0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.attempts + other.attempts,
            self.reached + other.reached,
            self.busy + other.busy,
            self.weight + other.weight,
            self.picked_up + other.picked_up,
        )


History = Mapping[Hour, Tally]
"""The calls to somebody, by hour of the weekday."""


@dataclass(frozen=True, slots=True)
class Strengths:
    """How many calls as expected are added at each level; infinitely many where nothing differs."""

    level: float = inf
    hour: float = inf
    weekday: float = inf


class Calls(NamedTuple):
    """A number of calls, and how many more of them picked up than expected."""

    number: float
    excess: float


@dataclass(frozen=True, slots=True)
class Differences:
    """By how much more is picked up than expected: at all, in an hour, in an hour of a weekday."""

    level: float = 0.0
    by_hour: Mapping[int, float] = field(default_factory=dict[int, float])
    by_weekday: Mapping[Hour, float] = field(default_factory=dict[Hour, float])

    def at(self, hour: Hour) -> float:
        """Return the sum of them for an hour of a weekday."""
        return self.level + self.by_hour.get(hour.hour, 0.0) + self.by_weekday.get(hour, 0.0)


class Pattern:
    """When anybody picks up, and how much therapists differ from that.

    Args:
        history: everybody's calls.
        hours: how much the hours differ for everybody.
        therapists: how much therapists differ, and their hours.
    """

    def __init__(
        self,
        history: History | None = None,
        hours: Strengths = Strengths(),
        therapists: Strengths = Strengths(),
    ) -> None:
        self.history: History = history or {}
        self.hours, self.therapists = hours, therapists
        self._overall = _overall(self.history)
        self._differences = shrunken(_unexpected(self.history, lambda _: self._overall), hours)

    def at(self, hour: Hour) -> float:
        """Return the chance in an hour of a weekday."""
        return _bounded(self._overall + self._differences.at(hour))


class Chances:
    """When one therapist picks up."""

    def __init__(self, pattern: Pattern, history: History) -> None:
        self.pattern = pattern
        self.history = history
        self._differences = shrunken(_unexpected(history, pattern.at), pattern.therapists)

    def at(self, hour: Hour) -> float:
        """Return the chance in an hour of a weekday."""
        return _bounded(self.pattern.at(hour) + self._differences.at(hour))


def weight(age_days: int) -> float:
    """Return for how many calls of today one of some days ago counts."""
    return 0.5 ** (max(0, age_days) / HALF_LIFE_DAYS)


def shrunken(calls: Mapping[Hour, Calls], strengths: Strengths) -> Differences:
    """Return what calls say about each level, drawn towards the level above.

    Many calls of one hour say little about the others: where hours differ, they count for no more than so
    many as the strength of that level says.
    """
    hours = _sums((hour.hour, _discounted(some, strengths.weekday)) for hour, some in calls.items())
    every = _sums(("every", _discounted(some, strengths.hour)) for some in hours.values())
    level = _drawn(every.get("every", Calls(0, 0)), 0.0, strengths.level)
    by_hour = {hour: _drawn(some, level, strengths.hour) for hour, some in hours.items()}
    by_weekday = {
        hour: _drawn(some, level + by_hour[hour.hour], strengths.weekday) for hour, some in calls.items()
    }
    return Differences(level, by_hour, by_weekday)


def one_call(outcome: OutcomeKind) -> Tally:
    """Return one call made today."""
    reached, busy = outcome in SPOKEN, outcome == OutcomeKind.BUSY
    return Tally(1, int(reached), int(busy), 1.0, reached + BUSY * busy)


def tallied(parts: Iterable[tuple[Hour, Tally]]) -> dict[Hour, Tally]:
    """Return the sums of calls by hour of a weekday."""
    sums: dict[Hour, Tally] = {}
    for hour, tally in parts:
        sums[hour] = sums[hour] + tally if hour in sums else tally
    return sums


def learn(histories: Iterable[History]) -> Pattern:
    """Read everybody's pattern off the histories of all therapists."""
    known = list(histories)
    history = tallied(item for one in known for item in one.items())
    pattern = Pattern(history, _among_hours(known, _overall(history)))
    return Pattern(history, pattern.hours, _among_therapists(known, pattern))


def _among_hours(known: Sequence[History], overall: float) -> Strengths:
    """Return how much hours differ for everybody: pairs of calls to two therapists."""
    parts = [
        (hour, number, Calls(tally.attempts, _said(tally) - tally.attempts * overall))
        for number, one in enumerate(known)
        for hour, tally in one.items()
    ]
    in_hour = _sums(((hour.hour, number), calls) for hour, number, calls in parts)
    same_hour = _alike((hour, _part(calls)) for (hour, _), calls in in_hour.items())
    same_weekday = _alike((hour, _part(calls)) for hour, _, calls in parts)
    spread = overall * (1 - overall)
    return Strengths(
        hour=_strength(spread, same_hour, sure_by=SURE_OF_ALL_BY),
        weekday=_strength(spread, same_weekday, same_hour, sure_by=SURE_OF_ALL_BY),
    )


def _among_therapists(known: Sequence[History], pattern: Pattern) -> Strengths:
    """Return how much therapists differ, and the hours of each: pairs of calls to the same one."""
    parts = [
        (number, hour, tally, Calls(tally.attempts, _said(tally) - tally.attempts * pattern.at(hour)))
        for number, one in enumerate(known)
        for hour, tally in one.items()
    ]
    in_hour = _sums(((number, hour.hour), calls) for number, hour, _, calls in parts)
    same_therapist = _alike((number, _part(calls)) for (number, _), calls in in_hour.items())
    same_hour = _alike(((number, hour.hour), _part(calls)) for number, hour, _, calls in parts)
    same_weekday = _alike(
        ((number, hour), _single_calls(tally, calls, pattern.at(hour)))
        for number, hour, tally, calls in parts
    )
    overall = _overall(pattern.history)
    spread = overall * (1 - overall)
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


def _overall(history: History) -> float:
    attempts = sum(tally.attempts for tally in history.values())
    return sum(map(_said, history.values())) / attempts if attempts else 0.5


def _unexpected(history: History, expected: Callable[[Hour], float]) -> dict[Hour, Calls]:
    return {
        hour: Calls(tally.weight, tally.picked_up - tally.weight * expected(hour))
        for hour, tally in history.items()
    }


def _said(tally: Tally) -> float:
    return tally.reached + BUSY * tally.busy


def _drawn(calls: Calls, known: float, strength: float) -> float:
    """Return by how much calls come out better than is known from above."""
    together = calls.number + strength
    return (calls.excess - calls.number * known) / together if together else 0.0


def _discounted(calls: Calls, strength: float) -> Calls:
    """Return for how many calls those of one group count where groups differ: no more than the strength."""
    share = 1 / (1 + calls.number / strength) if strength else 0.0
    return Calls(calls.number * share, calls.excess * share)


def _sums(parts: Iterable[tuple[K, Calls]]) -> dict[K, Calls]:
    sums: dict[K, Calls] = {}
    for key, (number, excess) in parts:
        before = sums.get(key, Calls(0, 0))
        sums[key] = Calls(before.number + number, before.excess + excess)
    return sums


def _bounded(chance: float) -> float:
    return min(max(chance, LEAST), MOST)
