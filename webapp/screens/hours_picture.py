"""A therapist's phone hours drawn as one bar chart per weekday; positions are per cent of the day shown."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from services.hours.reading import Availability
from services.hours.windows import Window, minute_of_day
from services.models import PhoneCall
from services.rules import DeskRules

WORKING_DAYS = 5
HOUR = 60


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of the day; `at_desk` says whether somebody is at the desk then."""

    x: float
    width: float
    at_desk: bool


@dataclass(frozen=True, slots=True)
class DayPicture:
    """A weekday (Monday is 0) with its hours as words and as bars, and the calls of the coming seven days."""

    weekday: int
    windows: tuple[Window, ...]
    bars: list[Bar]
    calls: list[float]


@dataclass(frozen=True, slots=True)
class HoursPicture:
    """The week; `hours` are the labelled hours with their positions."""

    hours: list[tuple[int, float]]
    days: list[DayPicture]


@dataclass(frozen=True, slots=True)
class TodayPicture:
    """One day's windows within the desk's hours as bars, and where the present minute is, if among them."""

    opens: time
    closes: time
    bars: list[Bar]
    now: float | None


def draw_day(windows: Sequence[Window], now: datetime, rules: DeskRules) -> TodayPicture:
    """Draw a day's phone hours, already cut to the desk's hours."""
    opens, closes = (minute_of_day(at) for at in rules.desk_hours)

    def place(minute: float) -> float:
        return round((minute - opens) / (closes - opens) * 100, 2)

    ends = [window.minutes for window in windows]
    bars = [
        Bar(place(max(start, opens)), round(place(min(end, closes)) - place(max(start, opens)), 2), True)
        for start, end in ends
        if start < closes and end > opens
    ]
    present = minute_of_day(rules.local(now).time())
    return TodayPicture(*rules.desk_hours, bars, place(present) if opens <= present <= closes else None)


def draw_hours(
    availability: Availability, calls: Sequence[PhoneCall], *, today: date, rules: DeskRules
) -> HoursPicture:
    """Draw phone hours: Monday to Friday, the weekend only where somebody answers the phone."""
    opens, closes = (minute_of_day(at) for at in rules.desk_hours)
    minutes = [minute for windows in availability.windows.values() for w in windows for minute in w.minutes]
    first = min([opens, *minutes]) // HOUR
    last = -(-max([closes, *minutes]) // HOUR)

    def place(minute: float) -> float:
        return round((minute - first * HOUR) / ((last - first) * HOUR) * 100, 2)

    days: list[DayPicture] = []
    for weekday in range(7):
        windows = availability.windows.get(weekday, ())
        if not windows and weekday >= WORKING_DAYS:
            continue
        parts = (part for window in windows for part in _parts(*window.minutes, opens, closes))
        bars = [Bar(place(start), round(place(end) - place(start), 2), desk) for start, end, desk in parts]
        marks = [place(minute_of_day(call.geplante_zeit)) for call in calls if _is_on(call, weekday, today)]
        days.append(DayPicture(weekday, windows, bars, marks))
    return HoursPicture([(hour, place(hour * HOUR)) for hour in range(first, last + 1)], days)


def _parts(start: int, end: int, opens: int, closes: int) -> list[tuple[int, int, bool]]:
    """Cut a window at the desk's hours."""
    cuts = [start, *(cut for cut in (opens, closes) if start < cut < end), end]
    return [(a, b, opens <= a and b <= closes) for a, b in itertools.pairwise(cuts)]


def _is_on(call: PhoneCall, weekday: int, today: date) -> bool:
    soon = today <= call.geplantes_datum < today + timedelta(days=7)
    return soon and call.geplantes_datum.weekday() == weekday
