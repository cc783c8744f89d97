"""What an e-mail's fields may hold, as pure functions: nothing is stored unless all of them agree."""

import re
import unicodedata

from services.errors import FieldError
from services.models import LARGEST_ID, is_possible_id

LONGEST_NAME = 100
LONGEST_LINE = 255
LARGEST_BODY_BYTES = 1024 * 1024
LONGEST_LOCAL_PART = 64
"""Octets before the @ (RFC 5321, 4.5.3.1.1)."""

LONGEST_NOTE = 10_000
LONGEST_REFERENCE = 100

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_VISIBLE = re.compile(
    "[^\\s\x00-\x1f\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
"""Anything but blanks, control characters, and what Unicode calls default-ignorable."""

_HARMLESS = "\xad\u200c\u200d"
"""Soft hyphen, and what parts and joins letters and emoji."""

REQUIRED = "This field is required."
SHOWS_NOTHING = "This shows nothing: neither a word nor a picture."
TOO_LONG = "At most %(limit)s characters."
TOO_LARGE = "At most %(limit)s bytes."
NO_CONTROL_CHARACTERS = "Line breaks and other control characters are not possible here."
NOT_TEXT = "This contains characters that are not text."
NOT_AN_ID = "Give a whole number from 1 to %(limit)s."
NOT_A_REFERENCE = "Give 1 to %(limit)s printable characters, without blanks at the ends."
NOT_POSSIBLE_WITH_TEMPLATE = "The template brings the content: leave this out."
NO_ANSWER = "There is no answer: set antwort_erhalten as well."
TEMPLATE_MISSING = "This needs a template as well."


def is_blank(text: str) -> bool:
    """Whether nothing of a text can be seen, however many characters it has."""
    return _VISIBLE.search(text) is None


def is_text(value: str) -> bool:
    """Whether UTF-8 and PostgreSQL can hold it: no NUL, no half of a surrogate pair."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in value


def check_id(field: str, value: int) -> list[FieldError]:
    """Return what is wrong with the id of a record."""
    if is_possible_id(value):
        return []
    return [FieldError(field, NOT_AN_ID, (("limit", LARGEST_ID),))]


def check_line(field: str, value: str, *, longest: int = LONGEST_LINE) -> list[FieldError]:
    """Return what is wrong with one line of text: a subject, a name, a paragraph of a letter."""
    if is_blank(value):
        return [FieldError(field, REQUIRED)]
    if len(value) > longest:
        return [FieldError(field, TOO_LONG, (("limit", longest),))]
    if _CONTROL.search(value) or _misleads(value):
        return [FieldError(field, NO_CONTROL_CHARACTERS)]
    return [] if is_text(value) else [FieldError(field, NOT_TEXT)]


def _misleads(value: str) -> bool:
    """Whether format controls hide something or turn its order around, as U+202E does (Unicode TR 36)."""
    if value.isprintable():
        return False
    return any(unicodedata.category(sign) == "Cf" and sign not in _HARMLESS for sign in value)


def check_body(field: str, value: str) -> list[FieldError]:
    """Return what is wrong with a long text: a body or the content of a reply."""
    if not is_text(value):
        return [FieldError(field, NOT_TEXT)]
    if len(value) > LARGEST_BODY_BYTES or len(value.encode()) > LARGEST_BODY_BYTES:
        return [FieldError(field, TOO_LARGE, (("limit", LARGEST_BODY_BYTES),))]
    return []


def composed(text: str) -> str:
    """Return a name or password as it is compared: letters typed in parts as one (NFKC).

    What looks the same comes in different characters: one system sends `ü`, another `u` and two dots.
    RFC 8265 says why that must not matter; NFKC is what RFC 4013 has for it.
    """
    return unicodedata.normalize("NFKC", text)


def spellings(typed: str) -> list[str]:
    """Return what was typed, and composed where that is something else."""
    return list(dict.fromkeys((typed, composed(typed))))


def check_name(name: str) -> list[FieldError]:
    """Return what is wrong with a name."""
    if 1 <= len(name) <= LONGEST_NAME and name.isprintable():
        return []
    return [FieldError("name", "Give a name of 1 to 100 printable characters.")]


def check_reference(field: str, value: str | None) -> list[FieldError]:
    """Return what is wrong with a caller's reference, which is kept as it was given."""
    if value is None:
        return []
    fits = 1 <= len(value) <= LONGEST_REFERENCE and value.isprintable() and value == value.strip()
    return [] if fits else [FieldError(field, NOT_A_REFERENCE, (("limit", LONGEST_REFERENCE),))]


def check_note(field: str, value: str | None) -> list[FieldError]:
    """Return what is wrong with a note of staff."""
    if value is None:
        return []
    if len(value) > LONGEST_NOTE:
        return [FieldError(field, TOO_LONG, (("limit", LONGEST_NOTE),))]
    return [] if is_text(value) else [FieldError(field, NOT_TEXT)]
