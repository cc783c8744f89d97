"""Reads `telefonische_erreichbarkeit`, a therapist's phone hours, as other services and people write it.

The agreed form is weekday -> list of `{"start": "09:00", "end": "12:00"}`. Whatever else arrives is read as
far as it can be understood; the rest is named to the staff and never stops anything.
"""

import re
import reprlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple, cast

import msgspec
from holidays import country_holidays

from services.rules import DeskRules

NOT_A_TABLE = "The phone hours are not a table of weekdays."
UNKNOWN_DAY = "This is not a day of the week."
NOT_A_WINDOW = "This is neither a start and an end nor a text such as 09:00-12:00."
START_UNREADABLE = "The start is missing or not a time such as 09:00."
END_UNREADABLE = "The end is missing or not a time such as 12:00."
ENDS_BEFORE_START = "The end is before the start."
EMPTY_WINDOW = "The start and the end are the same."
REASONS = (
    NOT_A_TABLE,
    UNKNOWN_DAY,
    NOT_A_WINDOW,
    START_UNREADABLE,
    END_UNREADABLE,
    ENDS_BEFORE_START,
    EMPTY_WINDOW,
)
"""Every reason a problem may have: gettext message ids."""

END_OF_DAY = time.max
"""How `24:00` is kept as the end of a window."""

DAY = timedelta(days=1)

MINUTE = timedelta(minutes=1)

MINUTES_PER_DAY = 24 * 60

_DAY_NAMES = (
    ("monday", "mon", "montag", "mo"),
    ("tuesday", "tue", "tues", "dienstag", "di", "die"),
    ("wednesday", "wed", "mittwoch", "mi", "mit"),
    ("thursday", "thu", "thur", "thurs", "donnerstag", "do", "don"),
    ("friday", "fri", "freitag", "fr", "fre"),
    ("saturday", "sat", "samstag", "sonnabend", "sa", "sam"),
    ("sunday", "sun", "sonntag", "so", "son"),
)
_WEEKDAYS = {name: number for number, names in enumerate(_DAY_NAMES) for name in names}
_TIME = re.compile(r"([0-9]{1,2})(?:[:.]([0-9]{2}))?(?::00)?\s*(?:uhr|h)?", re.IGNORECASE)
_DASH = re.compile(r"\s*(?:-|\u2010|\u2011|\u2012|\u2013|\u2014|\u2212|\bbis\b)\s*", re.IGNORECASE)
_BETWEEN_WINDOWS = re.compile(r"[,;\n]|\bund\b|\bu\.", re.IGNORECASE)
_LONGEST_QUOTE = 80


class Window(NamedTuple):
    """From when until when on a day, local wall clock; `END_OF_DAY` stands for 24:00."""

    start: time
    end: time

    @property
    def minutes(self) -> tuple[int, int]:
        """Start and end as minutes since midnight."""
        return minute_of_day(self.start), minute_of_day(self.end)


Windows = Mapping[int, tuple[Window, ...]]
"""Weekday (Monday is 0) -> windows, sorted, apart from each other; no key without a window."""


class Interval(NamedTuple):
    """A stretch of wall-clock time; the end is not part of it."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that was not understood: at which day, what it said, and why (one of `REASONS`)."""

    where: str
    entry: str
    reason: str


@dataclass(frozen=True, slots=True)
class Availability:
    """The phone hours as understood, and what was not."""

    windows: Windows = field(default_factory=dict[int, tuple[Window, ...]])
    problems: list[Problem] = field(default_factory=list[Problem])

    def on(self, day: date) -> tuple[Window, ...]:
        """Return the windows of a date's weekday."""
        return self.windows.get(day.weekday(), ())


def minute_of_day(at: time) -> int:
    """Return the minutes since midnight; 1440 for `END_OF_DAY`."""
    return MINUTES_PER_DAY if at == END_OF_DAY else at.hour * 60 + at.minute


def time_of_day(minute: int) -> time:
    """Return the wall-clock time of a minute since midnight; `END_OF_DAY` for 1440."""
    return END_OF_DAY if minute == MINUTES_PER_DAY else time(*divmod(minute, 60))


def parse(raw: object) -> Availability:
    """Read phone hours from any JSON value; never raises."""
    problems: list[Problem] = []
    found: dict[int, list[Window]] = {}
    if raw is None:
        return Availability()
    if not isinstance(raw, Mapping):
        return Availability({}, [Problem("", _quote(raw), NOT_A_TABLE)])
    for key, entries in cast(Mapping[object, object], raw).items():
        weekday = _weekday(key)
        if weekday is None:
            problems.append(Problem(_quote(key), _quote(entries), UNKNOWN_DAY))
            continue
        for entry in _entries(entries):
            window = _read_window(entry)
            if isinstance(window, Window):
                found.setdefault(weekday, []).append(window)
            else:
                problems.append(Problem(_quote(key), _quote(entry), window))
    return Availability({day: _joined(found[day]) for day in sorted(found)}, problems)


@lru_cache(maxsize=4_096)
def parse_json(text: str | None) -> Availability:
    """Read phone hours from their JSON text, which is the same text every time a board is drawn."""
    return parse(msgspec.json.decode(text)) if text else Availability()


def _weekday(key: object) -> int | None:
    return _WEEKDAYS.get(key.strip().rstrip(".:").lower()) if isinstance(key, str) else None


def _entries(value: object) -> Iterator[object]:
    """Yield what may be one window each: a list's items, and the parts of a text that lists several."""
    if value is None or value == "":
        return
    items = cast(Sequence[object], value) if isinstance(value, list | tuple) else (value,)
    for item in items:
        if isinstance(item, str):
            yield from _BETWEEN_WINDOWS.split(item)
        else:
            yield item


def _read_window(entry: object) -> Window | str:
    """Return the window, or the reason why it is none."""
    if isinstance(entry, str):
        parts = _DASH.split(entry.strip())
        if len(parts) != 2:
            return NOT_A_WINDOW
        start_text, end_text = parts
    elif isinstance(entry, Mapping):
        table = cast(Mapping[object, object], entry)
        start_text, end_text = table.get("start"), table.get("end")
    else:
        return NOT_A_WINDOW
    start, end = _read_minute(start_text), _read_minute(end_text)
    if start is None or start == MINUTES_PER_DAY:
        return START_UNREADABLE
    if end is None:
        return END_UNREADABLE
    if start == end:
        return EMPTY_WINDOW
    if end < start:
        return ENDS_BEFORE_START
    return Window(time_of_day(start), time_of_day(end))


def _read_minute(value: object) -> int | None:
    match = _TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        return None
    hour, minute = int(match[1]), int(match[2] or 0)
    total = hour * 60 + minute
    return total if minute < 60 and total <= MINUTES_PER_DAY else None


def _joined(windows: list[Window]) -> tuple[Window, ...]:
    """Sort windows and join those that overlap or touch."""
    joined: list[Window] = []
    for window in sorted(windows):
        if joined and window.start <= joined[-1].end:
            joined[-1] = Window(joined[-1].start, max(joined[-1].end, window.end))
        else:
            joined.append(window)
    return tuple(joined)


def _quote(value: object) -> str:
    text = value if isinstance(value, str) else reprlib.repr(value)
    return text if len(text) <= _LONGEST_QUOTE else f"{text[: _LONGEST_QUOTE - 1]}…"


def day_windows(availability: Availability, day: date, rules: DeskRules) -> list[Window]:
    """Return a day's phone hours cut to the desk's hours, in order; none on a public holiday."""
    if is_holiday(day, rules.holiday_state):
        return []
    opens, closes = rules.desk_hours
    cut = (Window(max(window.start, opens), min(window.end, closes)) for window in availability.on(day))
    return [window for window in cut if window.start < window.end]


def openings(windows: Windows, days: Iterable[date], rules: DeskRules) -> list[Interval]:
    """Return when the therapist and the desk are both there, in order; never on a holiday."""
    desk_opens, desk_closes = (minute_of_day(at) for at in rules.desk_hours)
    found: list[Interval] = []
    for day in days:
        if day.weekday() not in windows or is_holiday(day, rules.holiday_state):
            continue
        midnight = datetime.combine(day, time())
        for window in windows[day.weekday()]:
            opens, closes = window.minutes
            opens, closes = max(opens, desk_opens), min(closes, desk_closes)
            if opens < closes:
                found.append(Interval(midnight + opens * MINUTE, midnight + closes * MINUTE))
    return found


def is_holiday(day: date, state: str) -> bool:
    """Say whether a day is a public holiday in a German state (two letters)."""
    return day in _holidays(state, day.year)


@lru_cache(maxsize=256)
def _holidays(state: str, year: int) -> frozenset[date]:
    return frozenset(country_holidays("DE", subdiv=state, years=year))
