"""Makes `services/hours/postcode_states.txt` anew: which German postcode lies in which state or states.

`make postcodes` runs it with the package it reads. Why it is done like this: docs/decisions/0010.
"""

from bisect import bisect_left
from collections import defaultdict
from itertools import groupby
from pathlib import Path

from countrystatecity_postal_codes import get_postcodes_of_country

TABLE = Path(__file__).parents[1] / "services/hours/postcode_states.txt"

HEADER = """\
# German postcodes and their states (ISO 3166-2:DE), from and to inclusive. Generated: make postcodes
# Contains data of the Countries States Cities Database, countrystatecity.in, as its Python package
# countrystatecity-postal-codes 2.0.1 has it. This file is made available under the Open Database License
# (ODbL 1.0, opendatacommons.org/licenses/odbl/1-0); the program around it has a licence of its own.
"""

ALSO = {
    "TH": ("07919", "07952", "07985"),
    "BB": ("17258", "17309", "17321", "17335"),
    "HE": ("34355", "37194", "59969", "63776", "64754"),
    "BW": ("63928",),
    "RP": ("65326",),
    "BY": ("74594", "88147", "89081"),
}
"""Second states that lists of the postal areas name and the package, which knows municipalities, does not."""

REGION = 2
"""The leading digits that postcodes of one postal region share."""

States = dict[str, frozenset[str]]


def listed() -> States:
    """Return the states of every postcode that is listed."""
    found = defaultdict[str, set[str]](set)
    for entry in get_postcodes_of_country("DE"):
        found[entry.code].add(entry.stateCode)
    for state, codes in ALSO.items():
        for code in codes:
            found[code].add(state)
    return {code: frozenset(states) for code, states in found.items()}


def complete(states: States) -> States:
    """Give those of P.O. boxes and large recipients, which are not listed, the state of the next one that is.

    Within a place they come before the codes of its delivery areas. Where the next one lies in two states the
    one before decides.
    """
    codes = sorted(states)
    found: States = {}
    for number in range(100_000):
        code = f"{number:05}"
        index = bisect_left(codes, code)
        near = [each for each in codes[max(index - 1, 0) : index + 1] if each[:REGION] == code[:REGION]]
        if code in states:
            found[code] = states[code]
        elif near and near[-1] > code:
            found[code] = states[near[-1] if len(states[near[-1]]) == 1 else near[0]]
    return found


def lines(states: States) -> list[str]:
    """Return the table's lines: a stretch of postcodes with the same states each."""
    every = [(code, states.get(code)) for code in (f"{number:05}" for number in range(100_000))]
    found: list[str] = []
    for held, run in groupby(every, key=lambda entry: entry[1]):
        codes = [code for code, _ in run]
        if held:
            found.append(" ".join([codes[0], codes[-1], *sorted(held)]))
    return found


if __name__ == "__main__":
    TABLE.write_text(HEADER + "\n".join(lines(complete(listed()))) + "\n")
