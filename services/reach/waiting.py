"""Ring now, or wait for a better hour: pure rules over the chances of the hours to come.

Times are wall clock of the practices, without a zone. It is worth waiting where another hour is clearly
better, the more so the longer it takes; so where hours do not differ, nobody waits.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from services.hours.reading import Availability
from services.reach.estimate import Chances
from services.reach.tallies import History, Hour, Tally
from services.rules import DeskRules
from services.scheduling.phone_hours import DAY, Interval, openings

HOUR = timedelta(hours=1)

MARGIN = 0.05
"""By what part another hour has to be better."""

PER_DAY = 0.08
"""By what part more for every day of waiting."""

SAME_DAY = 0.02
"""By what part an hour has to be better for the next attempt to be later on the same day."""

TELLS = 2
"""So many calls of one's own are worth telling; with fewer, everybody's are told."""


class Whose(StrEnum):
    """Which calls speak for an hour: the therapist's then, at this hour on any day, or everybody's then.

    Or none alone: an estimate from all of them.
    """

    THEN = "then"
    HOUR = "hour"
    EVERYBODY = "everybody"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Evidence:
    """How many calls reached somebody, and whose these were."""

    whose: Whose
    reached: int
    attempts: int

    @property
    def percent(self) -> int:
        """Reached out of attempts, in hundredths; 0 without any attempt."""
        return round(100 * self.reached / self.attempts) if self.attempts else 0


@dataclass(frozen=True, slots=True, eq=False)
class BetterHour:
    """When it is better to ring than now, and what speaks for it: the calls made then, and those made now."""

    start: datetime
    then: Evidence
    now: Evidence

    @property
    def plausible(self) -> bool:
        """Whether these calls by themselves speak for waiting."""
        return bool(self.then.attempts and self.now.attempts) and self.then.percent > self.now.percent


class Start(NamedTuple):
    """When an hour of the day begins, or the phone hours within it."""

    at: datetime
    hour: Hour


@dataclass(frozen=True, slots=True, eq=False)
class Ahead:
    """The hours for which something may be left, in order; one object as long as they stay the same."""

    starts: tuple[Start, ...]


def better_hour(chances: Chances, now: datetime, ahead: Ahead) -> BetterHour | None:
    """Return which of some hours to wait for, as `better_start`, with the calls that speak for it.

    Those of the therapist where they do, else everybody's, else the estimate from both. One object as long as
    these calls stay the same.
    """
    this = hour_of(now)
    most = chances.at(this) * (1 + MARGIN)
    if chances.best <= most:
        return None
    start = _best(_best_first(chances, ahead), now, most)
    return None if start is None else _spoken_for(chances, start, this)


@lru_cache(maxsize=4_096)
def _spoken_for(chances: Chances, start: datetime, this: Hour) -> BetterHour:
    then = hour_of(start)
    own = BetterHour(start, evidence(chances, then), evidence(chances, this))
    everybodys = BetterHour(start, *(_everybodys(chances.pattern.history, hour) for hour in (then, this)))
    estimated = BetterHour(start, *(_estimated(chances, hour) for hour in (then, this)))
    return next((found for found in (own, everybodys) if found.plausible), estimated)


def better_start(
    chance: Callable[[Hour], float],
    now: datetime,
    phone_hours: Iterable[Interval],
    until: datetime,
    *,
    margin: float = MARGIN,
) -> datetime | None:
    """Return when to ring rather than now, or None where that gains too little.

    Args:
        chance: that somebody picks up, for an hour of a weekday.
        now: the moment in question, which need not be the present one.
        phone_hours: those of these days.
        until: nobody waits for what begins later.
        margin: by what part the hour has to be better.
    """
    some = _sorted((start for start in starts_of(phone_hours) if start.at <= until), chance)
    return _best(some, now, chance(hour_of(now)) * (1 + margin))


@lru_cache(maxsize=8_192)
def _best_first(chances: Chances, ahead: Ahead) -> Sequence[tuple[float, datetime]]:
    return _sorted(ahead.starts, chances.at)


def _sorted(starts: Iterable[Start], chance: Callable[[Hour], float]) -> Sequence[tuple[float, datetime]]:
    """Return the chances with their starts, the best in front, of equal ones the first."""
    return sorted(((chance(hour), at) for at, hour in starts), key=lambda then: -then[0])


def _best(best_first: Iterable[tuple[float, datetime]], now: datetime, most: float) -> datetime | None:
    """Return the start that is worth most, and more than `most`; waiting for it costs."""
    best = None
    for chance, start in best_first:
        if chance <= most:
            break
        if start <= now:
            continue
        worth = chance / (1 + PER_DAY * ((start - now) / DAY))
        if worth > most:
            best, most = start, worth
    return best


def next_start(
    chance: Callable[[Hour], float], first: datetime, phone_hours: Sequence[Interval], until: datetime
) -> datetime:
    """Return when to ring again, `first` being the next chance: the best hour of its day or of another day.

    The chances take into account the call that came to nothing. So where hours differ, its hour is not the
    best any more, and the next attempt is in another one.
    """
    midnight = datetime.combine(first, time.max)
    best = better_start(chance, first, phone_hours, midnight, margin=SAME_DAY) or first
    return better_start(chance, best, phone_hours, until) or best


def last_moment(due: date, rules: DeskRules) -> datetime:
    """Return until when a call due on a day may wait at most."""
    return datetime.combine(due + rules.longest_wait, time.max)


def openings_until(
    availability: Availability, now: datetime, until: datetime, rules: DeskRules
) -> list[Interval]:
    """Return when therapist and desk are both there, from the day of one moment to that of another."""
    days = [now.date() + ahead * DAY for ahead in range((until.date() - now.date()).days + 1)]
    return openings(availability, days, rules)


def evidence(chances: Chances, hour: Hour) -> Evidence:
    """Return the calls that say most about an hour of a weekday: one's own where there are some."""
    then = chances.history.get(hour, Tally())
    if then.attempts >= TELLS:
        return Evidence(Whose.THEN, then.reached, then.attempts)
    any_day = [tally for other, tally in chances.history.items() if other.hour == hour.hour]
    attempts = sum(tally.attempts for tally in any_day)
    if attempts >= TELLS:
        return Evidence(Whose.HOUR, sum(tally.reached for tally in any_day), attempts)
    return _everybodys(chances.pattern.history, hour)


@lru_cache(maxsize=1_024)
def hour_of(at: datetime) -> Hour:
    """Return the hour of a weekday in which a time lies."""
    return Hour(at.weekday(), at.hour)


def _everybodys(history: History, hour: Hour) -> Evidence:
    tally = history.get(hour, Tally())
    return Evidence(Whose.EVERYBODY, tally.reached, tally.attempts)


def _estimated(chances: Chances, hour: Hour) -> Evidence:
    return Evidence(Whose.ALL, round(100 * chances.at(hour)), 100)


def starts_of(phone_hours: Iterable[Interval]) -> Iterator[Start]:
    """Yield the first moment of every hour of the day that phone hours touch."""
    for start, end in phone_hours:
        while start < end:
            yield Start(start, hour_of(start))
            start = start.replace(minute=0) + HOUR
