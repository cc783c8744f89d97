"""Reads a day's phone hours: windows as tables, pairs and texts, each either understood or not at all."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import time
from typing import NamedTuple, cast

MOST_ENTRIES = 64
"""Days of phone hours, windows of a day, values of a window: more are neither kept nor read."""

LONGEST_ENTRY = 300
"""Characters of a day's name or of a text with windows: more are neither kept nor read."""

NOT_A_WINDOW = "This is neither a start and an end nor a text such as 09:00-12:00."
MORE_THAN_A_WINDOW = "This says more than a start and an end, so it is not clear when it applies."
START_UNREADABLE = "The start is missing or not a time such as 09:00."
END_UNREADABLE = "The end is missing or not a time such as 12:00."
ENDS_BEFORE_START = "The end is before the start."
EMPTY_WINDOW = "The start and the end are the same."
TOO_MUCH = "There is more here than is read."

END_OF_DAY = time.max
"""How `24:00` is kept as the end of a window."""

MINUTES_PER_DAY = 24 * 60

_STARTS = frozenset(("start", "von", "from", "beginn", "begin", "start_time", "starttime"))
_ENDS = frozenset(("end", "bis", "to", "ende", "end_time", "endtime"))

BETWEEN = re.compile(r"[,;/|&+\n]|\b(?:und|and|sowie|u)\b\.?", re.IGNORECASE)
"""What stands between two days, or two windows."""

_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"))
_UNTIL = re.compile(r" ?\b(?:bis|to)\b ?")
_CLOCK = r"[0-9]{1,2}(?:(?:[:.]|(?:h|uhr) ?)[0-9]{2})?(?::00)?(?:h|uhr)?|[0-9]{4}(?:h|uhr)?"
_TIME = re.compile(r"([0-9]{1,2})(?:(?:[:.]|(?:h|uhr) ?)([0-9]{2}))?(?::00)?(?:h|uhr)?")
_DIGITS_ONLY = re.compile(r"([0-9]{2})([0-9]{2})(?:h|uhr)?")
_WINDOW = re.compile(rf"(?:von )?({_CLOCK})-({_CLOCK})(?: |$)")


class Window(NamedTuple):
    """From when until when on a day, local wall clock; `END_OF_DAY` stands for 24:00."""

    start: time
    end: time

    @property
    def minutes(self) -> tuple[int, int]:
        """Start and end as minutes since midnight."""
        return minute_of_day(self.start), minute_of_day(self.end)


def minute_of_day(at: time) -> int:
    """Return the minutes since midnight; 1440 for `END_OF_DAY`."""
    return MINUTES_PER_DAY if at == END_OF_DAY else at.hour * 60 + at.minute


def time_of_day(minute: int) -> time:
    """Return the wall-clock time of a minute since midnight; `END_OF_DAY` for 1440."""
    return END_OF_DAY if minute == MINUTES_PER_DAY else time(*divmod(minute, 60))


def read_windows(value: object) -> Iterator[tuple[object, Window | str]]:
    """Yield every entry of a day with the window it is, or with the reason why it is none."""
    if value is None or value == "":
        return
    if not isinstance(value, list | tuple):
        yield from _entry(value)
        return
    items = cast(Sequence[object], value)
    if 2 <= len(items) <= MOST_ENTRIES and len(items) % 2 == 0 and all(map(_is_time, items)):
        for start, end in zip(items[::2], items[1::2], strict=True):
            yield (start, end), _window(start, end)
        return
    for item in items:
        yield from _entry(item)


def _entry(entry: object) -> Iterator[tuple[object, Window | str]]:
    if isinstance(entry, str):
        yield from _windows_of_text(entry)
    elif isinstance(entry, Mapping):
        yield entry, _window_of_table(cast(Mapping[object, object], entry))
    elif isinstance(entry, list | tuple) and len(pair := cast(Sequence[object], entry)) == 2:
        yield entry, _window(*pair)
    else:
        yield entry, NOT_A_WINDOW


def _windows_of_text(text: str) -> Iterator[tuple[str, Window | str]]:
    text = without_padding(text)
    if len(text) > LONGEST_ENTRY:
        yield text, TOO_MUCH
        return
    for part in [part.strip() for part in BETWEEN.split(text) if part.strip()] or [""]:
        windows = _windows_of_part(compact(part).strip("."))
        if isinstance(windows, str):
            yield part, windows
        else:
            yield from ((part, window) for window in windows)


def _windows_of_part(text: str) -> list[Window] | str:
    """Return the windows of a text that lists nothing else, or the reason why it does."""
    windows: list[Window] = []
    end = 0
    while end < len(text) and (match := _WINDOW.match(text, end)):
        window = _window(match[1], match[2])
        if isinstance(window, str):
            return window
        windows.append(window)
        end = match.end()
    return windows if windows and end == len(text) else _why_unreadable(text)


def _why_unreadable(text: str) -> str:
    ends = text.split("-")
    window = _window(*ends) if len(ends) == 2 else NOT_A_WINDOW
    return window if isinstance(window, str) else NOT_A_WINDOW


def _window_of_table(table: Mapping[object, object]) -> Window | str:
    """Read a start and an end by their names; what else is said may limit when they apply, so it is none."""
    if len(table) > MOST_ENTRIES:
        return TOO_MUCH
    starts: list[object] = []
    ends: list[object] = []
    for key, value in table.items():
        name = key.strip().lower() if isinstance(key, str) and len(key) <= LONGEST_ENTRY else ""
        if name in _STARTS:
            starts.append(value)
        elif name in _ENDS:
            ends.append(value)
        elif value not in (None, ""):
            return MORE_THAN_A_WINDOW
    if len(starts) > 1 or len(ends) > 1:
        return NOT_A_WINDOW
    return _window(*(starts or [None]), *(ends or [None]))


def _window(start_text: object, end_text: object) -> Window | str:
    """Return the window, or the reason why it is none."""
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


def _is_time(value: object) -> bool:
    return _read_minute(value) is not None


def _read_minute(value: object) -> int | None:
    if not isinstance(value, str) or len(value) > LONGEST_ENTRY:
        return None
    text = compact(value)
    match = _TIME.fullmatch(text) or _DIGITS_ONLY.fullmatch(text)
    if match is None:
        return None
    hour, minute = int(match[1]), int(match[2] or 0)
    total = hour * 60 + minute
    return total if minute < 60 and total <= MINUTES_PER_DAY else None


def compact(text: str) -> str:
    """Return text in small letters, one kind of dash, no blanks but between words."""
    plain = " ".join(text.lower().translate(_DASHES).split())
    plain = _UNTIL.sub("-", plain).replace(" -", "-").replace("- ", "-")
    return plain.replace(" uhr", "uhr").replace(" h", "h")


def without_padding(text: str) -> str:
    """Return a text that is too long with one blank where there were several; its lines stay."""
    if len(text) <= LONGEST_ENTRY:
        return text
    return "\n".join(" ".join(line.split()) for line in text.splitlines() if line.strip())
