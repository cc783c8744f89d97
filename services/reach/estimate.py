"""The chance that somebody picks up, by weekday and hour: everybody's pattern, and one's own history on top.

Three levels stand one in the other: a therapist, an hour of their day, that hour of one weekday. At each,
what the calls made then say is drawn towards the level above, as if some calls that came out as expected had
been made besides: the mean of a beta-binomial model (Kleinman, 1973; Efron and Morris, 1975). Everybody's
pattern, which is what is expected, has the same levels. How many calls are added is learnt (`learning`).
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import inf
from typing import NamedTuple, TypeVar

from services.reach.tallies import HOURS_OF_THE_WEEK, History, Hour, overall

LEAST, MOST = 0.02, 0.98
"""No chance is nearer to never and always."""

K = TypeVar("K", bound=Hashable)


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
        self._overall = overall(self.history)
        self._differences = shrunken(_unexpected(self.history, lambda _: self._overall), hours)
        self.at: Callable[[Hour], float] = _Known(
            lambda hour: _bounded(self._overall + self._differences.at(hour))
        ).__getitem__
        """The chance in an hour of a weekday."""


class _Known(dict[Hour, float]):
    """Chances by hour, worked out when they are first asked for."""

    def __init__(self, work_out: Callable[[Hour], float]) -> None:
        self._work_out = work_out

    def __missing__(self, hour: Hour) -> float:
        chance = self[hour] = self._work_out(hour)
        return chance


class Chances:
    """When one therapist picks up."""

    def __init__(self, pattern: Pattern, history: History) -> None:
        self.pattern = pattern
        self.history = history
        differences = shrunken(_unexpected(history, pattern.at), pattern.therapists)
        self.at: Callable[[Hour], float] = _Known(
            lambda hour: _bounded(pattern.at(hour) + differences.at(hour))
        ).__getitem__
        """The chance in an hour of a weekday."""

    @cached_property
    def best(self) -> float:
        """The chance in the best hour of the week."""
        return max(self.at(hour) for hour in HOURS_OF_THE_WEEK)


def shrunken(calls: Mapping[Hour, Calls], strengths: Strengths) -> Differences:
    """Return what calls say about each level, drawn towards the level above.

    Many calls of one hour say little about the others: where hours differ, they count for no more than so
    many as the strength of that level says.
    """
    hours = sums((hour.hour, _discounted(some, strengths.weekday)) for hour, some in calls.items())
    every = sums(("every", _discounted(some, strengths.hour)) for some in hours.values())
    level = _drawn(every.get("every", Calls(0, 0)), 0.0, strengths.level)
    by_hour = {hour: _drawn(some, level, strengths.hour) for hour, some in hours.items()}
    by_weekday = {
        hour: _drawn(some, level + by_hour[hour.hour], strengths.weekday) for hour, some in calls.items()
    }
    return Differences(level, by_hour, by_weekday)


def sums(parts: Iterable[tuple[K, Calls]]) -> dict[K, Calls]:
    """Return the sums of calls by a key."""
    found: dict[K, Calls] = {}
    for key, (number, excess) in parts:
        before = found.get(key, Calls(0, 0))
        found[key] = Calls(before.number + number, before.excess + excess)
    return found


def _unexpected(history: History, expected: Callable[[Hour], float]) -> dict[Hour, Calls]:
    return {
        hour: Calls(tally.weight, tally.picked_up - tally.weight * expected(hour))
        for hour, tally in history.items()
    }


def _drawn(calls: Calls, known: float, strength: float) -> float:
    """Return by how much calls come out better than is known from above."""
    together = calls.number + strength
    return (calls.excess - calls.number * known) / together if together else 0.0


def _discounted(calls: Calls, strength: float) -> Calls:
    """Return for how many calls those of one group count where groups differ: no more than the strength."""
    share = 1 / (1 + calls.number / strength) if strength else 0.0
    return Calls(calls.number * share, calls.excess * share)


def _bounded(chance: float) -> float:
    return min(max(chance, LEAST), MOST)
