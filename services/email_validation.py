"""What an e-mail's fields may hold, as pure functions: nothing is stored unless all of them agree."""

import re
from datetime import date, datetime, timedelta
from functools import lru_cache

from email_validator import EmailNotValidError, ValidatedEmail, validate_email

from services.errors import FieldError
from services.models import LARGEST_ID, is_possible_id

LONGEST_LINE = 255
LARGEST_BODY_BYTES = 1024 * 1024
LONGEST_LOCAL_PART = 64
"""Octets before the @ (RFC 5321, 4.5.3.1.1)."""

LONGEST_NOTE = 10_000
LATEST_RETURN = timedelta(days=366)
CLOCKS_APART = timedelta(minutes=5)

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_VISIBLE = re.compile(
    "[^\\s\x00-\x1f\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
"""Anything but blanks, control characters, and what Unicode calls default-ignorable."""

REQUIRED = "This field is required."
SHOWS_NOTHING = "This shows nothing: neither a word nor a picture."
NOT_AN_ADDRESS = "Give a complete e-mail address such as praxis@example.de."
ASCII_LOCAL_PART = "Before the @, only letters without accents, digits and the usual signs are possible."
TOO_LONG = "At most %(limit)s characters."
TOO_LARGE = "At most %(limit)s bytes."
NO_CONTROL_CHARACTERS = "Line breaks and other control characters are not possible here."
NOT_TEXT = "This contains characters that are not text."
NOT_AN_ID = "Give a whole number from 1 to %(limit)s."
IN_THE_FUTURE = "This lies in the future."
BEFORE_THE_EMAIL = "This lies before the e-mail was created."
IN_THE_PAST = "This lies in the past."
NOT_POSSIBLE_WITH_TEMPLATE = "The template brings the content: leave this out."
NO_ANSWER = "There is no answer: set antwort_erhalten as well."
TEMPLATE_MISSING = "This needs a template as well."
TOO_FAR = "This lies more than a year ahead."


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
    if _CONTROL.search(value):
        return [FieldError(field, NO_CONTROL_CHARACTERS)]
    return [] if is_text(value) else [FieldError(field, NOT_TEXT)]


def check_body(field: str, value: str) -> list[FieldError]:
    """Return what is wrong with a long text: a body or the content of a reply."""
    if not is_text(value):
        return [FieldError(field, NOT_TEXT)]
    if len(value) > LARGEST_BODY_BYTES or len(value.encode()) > LARGEST_BODY_BYTES:
        return [FieldError(field, TOO_LARGE, (("limit", LARGEST_BODY_BYTES),))]
    return []


def check_note(field: str, value: str | None) -> list[FieldError]:
    """Return what is wrong with a note of staff."""
    if value is None:
        return []
    if len(value) > LONGEST_NOTE:
        return [FieldError(field, TOO_LONG, (("limit", LONGEST_NOTE),))]
    return [] if is_text(value) else [FieldError(field, NOT_TEXT)]


def check_address(field: str, value: str, *, utf8: bool = False) -> list[FieldError]:
    """Return what is wrong with an e-mail address (RFC 5321, with IDN domains).

    Args:
        field: the field's name.
        value: what it holds.
        utf8: whether the mail server offers SMTPUTF8 (RFC 6531): any letters are then possible before the @.
    """
    if not value:
        return [FieldError(field, REQUIRED)]
    parsed = _parse(value)
    local = parsed.local_part if parsed else ""
    if parsed and (local.isascii() or (utf8 and len(local.encode()) <= LONGEST_LOCAL_PART)):
        return []
    local_part = value.rpartition("@")[0]
    other = utf8 or local_part.isascii() or not is_text(value)
    return [FieldError(field, NOT_AN_ADDRESS if other else ASCII_LOCAL_PART)]


def normalized_address(value: str) -> str:
    """Return a valid address as it is stored: domain in lower case and in its own script."""
    return _valid(value).normalized


def ascii_domain(value: str) -> str:
    """Return the domain of a valid address as DNS knows it (RFC 5890)."""
    return _valid(value).ascii_domain


def check_reply_date(
    field: str, value: datetime | None, *, created_at: datetime, now: datetime
) -> list[FieldError]:
    """Return what is wrong with the instant a reply came in; another clock may be a little ahead."""
    if value is None:
        return []
    if value > now + CLOCKS_APART:
        return [FieldError(field, IN_THE_FUTURE)]
    return [FieldError(field, BEFORE_THE_EMAIL)] if value < created_at else []


def check_return(field: str, value: date | None, *, today: date) -> list[FieldError]:
    """Return what is wrong with the day somebody is back."""
    if value is None:
        return []
    if value < today:
        return [FieldError(field, IN_THE_PAST)]
    return [FieldError(field, TOO_FAR)] if value > today + LATEST_RETURN else []


def _valid(value: str) -> ValidatedEmail:
    parsed = _parse(value)
    if parsed is None:
        raise ValueError("not a valid address")
    return parsed


@lru_cache(maxsize=4096)
def _parse(value: str) -> ValidatedEmail | None:
    """Parse an address by syntax alone: whether it can be delivered is the mail server's to say."""
    if len(value) > LONGEST_LINE or not is_text(value):
        return None
    try:
        parsed = validate_email(
            value,
            check_deliverability=False,
            allow_smtputf8=True,
            globally_deliverable=False,
            strict=True,
        )
    except EmailNotValidError:
        return None
    return parsed if "." in parsed.ascii_domain else None
