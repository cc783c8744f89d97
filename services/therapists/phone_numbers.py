"""Reads the phone numbers a field holds, as people write them, so that nobody else is rung.

A number counts where it is whole: written with its area code (`030 ...`) or country code (`+49 ...`,
`0049 ...`) and valid by the numbering plan that libphonenumber knows. Letters are never digits. Where a
field may be read in two ways, the number in doubt is left out.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneNumberFormat

from services.therapists.number_groups import LONGEST_ENDING, Draft, drafts
from services.therapists.numbering_plan import (
    COUNTRY_CODE,
    LONGEST_WHOLE,
    MOST_DIGITS,
    parsed_number,
    spelled,
    subscriber,
)

LONGEST_FIELD = 500

_LINE_BREAKS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
_ALIKE = {
    **dict.fromkeys(_LINE_BREAKS, ";"),
    **dict.fromkeys("\u2044\u2215\uff0f", "/"),
    **dict.fromkeys("\uff0b\ufe62", "+"),
    **dict.fromkeys("[{\uff08", "("),
    **dict.fromkeys("]}\uff09", ")"),
    **dict.fromkeys("\u00b7\u2022\u2219", "."),
    "\u2212": "-",
}
_NUMBER_SIGNS = frozenset("+0123456789()/.- ")
_TRUNK_ZERO = re.compile(r"(?<=[0-9]) ?\( ?0 ?\)")
_CLOCK = r"[0-9]{1,2}(?:[:.][0-9]{2})?"
_NO_NUMBER = re.compile(
    rf"(?<![0-9]){_CLOCK}(?: ?- ?{_CLOCK})? ?(?:uhr|h|std|stunden|min|minuten|x|mal)\b"
    r"|(?<![0-9])[0-9]{1,2}:[0-9]{2}(?![0-9])"
    r"|(?<![0-9.])(?:0?[1-9]|[12][0-9]|3[01])\.(?:0?[1-9]|1[0-2])\.(?:19|20)[0-9]{2}(?![0-9])",
    re.IGNORECASE,
)
"""Times of the day, spans of time, and dates."""


@dataclass(frozen=True, slots=True)
class PhoneNumber:
    """A whole number: in E.164, and the extension to ask or dial for once connected."""

    e164: str
    extension: str | None = None
    is_fax: bool = False

    @property
    def uri(self) -> str:
        """What a telephone is told to dial (RFC 3966)."""
        return f"tel:{self.e164};ext={self.extension}" if self.extension else f"tel:{self.e164}"

    @property
    def spelled(self) -> str:
        """The number as it is dialled in Germany, `030 23125103`, without the extension."""
        return spelled(self.e164)


def read_numbers(text: str | None) -> tuple[PhoneNumber, ...]:
    """Return every whole number of a field in its order, each once; none where there is none."""
    return _read_cut(cut_field(text)) if text else ()


@lru_cache(maxsize=4_096)
def _read_cut(text: str) -> tuple[PhoneNumber, ...]:
    found: dict[str, PhoneNumber] = {}
    plain = _NO_NUMBER.sub(" @ ", _TRUNK_ZERO.sub(" ", _plain(text)))
    for number in _numbers(plain):
        found.setdefault(number.uri, number)
    return tuple(found.values())


@lru_cache(maxsize=4_096)
def dialable(text: str | None) -> tuple[PhoneNumber, ...]:
    """Return the numbers of a field at which a person may answer: all but those of fax machines."""
    return tuple(number for number in read_numbers(text) if not number.is_fax)


def says_more(text: str) -> bool:
    """Say whether a field holds more than the numbers at which to ring: words, or numbers in doubt."""
    if any(sign.isalpha() for sign in text):
        return True
    left = "".join(sign for sign in _TRUNK_ZERO.sub(" ", _plain(text)) if sign.isdigit())
    for number in dialable(text):
        abroad = number.e164[1:]
        at_home = "".join(sign for sign in number.spelled if sign.isdigit())
        for written in (f"00{abroad}", abroad, at_home):
            if left.startswith(written):
                left = left.removeprefix(written).removeprefix(number.extension or "")
                break
        else:
            return True
    return bool(left)


def cut_field(text: str) -> str:
    """Return a field as long as it may be; a number that does not fit whole is left out."""
    if len(text) <= LONGEST_FIELD:
        return text
    kept = text[:LONGEST_FIELD]
    if text[LONGEST_FIELD] in _NUMBER_SIGNS:
        kept = kept.rstrip("".join(_NUMBER_SIGNS))
    return kept.rstrip()


def _numbers(text: str) -> Iterator[PhoneNumber]:
    before: Draft | None = None
    for draft in drafts(text):
        read = _read(draft, before)
        before = read[0] if read else None
        if read:
            yield read[1]


def _read(draft: Draft, last: Draft | None) -> tuple[Draft, PhoneNumber] | None:
    """Return the number a draft stands for, written out in full, or None."""
    draft = _without_surplus(draft)
    parsed = parsed_number(draft.digits) or parsed_number(_with_country_code(draft))
    if parsed is None and last is not None and draft.follows is not None and len(draft.groups) == 1:
        draft = _written_out(draft, last)
        parsed = parsed_number(draft.digits)
    if parsed is None:
        return None
    e164 = phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
    return draft, PhoneNumber(e164, draft.extension, draft.is_fax)


def _without_surplus(draft: Draft) -> Draft:
    """Return a draft too long for a number cut before a blank, if there is but one place for that."""
    if len(draft.digits) <= MOST_DIGITS and (draft.is_foreign() or draft.is_whole(LONGEST_WHOLE)):
        return draft
    ends = [end for end in range(1, len(draft.groups)) if " " in draft.gaps[end]]
    shorter = [draft.begun_with(draft.groups[:end]) for end in ends]
    whole = [one for one in shorter if one.is_whole(LONGEST_WHOLE)]
    return replace(whole[0], extension=None) if len(whole) == 1 else draft


def _with_country_code(draft: Draft) -> str:
    """Return the digits of `49 30 ...` with the plus that is missing."""
    digits = draft.digits
    return f"+{digits}" if draft.groups[0] == str(COUNTRY_CODE) and len(digits) >= 10 else digits


def _written_out(ending: Draft, last: Draft) -> Draft:
    """Return `101 / 102` or `23125101, 23125102` as the second number they mean; as it was when in doubt.

    An ending takes the place of a last group as long as itself, of one that is set off by a dash like the
    ending, or of as many last digits where they begin alike.
    """
    digits, group = ending.digits, last.groups[-1]
    before = last.groups[:-1]
    size = len(digits)
    parsed = parsed_number(last.digits)
    if size > LONGEST_ENDING:
        if parsed is None or digits.startswith("0") or len(subscriber(parsed)) != size:
            return ending
        start = last.digits.removesuffix(subscriber(parsed))
        return replace(ending.begun_with([start, digits]), is_fax=last.is_fax)
    dashes = ending.gaps[0].endswith("-") and last.gaps[-1].strip() == "-"
    if before and (size == len(group) or dashes):
        other = digits
    elif 1 < size < len(group) and group[-size] == digits[0]:
        other = group[:-size] + digits
    else:
        return ending
    return replace(ending.begun_with([*before, other]), gaps=last.gaps, is_fax=last.is_fax)


def _plain(text: str) -> str:
    """Return text with the digits, dashes and blanks that are told apart here, and no invisible signs."""
    return " ".join("".join(map(_plain_sign, text)).split())


def _plain_sign(sign: str) -> str:
    if sign.isascii():
        return _ALIKE.get(sign, sign)
    if sign.isdecimal():
        return str(unicodedata.decimal(sign))
    category = unicodedata.category(sign)
    if category == "Cf":
        return ""
    return "-" if category == "Pd" else _ALIKE.get(sign, sign)
