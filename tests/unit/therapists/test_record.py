"""What is kept of a therapist, whatever the Therapist Service says."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.hours.reading import parse
from services.therapists.record import LARGEST_HOURS, LONGEST_EMAIL, Fields, read_therapist, storable_hours
from tests.therapist_service import MORNINGS, therapist_json
from tests.work_done import work_done


def read(**values: object) -> Fields:
    fields = read_therapist(therapist_json() | values)
    assert not isinstance(fields, str), fields
    return fields


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        *(([], "not an object"), ("7", "not an object"), ({}, "no id that is a whole number")),
        *(({"id": value}, "no id that is a whole number") for value in (True, "7", 7.0, None)),
        *(({"id": value}, "an id that is not from 1 to 2147483647") for value in (0, -1, 2**31, 10**17)),
    ],
)
def test_without_a_possible_id_nothing_can_be_kept_and_the_reason_is_said(answer: object, reason: str):
    assert read_therapist(answer) == reason


def test_a_status_fits_its_column_whatever_its_small_letters_are():
    assert len(read(status="\u0130" * 20)["status"]) <= 20
    assert read(status=" GESPERRT ")["status"] == "gesperrt"
    assert read(status="")["status"] == "aktiv"


def test_what_would_be_another_one_if_cut_is_left_out():
    long = "a" * LONGEST_EMAIL
    assert read(email=f"{long}@example.org")["email"] is None
    assert len(read(nachname=long * 2)["nachname"]) == 255


def test_a_phone_field_keeps_its_words_and_all_its_numbers():
    field = f"030 23125 101 (Sekretariat, {'werktags ' * 10}) oder 0171 2345678, Fax 030 23125199"
    fields = read(telefon=field)
    assert fields["telefon"] == field
    assert fields["telefon_e164"] == "+493023125101"
    assert fields["telefon_e164_weitere"] == ["+491712345678", "+493023125199"]


@pytest.mark.parametrize("field", ["k. A.", "-", "siehe Website", "0", None, True, 30, ["030 23125101"]])
def test_a_field_without_a_number_has_none(field: object):
    fields = read(telefon=field)
    assert (fields["telefon_e164"], fields["telefon_e164_weitere"]) == (None, None)


def test_phone_hours_are_kept_as_they_are():
    assert storable_hours(MORNINGS) == MORNINGS
    assert storable_hours(None) is None
    assert storable_hours("Mo 9-12") == "Mo 9-12"


@pytest.mark.parametrize(
    "hours",
    [
        {f"Tag {number}": "9-12" for number in range(50_000)},
        {"Mo": ["9-12"] * 50_000},
        {"Mo": "9-12 " * 50_000},
        {"Mo": " " * 50_000 + "9-12"},
        {"Mo" * 50_000: "9-12"},
        {f"Mo{' ' * number}": ["9-12" + "," * 200] * 60 for number in range(60)},
        {"Mo": [[[["9-12"] * 100] * 100] * 10] * 10},
        [["9-12"] * 500] * 500,
        "Mo 9-12 " * 50_000,
    ],
    ids=["days", "entries", "text", "blanks", "name", "all of it", "nested", "list", "no table"],
)
def test_of_endless_phone_hours_little_is_kept_and_what_is_left_out_is_named(hours: object):
    kept = storable_hours(hours)
    assert len(json.dumps(kept)) <= 2 * LARGEST_HOURS
    assert parse(kept).problems or parse(kept).windows == parse(hours).windows != {}


def test_storing_takes_work_in_proportion():
    def work(size: int) -> int:
        hours = {f"Tag {number}": [f"{number}"] * 10 for number in range(size)}
        return work_done(lambda: storable_hours(hours))

    assert work(20_000) <= 2 * work(10_000) + 50


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(sorted(therapist_json())), JSON))
def test_anything_in_any_field_gives_values_the_columns_hold(values: dict[str, object]):
    fields = read(**values | {"id": 7})
    assert "\0" not in json.dumps(fields, allow_nan=False, ensure_ascii=False).encode().decode()
    assert len(fields["status"]) <= 20
    assert len(fields["plz"] or "") <= 10
