"""What a message may be before it is taken apart. Pure.

The parser of the standard library needs time and memory for every line, every part and every level a message
has. All three are counted here first, in one pass each and without taking anything apart.
"""

import re

LARGEST_MESSAGE = 20 * 1024 * 1024
"""Octets of a message that is read."""

MOST_LINES = 300_000
MOST_BOUNDARIES = 2_000
MOST_PARTS = 200
MOST_CONTAINERS = 60
"""Parts that hold parts, however they are nested."""

DEEPEST = 20
"""Levels of parts within parts."""

LONGEST_CONTENT_FIELD = 8_000
"""Reading the parameters of such a field takes time by the square of its length."""

_BOUNDARY = re.compile(rb"[\r\n]--")
_FIELD = rb"(?<![^\r\n])content-"
_CONTAINER = re.compile(_FIELD + rb"type:\s*(?:multipart|message)/", re.IGNORECASE)
_LONG_FIELD = re.compile(
    _FIELD + rb"(?:type|disposition):(?:[^\r\n]|\r?\n[ \t]|\r[ \t]){%d}" % LONGEST_CONTENT_FIELD,
    re.IGNORECASE,
)

TOO_LARGE = "larger than is read"
TOO_MANY_LINES = "more lines than are read"
TOO_MANY_PARTS = "more parts than are read"
TOO_DEEP = "parts nested deeper than is read"
LONG_HEADER = "a header field longer than is read"
BROKEN = "can't be taken apart"


class Unreadable(Exception):
    """A message that can't be read; `reason` says why, without quoting it."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def check_bounds(raw: bytes) -> None:
    """Check that taking a message apart costs bounded time and memory.

    Raises:
        Unreadable: it would cost more.
    """
    if len(raw) > LARGEST_MESSAGE:
        raise Unreadable(TOO_LARGE)
    if raw.count(b"\n") + raw.count(b"\r") - raw.count(b"\r\n") > MOST_LINES:
        raise Unreadable(TOO_MANY_LINES)
    if _more_than(_BOUNDARY, raw, MOST_BOUNDARIES):
        raise Unreadable(TOO_MANY_PARTS)
    if _more_than(_CONTAINER, raw, MOST_CONTAINERS):
        raise Unreadable(TOO_DEEP)
    if _LONG_FIELD.search(raw):
        raise Unreadable(LONG_HEADER)


def _more_than(pattern: re.Pattern[bytes], raw: bytes, most: int) -> bool:
    return any(number >= most for number, _ in enumerate(pattern.finditer(raw)))
