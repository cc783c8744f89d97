"""Reads `telefonische_erreichbarkeit`, a therapist's phone hours, as other services and people write it.

The agreed form is weekday -> list of `{"start": "09:00", "end": "12:00"}`. Whatever else arrives is read as
far as it can be understood; the rest is named to the staff and never stops anything.
"""

import json
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from itertools import islice
from typing import cast

import msgspec

from services.hours.states import states_of
from services.hours.windows import (
    BETWEEN,
    EMPTY_WINDOW,
    END_UNREADABLE,
    ENDS_BEFORE_START,
    LONGEST_ENTRY,
    MORE_THAN_A_WINDOW,
    MOST_ENTRIES,
    NOT_A_WINDOW,
    START_UNREADABLE,
    TOO_MUCH,
    Window,
    compact,
    read_windows,
)

NOT_A_TABLE = "The phone hours are not a table of weekdays."
UNKNOWN_DAY = "This is not a day of the week."
REASONS = (
    NOT_A_TABLE,
    UNKNOWN_DAY,
    NOT_A_WINDOW,
    MORE_THAN_A_WINDOW,
    START_UNREADABLE,
    END_UNREADABLE,
    ENDS_BEFORE_START,
    EMPTY_WINDOW,
    TOO_MUCH,
)
"""Every reason a problem may have: gettext message ids."""

MOST_PROBLEMS = 20

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
_EVERY_DAY = frozenset(("täglich", "daily"))
_LONGEST_QUOTE = 80

Windows = Mapping[int, tuple[Window, ...]]
"""Weekday (Monday is 0) -> windows, sorted, apart from each other; no key without a window."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that was not understood: at which day, what it said, and why (one of `REASONS`)."""

    where: str
    entry: str
    reason: str


@dataclass(frozen=True, slots=True)
class Availability:
    """The phone hours as understood, what was not, and when nobody answers the phone all the same.

    Attributes:
        states: those whose public holidays the practice keeps; none stands for the desk's own
            (`rules.holiday_state`).
        back_on: the first day back of an absence; before it nobody is there.
    """

    windows: Windows = field(default_factory=dict[int, tuple[Window, ...]])
    problems: list[Problem] = field(default_factory=list[Problem])
    states: frozenset[str] = frozenset()
    back_on: date | None = None

    def on(self, day: date) -> tuple[Window, ...]:
        """Return the windows of a date's weekday; none in an absence."""
        return () if self.away(day) else self.windows.get(day.weekday(), ())

    def away(self, day: date) -> bool:
        """Say whether a date lies in an absence."""
        return self.back_on is not None and day < self.back_on


def parse(raw: object, plz: str | None = None, back_on: date | None = None) -> Availability:
    """Read phone hours from any JSON value, and the state from the postcode; never raises.

    The work grows with `MOST_ENTRIES` and `LONGEST_ENTRY` at most, whatever the value's size.
    """
    windows, problems = _read(raw)
    return Availability(windows, problems, states_of(plz), back_on)


@lru_cache(maxsize=4_096)
def parse_json(text: str | None, plz: str | None = None, back_on: date | None = None) -> Availability:
    """Read phone hours from their JSON text, which is the same text every time they are looked at."""
    return parse(_decoded(text) if text else None, plz, back_on)


def _decoded(text: str) -> object:
    """Return a JSON value; its numbers as text where one is larger than any, as PostgreSQL has them."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return json.loads(text, parse_int=str, parse_float=str, parse_constant=str)


def _read(raw: object) -> tuple[Windows, list[Problem]]:
    if raw is None:
        return {}, []
    if not isinstance(raw, Mapping):
        return {}, [Problem("", _quote(raw), NOT_A_TABLE)]
    table = cast(Mapping[object, object], raw)
    problems: list[Problem] = []
    found: dict[int, list[Window]] = {}
    for key, entries in islice(table.items(), MOST_ENTRIES):
        weekdays = _weekdays(key)
        if not weekdays:
            problems.append(Problem(_quote(key), _quote(entries), UNKNOWN_DAY))
            continue
        for number, (entry, window) in enumerate(read_windows(entries)):
            if number == MOST_ENTRIES:
                problems.append(Problem(_quote(key), _quote(entry), TOO_MUCH))
                break
            if isinstance(window, Window):
                for weekday in weekdays:
                    found.setdefault(weekday, []).append(window)
            else:
                problems.append(Problem(_quote(key), _quote(entry), window))
    if len(table) > MOST_ENTRIES or len(problems) > MOST_PROBLEMS:
        problems = [*problems[: MOST_PROBLEMS - 1], Problem("", "…", TOO_MUCH)]
    return {day: _joined(found[day]) for day in sorted(found)}, problems


def _weekdays(key: object) -> frozenset[int]:
    """Return the days a key names, such as `montags`, `Mo-Fr` or `Mo, Mi und Fr`; none if that is unclear."""
    if not isinstance(key, str) or len(key) > LONGEST_ENTRY:
        return frozenset()
    if key.strip().casefold() in _EVERY_DAY:
        return frozenset(range(len(_DAY_NAMES)))
    days: set[int] = set()
    for part in BETWEEN.sub(" ", compact(key)).split() or [key]:
        ends = [_weekday(name) for name in part.split("-")]
        match ends:
            case [int(day)]:
                days.add(day)
            case [int(first), int(last)] if first < last:
                days.update(range(first, last + 1))
            case _:
                return frozenset()
    return frozenset(days)


def _weekday(name: str) -> int | None:
    name = name.strip(" .:")
    day = _WEEKDAYS.get(name)
    return _WEEKDAYS.get(name.removesuffix("s")) if day is None and len(name) > len("mos") else day


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
    try:
        text = value if isinstance(value, str) else reprlib.repr(value)
    except ValueError:  # a number too long for Python to write down
        text = "…"
    return text if len(text) <= _LONGEST_QUOTE else f"{text[: _LONGEST_QUOTE - 1]}…"
