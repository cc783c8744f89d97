"""The numbering plan that libphonenumber knows, as seen from Germany."""

from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneNumberFormat

REGION = "DE"
COUNTRY_CODE = 49
MOST_DIGITS = 20

LONGEST_WHOLE = 11
"""Digits of a number in Germany's numbering plan; with a direct dial behind a dash there are a few more."""


@lru_cache(maxsize=4_096)
def parsed_number(digits: str) -> phonenumbers.PhoneNumber | None:
    """Return a number that is valid as it is dialled in Germany, with its area code or country code."""
    if not digits.startswith(("0", "+")) or len(digits) > MOST_DIGITS:
        return None
    international = f"+{digits[2:]}" if digits.startswith("00") else digits
    try:
        parsed = phonenumbers.parse(international, REGION)
    except phonenumbers.NumberParseException:
        return None
    return parsed if phonenumbers.is_valid_number(parsed) else None


@lru_cache(maxsize=4_096)
def spelled(e164: str) -> str:
    """Return a number as it is dialled in Germany; one of another country with its country code."""
    parsed = phonenumbers.parse(e164)
    at_home = parsed.country_code == COUNTRY_CODE
    style = PhoneNumberFormat.NATIONAL if at_home else PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(parsed, style)


def subscriber(parsed: phonenumbers.PhoneNumber) -> str:
    """Return a number's digits after the area code."""
    number = phonenumbers.national_significant_number(parsed)
    return number[phonenumbers.length_of_national_destination_code(parsed) :]
