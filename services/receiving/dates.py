"""Days as people write them in German and English, read from a mail of a known day. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum, auto

NEAREST_PAST = timedelta(days=90)
LATEST = timedelta(days=366)

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "januar jänner jan january", "februar feber feb february", "märz maerz mär mrz march mar",
            "april apr", "mai may", "juni jun june", "juli jul july", "august aug",
            "september sep sept", "oktober okt october oct", "november nov", "dezember dez december dec",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
_WEEKDAYS = {
    name: number
    for number, names in enumerate(
        (
            "montag monday mo mon", "dienstag tuesday di tue tues", "mittwoch wednesday mi wed",
            "donnerstag thursday do thu thur thurs", "freitag friday fr fri",
            "samstag sonnabend saturday sa sat", "sonntag sunday so sun",
        )
    )
    for name in names.split()
}  # fmt: skip
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_LONG_WEEKDAY = "|".join(sorted((name for name in _WEEKDAYS if len(name) > 5), key=len, reverse=True))
_WEEKDAY = "|".join(sorted(_WEEKDAYS, key=len, reverse=True))
_YEAR = r"(?:\s?,?\s?(?P<{0}>20\d\d)(?![\d:]))?"
_DAY = re.compile(
    rf"(?:\b(?P<weekday>{_WEEKDAY})\b\.?,?\s{{0,3}}(?:de[nmr]\s|the\s)?)?(?<![\d.:/])(?:"
    r"(?P<iso>20\d\d-\d\d-\d\d)(?![\d-])"
    r"|(?P<day>\d{1,2})\.\s?(?P<month>\d{1,2})(?:\.(?:\s?(?P<year>20\d\d|(?<=\.)\d\d))?)?(?![\d:])(?!\s?uhr)"
    r"|(?P<left>\d{1,2})/(?P<right>\d{1,2})/(?P<slashed>20\d\d|\d\d)(?![\d/])"
    rf"|(?P<named_day>\d{{1,2}})(?:\.|st|nd|rd|th)?\s{{0,3}}(?:of\s)?(?P<named>{_MONTH})\b\.?"
    + _YEAR.format("named_year")
    + rf"|\b(?P<english>{_MONTH})\.?\s(?P<english_day>\d{{1,2}})(?:st|nd|rd|th)?\b(?![.:/]\d)"
    rf"(?:\s?[-–]\s?(?P<english_end>\d{{1,2}})(?:st|nd|rd|th)?\b)?"
    + _YEAR.format("english_year")
    + rf"|\b(?P<alone>{_MONTH})\b" + _YEAR.format("alone_year") + ")",
    re.IGNORECASE,
)  # fmt: skip
_ONLY_WEEKDAY = re.compile(rf"\b({_LONG_WEEKDAY})\b", re.IGNORECASE)


class Precision(Enum):
    """How a day is named."""

    DATE = auto()
    MONTH = auto()
    WEEKDAY = auto()


@dataclass(frozen=True, slots=True)
class Mention:
    """A day that is named in a text, and where.

    Attributes:
        first: where the day's words begin.
        last: where they end.
        day: the day, None where it can't be told or does not exist.
        precision: of a month alone, `day` is its first; of a weekday alone, the next after the mail's.
        opens: first day of a span that is written as one, such as "August 1-12".
    """

    first: int
    last: int
    day: date | None
    precision: Precision = Precision.DATE
    opens: date | None = None


def days_in(text: str, written: date) -> Iterator[Mention]:
    """Yield the days a text of the day `written` names, in order.

    Without a year, the one that brings the day nearest is meant, up to three months back. A day that falls
    on another weekday than named is not told, nor is 1/12/2026 beside no other that settles the order.
    """
    end = 0
    matches = list(_DAY.finditer(text))
    day_first = any(match["left"] and int(match["left"]) > 12 for match in matches)
    for match in matches:
        yield from _weekdays(text, end, match.start(), written)
        end = match.end()
        yield _mention(match, written, day_first=day_first)
    yield from _weekdays(text, end, len(text), written)


def _mention(match: re.Match[str], written: date, *, day_first: bool) -> Mention:
    day = _day(match, written, day_first=day_first)
    opens = None
    if match["english_end"] and day:
        opens, day = day, _on(day.year, day.month, int(match["english_end"]))
    weekday = match["weekday"]
    if weekday and day and day.weekday() != _WEEKDAYS[weekday.lower()]:
        day = None
    precision = Precision.MONTH if match["alone"] else Precision.DATE
    return Mention(match.start(), match.end(), day, precision, opens)


def _day(match: re.Match[str], written: date, *, day_first: bool) -> date | None:
    if match["iso"]:
        year, month, day = (int(number) for number in match["iso"].split("-"))
        return _on(year, month, day)
    if match["left"]:
        left, right, year = int(match["left"]), int(match["right"]), _year(match["slashed"])
        return _on(year, right, left) if day_first else _slashed(left, right, year)
    if match["month"]:
        return _in_year(match["year"], int(match["month"]), int(match["day"]), written)
    if match["named"]:
        month = _MONTHS[match["named"].lower()]
        return _in_year(match["named_year"], month, int(match["named_day"]), written)
    if match["english"]:
        month = _MONTHS[match["english"].lower()]
        return _in_year(match["english_year"], month, int(match["english_day"]), written)
    return _in_year(match["alone_year"], _MONTHS[match["alone"].lower()], 1, written)


def _slashed(left: int, right: int, year: int) -> date | None:
    """Read a day of which it is not said whether day or month comes first, where it can mean one only."""
    readings = {day for day in (_on(year, right, left), _on(year, left, right)) if day}
    return readings.pop() if len(readings) == 1 else None


def _in_year(year: str | None, month: int, day: int, written: date) -> date | None:
    if year:
        return _on(_year(year), month, day)
    candidates = (_on(written.year + offset, month, day) for offset in (-1, 0, 1))
    return next((each for each in candidates if each and each >= written - NEAREST_PAST), None)


def _year(year: str) -> int:
    return int(year) if len(year) == 4 else 2000 + int(year)


def _on(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _weekdays(text: str, start: int, end: int, written: date) -> Iterator[Mention]:
    for match in _ONLY_WEEKDAY.finditer(text, start, end):
        ahead = (_WEEKDAYS[match[1].lower()] - written.weekday() - 1) % 7 + 1
        day = written + timedelta(days=ahead)
        yield Mention(match.start(), match.end(), day, Precision.WEEKDAY)
