"""The made-up practices of the simulated desk: their phone hours, and who picks up when."""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from services.hours.reading import Windows, parse
from services.reach.tallies import Hour
from services.scheduling.phone_hours import Interval
from webapp.demo.sample.therapists import PHONE_HOURS

MONDAY = date(2026, 1, 12)
WEEKS = 8
THERAPISTS = 300
OPENS, CLOSES = time(8), time(18)
DAY = timedelta(days=1)
LOOKED_AHEAD = 28

WORLDS = {
    "by hour": (0.5, 0.9, 0.5),
    "every hour of its own": (0.5, 0.0, 1.05),
    "flat": (0.5, 0.0, 0.0),
}
"""How much therapists, their hours and their weekdays' hours differ: deviations of the log odds."""

EVERYBODY = {8: -0.3, 9: 0.0, 10: 0.3, 11: 0.3, 12: 0.1, 13: -0.3, 14: -0.2, 15: 0.1, 16: 0.0, 17: -0.2}
LEVEL = -0.5


@dataclass(frozen=True)
class Practice:
    """A therapist: phone hours of every day, and the hidden chance in every hour of a weekday."""

    phone_hours: Mapping[date, Sequence[Interval]]
    rates: Mapping[Hour, float]

    def openings(self, day: date, days: int = 1) -> list[Interval]:
        """Return the phone hours of some days, cut to the desk's."""
        return [each for ahead in range(days) for each in self.phone_hours[day + ahead * DAY]]


def world(kind: str, seed: int) -> list[Practice]:
    """Make up therapists with the phone hours of the demo."""
    chance = random.Random(seed)
    level, hours, weekdays = WORLDS[kind]
    everybody = {hour: 0.0 if kind == "flat" else value for hour, value in EVERYBODY.items()}
    phone_hours = [every_day(parse(value).windows) for name, value in PHONE_HOURS.items() if name != "none"]
    practices: list[Practice] = []
    for number in range(THERAPISTS):
        own = LEVEL + chance.gauss(0, level)
        by_hour = {hour: chance.gauss(0, hours) for hour in everybody}
        rates = {
            Hour(weekday, hour): 1
            / (1 + math.exp(-(own + everybody[hour] + by_hour[hour] + chance.gauss(0, weekdays))))
            for hour in everybody
            for weekday in range(5)
        }
        practices.append(Practice(phone_hours[number % len(phone_hours)], rates))
    return practices


def every_day(windows: Windows) -> dict[date, list[Interval]]:
    """Return the phone hours of all days that anybody looks at, cut to the desk's."""
    return {
        day: [
            Interval(
                datetime.combine(day, max(window.start, OPENS)),
                datetime.combine(day, min(window.end, CLOSES)),
            )
            for window in windows.get(day.weekday(), ())
        ]
        for day in (MONDAY + ahead * DAY for ahead in range(WEEKS * 7 + LOOKED_AHEAD))
    }
