"""Calls made to somebody, counted by hour of the weekday: what estimates are made from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from services.models import SPOKEN, OutcomeKind

BUSY = 0.5
"""Busy is half of being reached: somebody is there."""

HALF_LIFE_DAYS = 120
"""A call that long ago counts half."""


class Hour(NamedTuple):
    """An hour of a weekday (Monday is 0), local time."""

    weekday: int
    hour: int


HOURS_OF_THE_WEEK = tuple(Hour(weekday, hour) for weekday in range(7) for hour in range(24))


@dataclass(frozen=True, slots=True)
class Tally:
    """The calls made in an hour of a weekday: their number, how many reached somebody or found the line busy.

    `weight` and `picked_up` are what is estimated from: old calls count less, a busy one in part (`BUSY`).
    """

    attempts: int = 0
    reached: int = 0
    busy: int = 0
    weight: float = 0.0
    picked_up: float = 0.0

    @property
    def said(self) -> float:
        """How many calls picked up, one found busy in part."""
        return self.reached + BUSY * self.busy

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


@lru_cache(maxsize=512)
def weight(age_days: int) -> float:
    """Return for how many calls of today one of some days ago counts."""
    return 0.5 ** (max(0, age_days) / HALF_LIFE_DAYS)


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


def overall(history: History) -> float:
    """Return the share of calls that picked up; a half as long as there are none."""
    attempts = sum(tally.attempts for tally in history.values())
    return sum(tally.said for tally in history.values()) / attempts if attempts else 0.5
