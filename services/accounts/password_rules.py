"""Which passwords are refused, and why: too short, common, or guessed as soon as anybody tries (pure).

NIST SP 800-63B, 3.1.1.2: a length, a list of what is common or expected, the reason of a refusal, and no
rules of composition. How soon one is guessed zxcvbn estimates (Wheeler, USENIX Security 2016).
"""

import re
from collections.abc import Iterable
from typing import Any, cast

from zxcvbn import zxcvbn

from services.checks import composed
from services.errors import FieldError

SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 200

GOOD_ENOUGH = 3
"""zxcvbn's score from 10^8 guesses on."""

LOOKED_AT = 72
"""So many characters zxcvbn takes; what comes behind them only makes a password better."""

OF_THIS_PLACE = (
    "anrufpult",
    "calldesk",
    "therapie",
    "therapieplatz",
    "psychotherapie",
    "vermittlung",
    "praxis",
)
"""Words people here would think of."""

# fmt: off
GERMAN = (
    "passwort", "kennwort", "losung", "geheim", "willkommen", "hallo", "schatz", "sonnenschein",
    "deutschland", "urlaub", "arbeit", "ostern", "weihnachten", "frühling", "fruehling", "sommer",
    "herbst", "winter", "januar", "februar", "märz", "maerz", "april", "juni", "juli", "august",
    "september", "oktober", "november", "dezember", "montag", "dienstag", "mittwoch", "donnerstag",
    "freitag", "samstag", "sonntag",
)
# fmt: on
"""What is tried first in German; zxcvbn's lists are English."""

LENGTH = "A password has 10 to 200 characters."
COMMON = "This is one of the passwords that are tried first. Choose another, for example several words."
DECORATED = "This is little more than a common word or password. Choose another, for example several words."
PERSONAL = "This is mostly a name, or the name of this service. Choose another, for example several words."
REPEATED = "This repeats the same again and again. Choose another, for example several words."
ROW = "This is a row of neighbouring letters, figures or keys. Choose another, for example several words."
DATE = "This is little more than a date. Choose another, for example several words."
GUESSED = "This is guessed too soon. Choose another, for example several words."

_REASONS = {"repeat": REPEATED, "sequence": ROW, "spatial": ROW, "date": DATE, "regex": DATE}
_BEHIND_A_WORD = re.compile(r"[\W\d_]+$")


def check_password(password: str, *, name: str = "", field: str = "password") -> list[FieldError]:
    """Return what is wrong with a new password for the account of this name."""
    password = composed(password)
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        return [FieldError(field, LENGTH)]
    personal = [*OF_THIS_PLACE, *_words(name)]
    reason = _why_guessed(password.lower(), personal)
    return [FieldError(field, reason)] if reason else []


def _why_guessed(password: str, personal: list[str]) -> str | None:
    """Return why a password is guessed soon, also where it is one word and signs behind it; else None."""
    word = _BEHIND_A_WORD.sub("", password)
    parts = _estimate(word, personal)[1] if word else []
    if [part["pattern"] for part in parts] == ["dictionary"]:
        return _why(parts, personal, whole=word == password)
    score, parts = _estimate(password, personal)
    return None if score >= GOOD_ENOUGH else _why(parts, personal, whole=len(parts) == 1)


def _why(parts: list[dict[str, Any]], personal: list[str], *, whole: bool) -> str:
    longest = max(parts, key=lambda part: len(part["token"]))
    if longest["pattern"] != "dictionary":
        return _REASONS.get(longest["pattern"], GUESSED)
    if longest["matched_word"] in personal:
        return PERSONAL
    return COMMON if whole else DECORATED


def _estimate(password: str, personal: list[str]) -> tuple[int, list[dict[str, Any]]]:
    found = cast("dict[str, Any]", zxcvbn(password[:LOOKED_AT], [*personal, *GERMAN]))
    return found["score"], found["sequence"]


def _words(name: str) -> Iterable[str]:
    name = composed(name).lower()
    return [name, *re.findall(r"\w{3,}", name)]
