"""Ring now, or wait for a better hour: a pure rule over the chances of the hours to come."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from services.reach.estimate import Hour
from services.scheduling.phone_hours import Interval

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

MARGIN = 0.25
"""By how much better another hour has to be."""

PER_DAY = 0.15
"""By how much better besides for each day of waiting."""


def hour_of(at: datetime) -> Hour:
    """Return the hour of the weekday in which a wall-clock time lies."""
    return Hour(at.weekday(), at.hour)


def starts(openings: Iterable[Interval]) -> Iterator[datetime]:
    """Yield the first moment of every hour of the day that openings touch."""
    for opening in openings:
        start = opening.start
        while start < opening.end:
            yield start
            start = start.replace(minute=0, second=0, microsecond=0) + HOUR


def better_start(
    chance: Callable[[Hour], float], now: datetime, openings: Iterable[Interval], until: datetime
) -> datetime | None:
    """Return when to ring rather than now, or None where that gains too little.

    Args:
        chance: that somebody picks up in an hour of a weekday.
        now: wall clock of the moment in question, as everything here.
        openings: the phone hours from then on.
        until: no waiting beyond.
    """
    best, most = None, chance(hour_of(now)) * (1 + MARGIN)
    for start in starts(openings):
        if start <= now or start > until:
            continue
        worth = chance(hour_of(start)) / (1 + PER_DAY * ((start - now) / DAY))
        if worth > most:
            best, most = start, worth
    return best
