"""Tells which groups of digits in a field belong to one phone number, and where the next begins."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from services.therapists.numbering_plan import COUNTRY_CODE, MOST_DIGITS, parsed_number, subscriber

LONGEST_ENDING = 4
_LONGEST_EXTENSION = 7
_SHORTEST_SIBLING = 6

_SHORTEST_WHOLE = 8
"""Digits, without trunk zero and country code, from which a valid number need not go on."""

_DIGITS = re.compile(r"(?:\+ ?)?[0-9]+")
_EXTENSION = re.compile(
    r"[ ,;(.-]*(?:ext|extn|extension|x|dw|durchwahl|app|apparat|nst|nebenstelle|#)[ .:=)-]*", re.IGNORECASE
)
_DIVIDING_WORDS = frozenset(("und", "oder", "bzw", "sowie", "u", "o", "and", "or"))
_GOES_ON = re.compile(r"\.{2,}|\u2026|\*{2,}|_{2,}|x{2,}", re.IGNORECASE)
"""What stands for digits left out."""

_VOICE = re.compile(r"tel(?!efax)|fon|mobil|handy", re.IGNORECASE)
_FAX_BEHIND = re.compile(r" ?\( ?(?:tele)?fax[^()]*\)", re.IGNORECASE)


@dataclass(slots=True)
class Draft:
    """Groups of digits that belong together so far, each with what stood before it."""

    groups: list[str] = field(default_factory=list[str])
    gaps: list[str] = field(default_factory=list[str])
    digits: str = ""
    follows: "Draft | None" = None
    """The number after which this stands as a further one, so that it may be just its other ending."""

    extension: str | None = None
    is_fax: bool = False

    def add(self, gap: str, digits: str) -> None:
        """Take in a group; no number needs those behind `MOST_DIGITS`."""
        if len(self.digits) > MOST_DIGITS:
            return
        self.gaps.append(gap)
        self.groups.append(digits)
        self.digits += digits

    def begun_with(self, groups: Sequence[str]) -> "Draft":
        """Return this with other digits."""
        return replace(self, groups=list(groups), digits="".join(groups))

    def is_whole(self, longest: int = MOST_DIGITS) -> bool:
        """Say whether a further number may follow: this one need not go on."""
        parsed = parsed_number(self.digits)
        return parsed is not None and _SHORTEST_WHOLE <= len(str(parsed.national_number)) <= longest

    def is_foreign(self) -> bool:
        """Say whether this is a valid number of another country."""
        parsed = parsed_number(self.digits)
        return parsed is not None and parsed.country_code != COUNTRY_CODE

    def is_prefix(self) -> bool:
        """Say whether this is a country code or an area code and nothing else."""
        return len(self.groups) == 1 and len(self.digits) <= 6 and self.digits[0] in "0+"


def drafts(text: str) -> Iterator[Draft]:
    """Yield what may be numbers. Where one ends and the next begins is decided by what stands between."""
    tokens = list(_DIGITS.finditer(text))
    current = Draft()
    end = 0
    for position, token in enumerate(tokens):
        gap, digits = text[end : token.start()], token[0].replace(" ", "")
        end = token.end()
        if current.groups and current.extension is None and _EXTENSION.fullmatch(gap):
            if len(digits) <= _LONGEST_EXTENSION:
                current.extension = digits
                continue
            yield current
            current = Draft()
        elif current.groups and (current.extension or not _belongs(current, gap, tokens[position:], text)):
            current.is_fax |= bool(_FAX_BEHIND.match(gap))
            yield current
            current = Draft(follows=current if _divides(gap) else None)
        if not current.groups:
            label = _FAX_BEHIND.sub("", gap) if current.follows is None else gap
            current.is_fax = "fax" in label.casefold() and not _VOICE.search(label)
        current.add(gap, digits)
        if _GOES_ON.match(text, end):
            current = Draft()
    if current.groups:
        current.is_fax |= bool(_FAX_BEHIND.match(text, end))
        yield current


def _belongs(current: Draft, gap: str, ahead: Sequence[re.Match[str]], text: str) -> bool:
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
    return digits[0] != "0" and (current.is_prefix() or len(digits) <= LONGEST_ENDING)


def _begins(ahead: Sequence[re.Match[str]], text: str) -> bool:
    """Say whether a number with an area code begins here, with nothing but blanks before it."""
    if not re.match("0[0-9]{2}", ahead[0][0]):
        return False
    draft = Draft()
    end = ahead[0].start()
    for token in ahead:
        gap = text[end : token.start()]
        end = token.end()
        if not set(gap) <= set(" .-/"):
            break
        draft.add(gap, token[0])
        if draft.is_whole():
            return True
        if len(draft.digits) > MOST_DIGITS:
            break
    return False


def _is_sibling(current: Draft, digits: str) -> bool:
    """Say whether these can't be further digits but are a number of the same place."""
    parsed = parsed_number(current.digits)
    if parsed is None or digits.startswith("0") or parsed_number(current.digits + digits) is not None:
        return False
    return len(digits) == len(subscriber(parsed)) >= _SHORTEST_SIBLING


def _divides(gap: str) -> bool:
    """Say whether this stands between two numbers of one place, and not between a number and words."""
    words = re.split(r"[ ,;/&|.-]+", gap.casefold())
    return all(word in _DIVIDING_WORDS for word in words if word)
