"""German and English: translated texts, and dates, times and numbers as each language writes them.

Message ids are English. Catalogs are read from `views/locale/<language>.po` at the first use, so there is
nothing to compile.
"""

import io
import re
from contextvars import ContextVar
from datetime import date, datetime, time, timedelta
from functools import cache, lru_cache
from gettext import GNUTranslations
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_skeleton, format_timedelta
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent

LANGUAGES = ("de", "en")
DEFAULT_LANGUAGE = "de"
LONGEST_IN_DAYS = 30
HOUR_SECONDS, DAY_SECONDS = 3_600, 86_400
MANY = 100
"""More than there ever are of a unit, so that no larger one takes its place."""


WEIGHTED_LANGUAGE = re.compile(
    rf"(?P<language>{'|'.join(LANGUAGES)}|\*)(?:-[a-z0-9-]+)?\s*(?:;\s*q=(?P<weight>0(?:\.\d{{0,3}})?|1(?:\.0{{0,3}})?))?"
)
"""One entry of Accept-Language that concerns us, whatever the country."""
LOCALE_DIR = Path(__file__).parent / "views" / "locale"

language: ContextVar[str] = ContextVar("language", default=DEFAULT_LANGUAGE)
timezone: ContextVar[ZoneInfo] = ContextVar("timezone")


@lru_cache(maxsize=1_024)
def choose_language(wanted: str | None, accept_language: str) -> str:
    """Return the user's own choice, else what the browser likes best, else German.

    The browser weighs languages by `q`, of equal ones it likes the first best, and 0 is what it does not take
    (RFC 9110, sections 12.4.2 and 12.5.4).
    """
    if wanted in LANGUAGES:
        return wanted
    weights: dict[str, float] = {}
    for entry in accept_language.split(","):
        match = WEIGHTED_LANGUAGE.fullmatch(entry.strip().lower())
        if match:
            code, weight = match["language"], float(match["weight"] or 1)
            weights[code] = max(weight, weights.get(code, 0))
    anything = weights.pop("*", 0)
    for code in (DEFAULT_LANGUAGE, *LANGUAGES):
        weights.setdefault(code, anything)
    best = max(weights, key=lambda code: weights[code])
    return best if weights[best] else DEFAULT_LANGUAGE


@cache
def catalog(code: str) -> GNUTranslations:
    """Return a language's texts."""
    with (LOCALE_DIR / f"{code}.po").open("rb") as source:
        texts = read_po(source, locale=code)
    compiled = io.BytesIO()
    write_mo(compiled, texts)
    compiled.seek(0)
    return GNUTranslations(compiled)


@cache
def locale(code: str) -> Locale:
    """Return how a language writes dates and numbers; to look it up by its name takes as long as using it."""
    return Locale.parse(code)


def gettext(message: str) -> str:
    """Return a text in the language of the running request."""
    return catalog(language.get()).gettext(message)


def ngettext(one: str, many: str, n: int) -> str:
    """Return the form of a text that fits the number."""
    return catalog(language.get()).ngettext(one, many, n)


def day(value: date | datetime, style: str = "full") -> str:
    """Write a date.

    Args:
        value: a date, or an instant, which is shown in the practices' time zone.
        style: `full` (14.10.2026), `short` (14.10.) or `weekday` (Mi 14.10.).
    """
    return _written(_local(value).date() if isinstance(value, datetime) else value, style, language.get())


@lru_cache(maxsize=4_096)
def _written(shown: date, style: str, code: str) -> str:
    if style == "full":
        return format_date(shown, "dd.MM.yyyy" if code == "de" else "d MMM yyyy", code)
    numbers = (
        format_skeleton("MMdd", shown, locale="de") if code == "de" else format_date(shown, "d MMM", "en")
    )
    if style == "short":
        return numbers
    return f"{format_date(shown, 'EEE', code).rstrip('.')} {numbers}"


def clock_time(value: time | datetime) -> str:
    """Write a time of day as HH:MM, the end of the day as 24:00; an instant in the practices' time zone."""
    if value == time.max:
        return "24:00"
    shown = _local(value) if isinstance(value, datetime) else value
    return f"{shown:%H:%M}"


def ago(instant: datetime, now: datetime) -> str:
    """Say how long ago an instant was, or how far ahead it is: `vor 3 Tagen`, `in 2 hours`.

    Up to a month in whole days: a mail's seventh day is the one that counts, not its first week.
    """
    passed = instant - now
    days, seconds = abs(passed) // timedelta(days=1), abs(passed // timedelta(seconds=1))
    code = language.get()
    ahead = 1 if passed > timedelta() else -1
    if 1 <= days <= LONGEST_IN_DAYS:
        return _in_units(ahead * days, "day", code)
    if days or seconds >= DAY_SECONDS:
        return format_timedelta(
            passed, granularity="minute", threshold=1, add_direction=True, locale=locale(code)
        )
    if seconds >= HOUR_SECONDS:
        return _in_units(ahead * round(seconds / HOUR_SECONDS), "hour", code)
    return _in_units(ahead * max(round(seconds / 60), 1 if seconds else 0), "minute", code)


@lru_cache(maxsize=512)
def _in_units(count: int, unit: Literal["day", "hour", "minute"], code: str) -> str:
    whole = timedelta(**{f"{unit}s": count})
    return format_timedelta(whole, granularity=unit, threshold=MANY, add_direction=True, locale=locale(code))


def weekday_name(number: int, width: str = "wide") -> str:
    """Name a weekday, 0 being Monday; `width` is `wide` or `short`."""
    monday = date(2026, 1, 5 + number)
    return format_date(monday, "EEEE" if width == "wide" else "EEE", language.get()).rstrip(".")


def number(value: float, digits: int = 0) -> str:
    """Write a number."""
    return _number(round(value, digits), language.get())


@lru_cache(maxsize=1_024)
def _number(value: float, code: str) -> str:
    return format_decimal(value, locale=code)


def percent(value: float) -> str:
    """Write a share between 0 and 1 in per cent."""
    return format_percent(value, locale=locale(language.get()))


def _local(instant: datetime) -> datetime:
    return instant.astimezone(timezone.get()).replace(tzinfo=None)
