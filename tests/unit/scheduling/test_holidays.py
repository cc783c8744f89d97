"""Whose public holidays count: those of the practice's own state, or states, and no others."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.hours.reading import parse, parse_json
from services.hours.states import read_table
from services.rules import DeskRules
from services.scheduling.phone_hours import day_windows, is_holiday, keeps_holiday, openings
from shared.config.settings import load_settings

RULES = DeskRules.from_settings(load_settings(env_file=None))
ALL_DAY = {"täglich": "8-18"}
STATES = sorted({state for stretch in read_table() for state in stretch.states})

WOMENS_DAY, EPIPHANY, ASSUMPTION = date(2027, 3, 8), date(2027, 1, 6), date(2028, 8, 15)
REFORMATION, ALL_SAINTS, REPENTANCE = date(2025, 10, 31), date(2027, 11, 1), date(2026, 11, 18)
CORPUS_CHRISTI, CHILDRENS_DAY, PEACE_FESTIVAL = date(2028, 6, 15), date(2027, 9, 20), date(2028, 8, 8)


@pytest.mark.parametrize(
    ("plz", "day", "kept"),
    [
        ("10115", WOMENS_DAY, True),
        ("19053", WOMENS_DAY, True),
        ("20095", WOMENS_DAY, False),
        ("20095", REFORMATION, True),
        ("10115", REFORMATION, False),
        ("70173", EPIPHANY, True),
        ("65183", EPIPHANY, False),
        ("01067", REPENTANCE, True),
        ("04103", REPENTANCE, True),
        ("06108", REPENTANCE, False),
        ("99084", CHILDRENS_DAY, True),
        ("40213", ALL_SAINTS, True),
        ("66111", ASSUMPTION, True),
        ("40213", CORPUS_CHRISTI, True),
    ],
)
def test_a_practice_keeps_the_holidays_of_its_state(plz: str, day: date, kept: bool):
    hours = parse(ALL_DAY, plz)
    assert keeps_holiday(hours, day, RULES) is kept
    assert (day_windows(hours, day, RULES) == []) is kept


@pytest.mark.parametrize(
    ("plz", "day"),
    [
        ("80331", ASSUMPTION),
        ("90402", ASSUMPTION),
        ("86150", PEACE_FESTIVAL),
        ("02625", CORPUS_CHRISTI),
        ("37308", CORPUS_CHRISTI),
        ("20095", date(2026, 12, 24)),
        ("50667", date(2027, 2, 8)),
    ],
)
def test_what_only_some_municipalities_keep_is_no_holiday(plz: str, day: date):
    assert not keeps_holiday(parse(ALL_DAY, plz), day, RULES)


def test_on_a_border_the_holidays_of_both_states_count():
    brandenburg_and_saxony_anhalt = parse(ALL_DAY, "14715")
    assert keeps_holiday(brandenburg_and_saxony_anhalt, EPIPHANY, RULES)
    assert not keeps_holiday(parse(ALL_DAY, "14467"), EPIPHANY, RULES)
    saxony_and_thuringia = parse(ALL_DAY, "07919")
    assert all(keeps_holiday(saxony_and_thuringia, day, RULES) for day in (REPENTANCE, CHILDRENS_DAY))


@pytest.mark.parametrize("plz", [None, "", "00000", "A-1010", "1010"])
def test_without_a_known_postcode_the_desks_state_counts(plz: str | None):
    hours = parse(ALL_DAY, plz)
    assert keeps_holiday(hours, WOMENS_DAY, RULES)
    assert not keeps_holiday(hours, WOMENS_DAY, replace(RULES, holiday_state="HH"))
    assert keeps_holiday(hours, EPIPHANY, replace(RULES, holiday_state="BY"))


def test_the_desks_own_state_says_nothing_of_a_known_one():
    in_bavaria = replace(RULES, holiday_state="BY")
    assert day_windows(parse(ALL_DAY, "20095"), EPIPHANY, in_bavaria)


def test_hours_read_again_and_again_are_told_apart_by_their_state():
    text = '{"täglich": "8-18"}'
    here, there = parse_json(text, "10115"), parse_json(text, "20095")
    assert day_windows(here, WOMENS_DAY, RULES) == []
    assert day_windows(there, WOMENS_DAY, RULES)


@given(st.sampled_from(read_table()), st.sampled_from(STATES), st.integers(0, 3_000))
def test_nobody_is_rung_on_a_holiday_of_any_of_their_states_nor_spared_on_anothers(stretch, desk, days):
    rules = replace(RULES, holiday_state=desk)
    day = date(2026, 1, 1) + timedelta(days=days)
    hours = parse(ALL_DAY, stretch.first)
    assert (openings(hours, [day], rules) == []) is any(is_holiday(day, state) for state in stretch.states)
