"""In which German state a practice is, as far as its postcode says.

The table is generated (docs/decisions/0010).
"""

import re
from bisect import bisect_right
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

TABLE = "postcode_states.txt"

_GERMAN = re.compile(r"(?:DE?[ -]*)?([0-9]{5})", re.ASCII | re.IGNORECASE)


class Stretch(NamedTuple):
    """Postcodes from the first to the last, all in the same state or states (ISO 3166-2:DE)."""

    first: str
    last: str
    states: frozenset[str]


def read_table() -> list[Stretch]:
    """Return the table in order; what it leaves out are no German postcodes."""
    lines = files("services.hours").joinpath(TABLE).read_text("utf-8").splitlines()
    rows = (line.split() for line in lines if not line.startswith("#"))
    return [Stretch(first, last, frozenset(states)) for first, last, *states in rows]


_STRETCHES = read_table()
_FIRSTS = [stretch.first for stretch in _STRETCHES]


@lru_cache(maxsize=16_384)
def states_of(postcode: str | None) -> frozenset[str]:
    """Return the states a postcode lies in; none for one that is missing, unknown or foreign."""
    found = _GERMAN.fullmatch(postcode.strip()) if postcode else None
    if found is None:
        return frozenset()
    stretch = _STRETCHES[bisect_right(_FIRSTS, found[1]) - 1]
    return stretch.states if stretch.first <= found[1] <= stretch.last else frozenset()
