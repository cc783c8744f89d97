"""The parts of a message: its text, its attachments, what a report says and what it returns. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from email.parser import HeaderParser
from itertools import chain
from typing import NamedTuple, cast

from services.checks import is_blank
from services.emails.html_text import text_from_html
from services.receiving.bounds import DEEPEST, MOST_PARTS, TOO_DEEP, TOO_MANY_PARTS, Unreadable
from services.receiving.decoding import clean, decode, decode_words
from services.receiving.headers import Headers, read_headers

LONGEST_TEXT = 200_000
"""Characters of text that are kept."""

LARGEST_TEXT_PART = 1024 * 1024
LARGEST_HTML_PART = 4 * 1024 * 1024
_LONGEST_NAME = 255
_LONGEST_VALUE = 2_000
_LONGEST_PARAMETERS = 8_000

_REPORTS = frozenset(
    ("message/delivery-status", "message/global-delivery-status", "message/disposition-notification",
     "message/global-disposition-notification", "message/feedback-report")
)  # fmt: skip
_RETURNED_HEADERS = frozenset(("text/rfc822-headers", "message/global-headers"))
_BLANK_LINE = re.compile(r"\n[ \t]*\n")


class Attachment(NamedTuple):
    """A file that came with a message; it is not kept itself."""

    name: str
    content_type: str
    size: int
    """Octets, give or take a few."""


class _Text(NamedTuple):
    words: str
    is_html: bool


@dataclass(slots=True)
class Contents:
    """What the parts of a message hold."""

    texts: list[str] = field(default_factory=list[str])
    attachments: list[Attachment] = field(default_factory=list[Attachment])
    reports: list[Mapping[str, str]] = field(default_factory=list[Mapping[str, str]])
    returned: Headers | None = None
    parts: int = 0

    def text(self) -> str:
        """Return all text, the parts one after the other."""
        return "\n\n".join(text for text in self.texts if not is_blank(text))[:LONGEST_TEXT].strip("\n")


def take_apart(tree: Message) -> Contents:
    """Return what the parts of a parsed message hold.

    Raises:
        Unreadable: there are too many parts, or they are nested too deep.
    """
    contents = Contents()
    contents.texts = [text.words for text in _read(tree, contents, 0)]
    return contents


def _read(part: Message, contents: Contents, depth: int) -> list[_Text]:
    """Note what a part holds and return the texts a reader is shown of it."""
    contents.parts += 1
    if contents.parts > MOST_PARTS:
        raise Unreadable(TOO_MANY_PARTS)
    if depth > DEEPEST:
        raise Unreadable(TOO_DEEP)
    content_type = part.get_content_type()
    if content_type in _REPORTS:
        contents.reports += _groups(part)
    elif content_type in _RETURNED_HEADERS:
        contents.returned = contents.returned or _headers_of(part)
    elif content_type.startswith("multipart/") and part.is_multipart():
        shown = [_read(child, contents, depth + 1) for child in _children(part)]
        return _alternative(shown) if content_type == "multipart/alternative" else list(chain(*shown))
    elif content_type.startswith("message/"):
        _note_message(part, contents)
    elif _is_text(part, content_type):
        return [_text(part, is_html=content_type == "text/html")]
    else:
        contents.attachments.append(_attachment(part, content_type))
    return []


def _children(part: Message) -> list[Message]:
    return cast("list[Message]", part.get_payload()) if part.is_multipart() else []


def _alternative(shown: list[list[_Text]]) -> list[_Text]:
    """Choose among alternatives the first in plain text that says something, else the last that does."""
    speaking = [texts for texts in shown if any(not is_blank(text.words) for text in texts)]
    plain = (texts for texts in speaking if not any(text.is_html for text in texts))
    return next(plain, speaking[-1] if speaking else [])


def _is_text(part: Message, content_type: str) -> bool:
    if content_type not in ("text/plain", "text/html") and not content_type.startswith("multipart/"):
        return False
    return not _disposition(part).startswith("attachment") and not part.get_filename()


def _text(part: Message, *, is_html: bool) -> _Text:
    octets = _octets(part)
    charset = part.get_param("charset")
    charset = charset.strip(" '\"") if isinstance(charset, str) else None
    if is_html:
        return _Text(text_from_html(decode(octets[:LARGEST_HTML_PART], charset), mark_quotations=True), True)
    return _Text(decode(octets[:LARGEST_TEXT_PART], charset), False)


def _octets(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _disposition(part: Message) -> str:
    return str(part.get("content-disposition", ""))[:_LONGEST_PARAMETERS].strip().lower()


def _attachment(part: Message, content_type: str) -> Attachment:
    payload = part.get_payload()
    length = len(payload) if isinstance(payload, str) else 0
    encoding = str(part.get("content-transfer-encoding", "")).strip().lower()
    if encoding == "base64" and isinstance(payload, str):
        length = (length - payload.count("\n") - payload.count("\r")) * 3 // 4
    return Attachment(_file_name(part), clean(content_type)[:_LONGEST_NAME], length)


def _file_name(part: Message) -> str:
    name = part.get_filename() or ""
    octets = name.encode("utf-8", "surrogateescape")
    return " ".join(decode_words(decode(octets)).split())[:_LONGEST_NAME]


def _note_message(part: Message, contents: Contents) -> None:
    """Note a message within the message: what a report returns, or an attachment."""
    headers = _headers_of(part)
    contents.returned = contents.returned or headers
    name = _file_name(part) or headers.subject[:_LONGEST_NAME]
    contents.attachments.append(Attachment(name, part.get_content_type()[:_LONGEST_NAME], 0))


def _groups(part: Message) -> list[Mapping[str, str]]:
    """Return the groups of fields of a report; a field that comes twice in one counts once.

    The parser knows `message/delivery-status` and takes the first group of the other kinds for headers.
    """
    parsed = _children(part)[:MOST_PARTS]
    unparsed = [decode(_octets(each)) for each in parsed or [part] if not each.is_multipart()]
    pieces = [piece for text in unparsed for piece in _BLANK_LINE.split(text)[:MOST_PARTS]]
    groups = [_fields(each) for each in [*parsed, *(_parsed(piece) for piece in pieces)]]
    return [group for group in groups if group]


def _fields(group: Message) -> Mapping[str, str]:
    fields: dict[str, str] = {}
    for name, raw in group.raw_items():
        octets = str(raw)[:_LONGEST_VALUE].encode("utf-8", "surrogateescape")
        fields.setdefault(clean(name).lower(), " ".join(decode(octets).split()))
    return fields


def _parsed(text: str) -> Message:
    return HeaderParser().parsestr(text.lstrip("\r\n"))


def _headers_of(part: Message) -> Headers:
    """Return the headers a part consists of."""
    for child in _children(part):
        return read_headers(child)
    return read_headers(_parsed(_octets(part).decode("ascii", "surrogateescape")))
