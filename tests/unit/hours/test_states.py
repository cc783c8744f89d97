from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.hours.states import read_table, states_of

STATES = {"BB", "BE", "BW", "BY", "HB", "HE", "HH", "MV", "NI", "NW", "RP", "SH", "SL", "SN", "ST", "TH"}


@pytest.mark.parametrize(
    ("postcode", "state"),
    [
        ("10115", "BE"),
        ("14467", "BB"),
        ("12529", "BB"),
        ("70173", "BW"),
        ("80331", "BY"),
        ("28195", "HB"),
        ("27568", "HB"),
        ("65183", "HE"),
        ("55252", "HE"),
        ("20095", "HH"),
        ("27499", "HH"),
        ("19053", "MV"),
        ("30159", "NI"),
        ("40213", "NW"),
        ("55116", "RP"),
        ("24103", "SH"),
        ("66111", "SL"),
        ("01067", "SN"),
        ("39104", "ST"),
        ("99084", "TH"),
    ],
)
def test_a_postcode_tells_the_state(postcode: str, state: str):
    assert states_of(postcode) == {state}


@pytest.mark.parametrize(
    ("postcode", "states"),
    [
        ("07919", {"SN", "TH"}),
        ("14715", {"BB", "ST"}),
        ("19273", {"MV", "NI"}),
        ("19357", {"BB", "MV"}),
        ("21039", {"HH", "SH"}),
        ("22145", {"HH", "SH"}),
        ("37194", {"HE", "NI"}),
        ("59969", {"HE", "NW"}),
        ("65391", {"HE", "RP"}),
        ("69434", {"BW", "HE"}),
        ("97896", {"BW", "BY"}),
    ],
)
def test_a_postcode_on_a_border_lies_in_both_states(postcode: str, states: set[str]):
    assert states_of(postcode) == states


@pytest.mark.parametrize(
    ("box", "state"), [("10001", "BE"), ("80001", "BY"), ("22112", "HH"), ("50401", "NW")]
)
def test_a_box_at_the_post_office_lies_where_the_place_does(box: str, state: str):
    assert states_of(box) == {state}


@pytest.mark.parametrize("spelled", ["20095", " 20095 ", "D-20095", "DE-20095", "d 20095", "DE 20095"])
def test_a_german_postcode_may_say_so(spelled: str):
    assert states_of(spelled) == {"HH"}


@pytest.mark.parametrize(
    "unknown",
    [
        None,
        "",
        " ",
        "00000",
        "05000",
        "99999",
        "1010",
        "A-1010",
        "CH-8001",
        "F-75001",
        "2009",
        "200951",
        "٢٠٠٩٥",
    ],
)
def test_what_is_missing_unknown_or_foreign_tells_nothing(unknown: str | None):
    assert states_of(unknown) == set()


def test_the_table_is_in_order_without_overlap_and_as_short_as_can_be():
    table = read_table()
    assert all(stretch.first <= stretch.last for stretch in table)
    for before, after in pairwise(table):
        assert before.last < after.first
        assert int(before.last) + 1 < int(after.first) or before.states != after.states
    assert set().union(*(stretch.states for stretch in table)) == STATES


@given(st.integers(0, 99_999))
def test_every_postcode_has_the_states_of_its_stretch_and_few(number: int):
    postcode = f"{number:05}"
    of_table = [stretch.states for stretch in read_table() if stretch.first <= postcode <= stretch.last]
    assert [states_of(postcode)] == (of_table or [set()])
    assert len(states_of(postcode)) <= 2
