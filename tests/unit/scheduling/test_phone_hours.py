from datetime import date, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scheduling.phone_hours import (
    EMPTY_WINDOW,
    END_OF_DAY,
    END_UNREADABLE,
    ENDS_BEFORE_START,
    NOT_A_TABLE,
    NOT_A_WINDOW,
    REASONS,
    START_UNREADABLE,
    UNKNOWN_DAY,
    Problem,
    Window,
    parse,
)

MORNING = Window(time(9), time(12))


def test_the_agreed_form_is_read():
    found = parse(
        {
            "monday": [{"start": "09:00", "end": "12:00"}, {"start": "14:30", "end": "15:00"}],
            "friday": [{"start": "08:00", "end": "08:05"}],
        }
    )
    assert found.windows == {
        0: (MORNING, Window(time(14, 30), time(15))),
        4: (Window(time(8), time(8, 5)),),
    }
    assert found.problems == []


@pytest.mark.parametrize(
    ("key", "weekday"),
    [
        ("Montag", 0),
        ("Mo", 0),
        ("Mo.", 0),
        ("mon", 0),
        ("DIENSTAG", 1),
        ("Mittwoch", 2),
        (" mi: ", 2),
        ("Do", 3),
        ("Freitag", 4),
        ("Sonnabend", 5),
        ("Saturday", 5),
        ("So", 6),
    ],
)
def test_days_are_read_in_german_and_english(key: str, weekday: int):
    assert parse({key: ["09:00-12:00"]}).windows == {weekday: (MORNING,)}


@pytest.mark.parametrize(
    "entry",
    [
        "09:00-12:00",
        "09:00 – 12:00",
        "9-12",
        "9.00-12.00 Uhr",
        "9 Uhr bis 12 Uhr",
        "09:00:00-12:00:00",
        {"start": "9", "end": "12h"},
        {"start": " 09:00 ", "end": "12:00 Uhr"},
    ],
)
def test_windows_are_read_in_many_spellings(entry: object):
    assert parse({"monday": [entry]}).windows == {0: (MORNING,)}
    assert parse({"monday": entry}).windows == {0: (MORNING,)}


def test_one_text_may_list_several_windows():
    assert parse({"Mo": "9-12, 14-15 und 16-17"}).windows == {
        0: (MORNING, Window(time(14), time(15)), Window(time(16), time(17)))
    }


def test_midnight_can_end_a_window_but_not_start_one():
    assert parse({"mo": "22-24:00"}).windows == {0: (Window(time(22), END_OF_DAY),)}
    assert Window(time(22), END_OF_DAY).minutes == (22 * 60, 24 * 60)
    assert parse({"mo": "24:00-24:00"}).problems == [Problem("mo", "24:00-24:00", START_UNREADABLE)]


def test_overlapping_touching_and_unsorted_windows_are_joined():
    found = parse({"Mo": ["14-16", "9-10", "10-11", "10:30-12", "15-15:30"], "monday": ["13-14"]})
    assert found.windows == {0: (MORNING, Window(time(13), time(16)))}


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("12-9", ENDS_BEFORE_START),
        ("9-9", EMPTY_WINDOW),
        ("", NOT_A_WINDOW),
        ("nach Vereinbarung", NOT_A_WINDOW),
        (7, NOT_A_WINDOW),
        (None, NOT_A_WINDOW),
        ([], NOT_A_WINDOW),
        ("25:00-26:00", START_UNREADABLE),
        ("9-9:60", END_UNREADABLE),
        ("9-24:01", END_UNREADABLE),
        ({}, START_UNREADABLE),
        ({"start": "09:00"}, END_UNREADABLE),
        ({"start": 9, "end": "12:00"}, START_UNREADABLE),
        ({"start": "٩", "end": "12:00"}, START_UNREADABLE),
    ],
)
def test_what_is_no_window_is_reported_and_the_rest_is_kept(entry: object, reason: str):
    found = parse({"Dienstag": [entry, "9-12"]})
    assert found.windows == {1: (MORNING,)}
    assert [(problem.where, problem.reason) for problem in found.problems] == [("Dienstag", reason)]


def test_unknown_days_and_other_shapes_are_reported():
    assert parse({"Feiertag": ["9-12"]}).problems == [Problem("Feiertag", "['9-12']", UNKNOWN_DAY)]
    assert parse("Mo 9-12").problems == [Problem("", "Mo 9-12", NOT_A_TABLE)]
    assert parse([1]).problems == [Problem("", "[1]", NOT_A_TABLE)]


@pytest.mark.parametrize("raw", [None, {}, {"monday": []}, {"monday": None}, {"monday": ""}])
def test_no_phone_hours_are_no_problem(raw: object):
    found = parse(raw)
    assert (dict(found.windows), found.problems) == ({}, [])


def test_windows_are_found_by_date():
    found = parse({"Mi": "9-12"})
    assert found.on(date(2026, 10, 14)) == (MORNING,)
    assert found.on(date(2026, 10, 15)) == ()


days = st.sampled_from(["monday", "Di", "mittwoch", "Do.", "fri", "Unsinn", ""]) | st.text(max_size=5)
times = st.builds("{:02}:{:02}".format, st.integers(0, 25), st.integers(0, 61)) | st.text(max_size=4)
entries = st.one_of(
    st.builds("{}-{}".format, times, times),
    st.fixed_dictionaries({"start": times, "end": times}),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=6,
    ),
)


@given(st.dictionaries(days, st.lists(entries, max_size=5) | entries, max_size=7) | entries)
def test_any_json_gives_sorted_separate_windows_and_named_problems(raw: object):
    found = parse(raw)
    for weekday, windows in found.windows.items():
        assert 0 <= weekday <= 6
        assert windows
        minutes = [minute for window in windows for minute in window.minutes]
        assert minutes == sorted(set(minutes)), "starts and ends strictly ascend"
    assert all(problem.reason in REASONS and len(problem.entry) <= 80 for problem in found.problems)
