"""E-mail addresses: what a valid one is, and the spelling it is stored in."""

from functools import lru_cache

from email_validator import EmailNotValidError, ValidatedEmail, validate_email

from services.checks import LONGEST_LINE, LONGEST_LOCAL_PART, REQUIRED, is_text
from services.errors import FieldError

NOT_AN_ADDRESS = "Give a complete e-mail address such as praxis@example.de."
ASCII_LOCAL_PART = "Before the @, only letters without accents, digits and the usual signs are possible."


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


def is_address(value: str) -> bool:
    """Whether a value is an address by its syntax."""
    return _parse(value) is not None


def normalized_address(value: str) -> str:
    """Return a valid address as it is stored: domain in lower case and in its own script."""
    return _valid(value).normalized


def ascii_domain(value: str) -> str:
    """Return the domain of a valid address as DNS knows it (RFC 5890)."""
    return _valid(value).ascii_domain


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
