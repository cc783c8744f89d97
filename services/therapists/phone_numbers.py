"""Reads the phone numbers a field holds, as people write them, so that nobody else is rung.

A number counts where it is whole: written with its area code (`030 ...`) or country code (`+49 ...`,
`0049 ...`) and valid by the numbering plan that libphonenumber knows. Letters are never digits. Where a
field may be read in two ways, the number in doubt is left out.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneNumberFormat

REGION = "DE"
COUNTRY_CODE = 49
LONGEST_FIELD = 500

_SHORTEST_WHOLE = 8
"""Digits, without trunk zero and country code, from which a valid number need not go on."""

_LONGEST_WHOLE = 11
"""Digits of a number in Germany's numbering plan; with a direct dial behind a dash there are a few more."""

_MOST_DIGITS = 20
_LONGEST_ENDING = 4
_LONGEST_EXTENSION = 7
_SHORTEST_SIBLING = 6

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

_DIGITS = re.compile(r"(?:\+ ?)?[0-9]+")
_EXTENSION = re.compile(
    r"[ ,;(.-]*(?:ext|extn|extension|x|dw|durchwahl|app|apparat|nst|nebenstelle|#)[ .:=)-]*", re.IGNORECASE
)
_DIVIDING_WORDS = frozenset(("und", "oder", "bzw", "sowie", "u", "o", "and", "or"))
_GOES_ON = re.compile(r"\.{2,}|\u2026|\*{2,}|_{2,}|x{2,}", re.IGNORECASE)
"""What stands for digits left out."""

_VOICE = re.compile(r"tel(?!efax)|fon|mobil|handy", re.IGNORECASE)
_FAX_BEHIND = re.compile(r" ?\( ?(?:tele)?fax[^()]*\)", re.IGNORECASE)


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
        return _spelled(self.e164)


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


@dataclass(slots=True)
class _Draft:
    """Groups of digits that belong together so far, each with what stood before it."""

    groups: list[str] = field(default_factory=list[str])
    gaps: list[str] = field(default_factory=list[str])
    digits: str = ""
    follows: "_Draft | None" = None
    """The number after which this stands as a further one, so that it may be just its other ending."""

    extension: str | None = None
    is_fax: bool = False

    def add(self, gap: str, digits: str) -> None:
        """Take in a group; no number needs those behind `_MOST_DIGITS`."""
        if len(self.digits) > _MOST_DIGITS:
            return
        self.gaps.append(gap)
        self.groups.append(digits)
        self.digits += digits

    def begun_with(self, groups: Sequence[str]) -> "_Draft":
        """Return this with other digits."""
        return replace(self, groups=list(groups), digits="".join(groups))

    def is_whole(self, longest: int = _MOST_DIGITS) -> bool:
        """Say whether a further number may follow: this one need not go on."""
        parsed = _parsed(self.digits)
        return parsed is not None and _SHORTEST_WHOLE <= len(str(parsed.national_number)) <= longest

    def is_foreign(self) -> bool:
        """Say whether this is a valid number of another country."""
        parsed = _parsed(self.digits)
        return parsed is not None and parsed.country_code != COUNTRY_CODE

    def is_prefix(self) -> bool:
        """Say whether this is a country code or an area code and nothing else."""
        return len(self.groups) == 1 and len(self.digits) <= 6 and self.digits[0] in "0+"


def _numbers(text: str) -> Iterator[PhoneNumber]:
    before: _Draft | None = None
    for draft in _drafts(text):
        read = _read(draft, before)
        before = read[0] if read else None
        if read:
            yield read[1]


def _drafts(text: str) -> Iterator[_Draft]:
    """Yield what may be numbers. Where one ends and the next begins is decided by what stands between."""
    tokens = list(_DIGITS.finditer(text))
    current = _Draft()
    end = 0
    for position, token in enumerate(tokens):
        gap, digits = text[end : token.start()], token[0].replace(" ", "")
        end = token.end()
        if current.groups and current.extension is None and _EXTENSION.fullmatch(gap):
            if len(digits) <= _LONGEST_EXTENSION:
                current.extension = digits
                continue
            yield current
            current = _Draft()
        elif current.groups and (current.extension or not _belongs(current, gap, tokens[position:], text)):
            current.is_fax |= bool(_FAX_BEHIND.match(gap))
            yield current
            current = _Draft(follows=current if _divides(gap) else None)
        if not current.groups:
            label = _FAX_BEHIND.sub("", gap) if current.follows is None else gap
            current.is_fax = "fax" in label.casefold() and not _VOICE.search(label)
        current.add(gap, digits)
        if _GOES_ON.match(text, end):
            current = _Draft()
    if current.groups:
        current.is_fax |= bool(_FAX_BEHIND.match(text, end))
        yield current


def _belongs(current: _Draft, gap: str, ahead: Sequence[re.Match[str]], text: str) -> bool:
    """Say whether the next group of digits still belongs to the number."""
    digits = ahead[0][0]
    if digits.startswith("+"):
        return False
    if set(gap) <= set(" .-"):
        return not (current.is_whole() and (_begins(ahead, text) or _is_sibling(current, digits)))
    if "(" in gap or ")" in gap or "/" in gap:
        if current.follows is not None and current.digits[0] not in "0+":
            return False
        joins = set(gap) <= set(" .-()/") and (gap.count("/") <= 1 or current.is_prefix())
        return joins and not current.is_whole()
    if current.is_whole() or current.follows is not None or not set(gap) <= set(" ,;"):
        return False
    return digits[0] != "0" and (current.is_prefix() or len(digits) <= _LONGEST_ENDING)


def _begins(ahead: Sequence[re.Match[str]], text: str) -> bool:
    """Say whether a number with an area code begins here, with nothing but blanks before it."""
    if not re.match("0[0-9]{2}", ahead[0][0]):
        return False
    draft = _Draft()
    end = ahead[0].start()
    for token in ahead:
        gap = text[end : token.start()]
        end = token.end()
        if not set(gap) <= set(" .-/"):
            break
        draft.add(gap, token[0])
        if draft.is_whole():
            return True
        if len(draft.digits) > _MOST_DIGITS:
            break
    return False


def _is_sibling(current: _Draft, digits: str) -> bool:
    """Say whether these can't be further digits but are a number of the same place."""
    parsed = _parsed(current.digits)
    if parsed is None or digits.startswith("0") or _parsed(current.digits + digits) is not None:
        return False
    return len(digits) == len(_subscriber(parsed)) >= _SHORTEST_SIBLING


def _divides(gap: str) -> bool:
    """Say whether this stands between two numbers of one place, and not between a number and words."""
    words = re.split(r"[ ,;/&|.-]+", gap.casefold())
    return all(word in _DIVIDING_WORDS for word in words if word)


def _read(draft: _Draft, last: _Draft | None) -> tuple[_Draft, PhoneNumber] | None:
    """Return the number a draft stands for, written out in full, or None."""
    draft = _without_surplus(draft)
    parsed = _parsed(draft.digits) or _parsed(_with_country_code(draft))
    if parsed is None and last is not None and draft.follows is not None and len(draft.groups) == 1:
        draft = _written_out(draft, last)
        parsed = _parsed(draft.digits)
    if parsed is None:
        return None
    e164 = phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
    return draft, PhoneNumber(e164, draft.extension, draft.is_fax)


def _without_surplus(draft: _Draft) -> _Draft:
    """Return a draft too long for a number cut before a blank, if there is but one place for that."""
    if len(draft.digits) <= _MOST_DIGITS and (draft.is_foreign() or draft.is_whole(_LONGEST_WHOLE)):
        return draft
    ends = [end for end in range(1, len(draft.groups)) if " " in draft.gaps[end]]
    shorter = [draft.begun_with(draft.groups[:end]) for end in ends]
    whole = [one for one in shorter if one.is_whole(_LONGEST_WHOLE)]
    return replace(whole[0], extension=None) if len(whole) == 1 else draft


def _with_country_code(draft: _Draft) -> str:
    """Return the digits of `49 30 ...` with the plus that is missing."""
    digits = draft.digits
    return f"+{digits}" if draft.groups[0] == str(COUNTRY_CODE) and len(digits) >= 10 else digits


def _written_out(ending: _Draft, last: _Draft) -> _Draft:
    """Return `101 / 102` or `23125101, 23125102` as the second number they mean; as it was when in doubt.

    An ending takes the place of a last group as long as itself, of one that is set off by a dash like the
    ending, or of as many last digits where they begin alike.
    """
    digits, group = ending.digits, last.groups[-1]
    before = last.groups[:-1]
    size = len(digits)
    parsed = _parsed(last.digits)
    if size > _LONGEST_ENDING:
        if parsed is None or digits.startswith("0") or len(_subscriber(parsed)) != size:
            return ending
        start = last.digits.removesuffix(_subscriber(parsed))
        return replace(ending.begun_with([start, digits]), is_fax=last.is_fax)
    dashes = ending.gaps[0].endswith("-") and last.gaps[-1].strip() == "-"
    if before and (size == len(group) or dashes):
        other = digits
    elif 1 < size < len(group) and group[-size] == digits[0]:
        other = group[:-size] + digits
    else:
        return ending
    return replace(ending.begun_with([*before, other]), gaps=last.gaps, is_fax=last.is_fax)


@lru_cache(maxsize=4_096)
def _parsed(digits: str) -> phonenumbers.PhoneNumber | None:
    """Return a number that is valid as it is dialled in Germany, with its area code or country code."""
    if not digits.startswith(("0", "+")) or len(digits) > _MOST_DIGITS:
        return None
    international = f"+{digits[2:]}" if digits.startswith("00") else digits
    try:
        parsed = phonenumbers.parse(international, REGION)
    except phonenumbers.NumberParseException:
        return None
    return parsed if phonenumbers.is_valid_number(parsed) else None


@lru_cache(maxsize=4_096)
def _spelled(e164: str) -> str:
    parsed = phonenumbers.parse(e164)
    at_home = parsed.country_code == COUNTRY_CODE
    style = PhoneNumberFormat.NATIONAL if at_home else PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(parsed, style)


def _subscriber(parsed: phonenumbers.PhoneNumber) -> str:
    """Return a number's digits after the area code."""
    number = phonenumbers.national_significant_number(parsed)
    return number[phonenumbers.length_of_national_destination_code(parsed) :]


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
