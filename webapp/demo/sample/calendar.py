"""A desk calendar for sample data: finds times in phone hours on a free line, past ones too."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta

from services.hours.reading import Availability
from services.hours.windows import minute_of_day, time_of_day
from services.rules import DeskRules
from services.scheduling.phone_hours import DAY, is_holiday, keeps_holiday

Place = tuple[date, time, int]
"""Day, wall-clock time and desk line of a call."""


class SampleCalendar:
    """Books each time and line once.

    Args:
        hours: every therapist's phone hours by id.
        rules: the desk's lines, holidays and length of a call.
    """

    def __init__(self, hours: Mapping[int, Availability], rules: DeskRules) -> None:
        self._hours = hours
        self._rules = rules
        self._taken: set[Place] = set()

    def take(self, therapist_id: int, day: date, after: time = time(0)) -> Place | None:
        """Book the first free time of a day in the therapist's phone hours, from `after` on."""
        hours = self._hours[therapist_id]
        if keeps_holiday(hours, day, self._rules):
            return None
        duration = self._rules.duration_minutes
        for window in hours.on(day):
            opens, closes = window.minutes
            first = max(opens, -(-minute_of_day(after) // duration) * duration)
            for minute in range(first, closes - duration + 1, duration):
                place = self.take_line(day, time_of_day(minute))
                if place is not None:
                    return place
        return None

    def take_line(self, day: date, at: time) -> Place | None:
        """Book a free line at exactly this time."""
        for line in range(1, self._rules.lines + 1):
            if (day, at, line) not in self._taken:
                self._taken.add((day, at, line))
                return day, at, line
        return None

    def take_from(self, therapist_id: int, first: date, last: date) -> Place | None:
        """Book the first free time from one day to another."""
        for day in days(first, last):
            place = self.take(therapist_id, day)
            if place is not None:
                return place
        return None


def days(first: date, last: date) -> Sequence[date]:
    """Return all days from the first to the last."""
    return [first + number * DAY for number in range((last - first).days + 1)]


def at_work(day: date, minute: int, rules: DeskRules) -> datetime:
    """Return the instant some minutes after eight in the morning."""
    return rules.instant(day, time(8)) + timedelta(minutes=minute)


def working_day_before(day: date, rules: DeskRules) -> date:
    """Return the day itself, or the last one before it that is no weekend or public holiday."""
    while day.weekday() >= 5 or is_holiday(day, rules.holiday_state):
        day -= DAY
    return day
