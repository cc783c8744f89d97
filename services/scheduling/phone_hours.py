"""Phone hours cut to the desk's hours, without public holidays and absences."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple

from holidays import PUBLIC, country_holidays

from services.hours.reading import Availability
from services.hours.windows import Window
from services.rules import DeskRules

DAY = timedelta(days=1)

MINUTE = timedelta(minutes=1)


class Interval(NamedTuple):
    """A stretch of wall-clock time; the end is not part of it."""

    start: datetime
    end: datetime


def day_windows(availability: Availability, day: date, rules: DeskRules) -> list[Window]:
    """Return a day's phone hours cut to the desk's hours, in order; none on a holiday or in an absence."""
    of_day = availability.on(day)
    if not of_day or keeps_holiday(availability, day, rules):
        return []
    opens, closes = rules.desk_hours
    return [
        window
        if opens <= window.start and window.end <= closes
        else Window(max(window.start, opens), min(window.end, closes))
        for window in of_day
        if window.start < closes and opens < window.end
    ]


def openings(availability: Availability, days: Iterable[date], rules: DeskRules) -> list[Interval]:
    """Return when the therapist and the desk are both there, in order; on no holiday, in no absence."""
    return list(each_opening(availability, days, rules))


def each_opening(availability: Availability, days: Iterable[date], rules: DeskRules) -> Iterator[Interval]:
    """Yield the same as far as somebody asks: mostly the first is enough."""
    return (_interval(day, window) for day in days for window in day_windows(availability, day, rules))


def keeps_holiday(availability: Availability, day: date, rules: DeskRules) -> bool:
    """Say whether a day is a public holiday where the practice is: in any of its states."""
    return _is_holiday_in_any(day, availability.states or frozenset({rules.holiday_state}))


@lru_cache(maxsize=4_096)
def _is_holiday_in_any(day: date, states: frozenset[str]) -> bool:
    return any(is_holiday(day, state) for state in states)


def _interval(day: date, window: Window) -> Interval:
    midnight = datetime.combine(day, time())
    opens, closes = window.minutes
    return Interval(midnight + opens * MINUTE, midnight + closes * MINUTE)


def is_holiday(day: date, state: str) -> bool:
    """Say whether a day is a public holiday in all of a German state (two letters).

    What only some of its municipalities keep is none (docs/decisions/0010).
    """
    return day in _holidays(state, day.year)


@lru_cache(maxsize=256)
def _holidays(state: str, year: int) -> frozenset[date]:
    return frozenset(country_holidays("DE", subdiv=state, years=year, categories=PUBLIC))
