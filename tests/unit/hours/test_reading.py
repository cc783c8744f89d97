from collections.abc import Iterable
from datetime import date, time
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.hours.reading import (
    MOST_PROBLEMS,
    NOT_A_TABLE,
    REASONS,
    UNKNOWN_DAY,
    Problem,
    parse,
    parse_json,
)
from services.hours.windows import (
    EMPTY_WINDOW,
    END_OF_DAY,
    END_UNREADABLE,
    ENDS_BEFORE_START,
    MORE_THAN_A_WINDOW,
    NOT_A_WINDOW,
    START_UNREADABLE,
    TOO_MUCH,
    Window,
)
from tests.work_done import work_done

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


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1" + "0" * 5_000, "NaN", '"\\ud800"'])
def test_a_number_larger_than_any_is_named_and_the_rest_is_kept(number: str):
    found = parse_json(f'{{"Mi": ["9-12", {number}]}}')
    assert found.windows == {2: (MORNING,)}
    assert len(found.problems) == 1


@pytest.mark.parametrize("raw", [None, {}, {"monday": []}, {"monday": None}, {"monday": ""}])
def test_no_phone_hours_are_no_problem(raw: object):
    found = parse(raw)
    assert (dict(found.windows), found.problems) == ({}, [])


def test_windows_are_found_by_date():
    found = parse({"Mi": "9-12"})
    assert found.on(date(2026, 10, 14)) == (MORNING,)
    assert found.on(date(2026, 10, 15)) == ()


@pytest.mark.parametrize(
    ("key", "weekdays"),
    [
        *(("Mo-Fr", range(5)), ("Mo.–Do.", range(4)), ("Montag bis Freitag", range(5)), ("Sa - So", (5, 6))),
        *(("montags", (0,)), ("Mittwochs:", (2,)), ("mondays", (0,)), ("täglich", range(7))),
        *(("Mo, Mi und Fr", (0, 2, 4)), ("Mo/Do", (0, 3)), ("Di & Do", (1, 3)), ("Mo u. Di", (0, 1))),
    ],
)
def test_a_key_may_name_several_days(key: str, weekdays: Iterable[int]):
    found = parse({key: "9-12"})
    assert (found.windows, found.problems) == (dict.fromkeys(weekdays, (MORNING,)), [])


@pytest.mark.parametrize(
    "key", ["Mo (gerade Wochen)", "jeden 1. Montag", "Fr-Mo", "1", "Mo-", "Montag vormittag", "Mo-Mi-Fr", ""]
)
def test_a_key_that_is_no_day_for_certain_is_named(key: str):
    assert parse({key: "9-12"}).problems == [Problem(key, "9-12", UNKNOWN_DAY)]


@pytest.mark.parametrize(
    "entries",
    [
        *("9-12 / 14-16", "9-12 | 14-16", "9-12 + 14-16", "9-12 & 14-16", "9-12\n14-16", "9-12, 14-16,"),
        *("09:00-12:00 14:00-16:00", "9 - 12  14 - 16", "9-12h 14-16h", "9.00-12.00 Uhr 14.00-16.00 Uhr"),
        *("von 9 bis 12 und von 14 bis 16 Uhr", "9 to 12 and 14 to 16", "0900-1200, 1400-1600"),
        *(["09:00", "12:00", "14:00", "16:00"], [["09:00", "12:00"], ["14:00", "16:00"]]),
        [{"von": "9 Uhr", "bis": "12 Uhr"}, {"From": "14", "TO": "16"}],
        [{"start": "9", "end": "12", "valid_until": None}, {"start": "14", "end": "16", "hinweis": ""}],
    ],
)
def test_two_windows_are_read_however_they_are_listed(entries: object):
    found = parse({"Mo": entries})
    assert (found.windows, found.problems) == ({0: (MORNING, Window(time(14), time(16)))}, [])


@pytest.mark.parametrize(
    "entry",
    [
        "9h30-12h",
        "9h30 - 12",
        "9.30-12 Uhr",
        "9 Uhr 30 bis 12 Uhr",
        "9:30h–12:00h",
        ["9.30", "12"],
        "0930-1200",
    ],
)
def test_half_hours_are_read_in_many_spellings(entry: object):
    assert parse({"Mo": entry}).windows == {0: (Window(time(9, 30), time(12)),)}


@pytest.mark.parametrize(
    "entry",
    [
        {"start": "9", "end": "12", "valid_until": "2026-12-31"},
        {"von": "9", "bis": "12", "woche": "gerade"},
        {"start": "9", "end": "12", "ab": 1},
        "9-12 nur gerade Wochen",
        "9-12 (nicht im Juli)",
        "ca. 9-12",
    ],
)
def test_what_may_limit_a_window_keeps_it_from_being_read_and_is_named(entry: object):
    found = parse({"Mo": [entry, "14-16"]})
    assert found.windows == {0: (Window(time(14), time(16)),)}
    (problem,) = found.problems
    assert problem.reason in (MORE_THAN_A_WINDOW, NOT_A_WINDOW, END_UNREADABLE, START_UNREADABLE)


def test_two_starts_are_no_start():
    assert parse({"Mo": {"start": "9", "von": "10", "end": "12"}}).windows == {}


def test_a_text_is_quoted_as_it_was_written():
    assert parse({"Mo": "9-12, nach Vereinbarung"}).problems == [
        Problem("Mo", "nach Vereinbarung", NOT_A_WINDOW)
    ]


def test_blanks_do_not_make_a_text_too_long():
    assert parse({"Mo": f"9-12{' ' * 6_000}14-16"}).windows == {0: (MORNING, Window(time(14), time(16)))}


@pytest.mark.parametrize(
    "raw",
    [
        {f"Tag {number}": "9-12" for number in range(50_000)},
        {"Mo": ["nie"] * 50_000},
        {"Mo": "nie," * 50_000},
        {"x" * 50_000: "9-12"},
        {"Mo": {f"k{number}": "9" for number in range(50_000)}},
        {"Mo": [10**5_000, [10**5_000]]},
        [[[["9-12"] * 50_000]]],
        "9-12 " * 50_000,
    ],
    ids=["days", "entries", "text", "name", "window", "numbers", "list", "no table"],
)
def test_too_much_is_named_in_few_words(raw: object):
    found = parse(raw)
    assert found.windows == {}
    assert 1 <= len(found.problems) <= MOST_PROBLEMS
    assert all(len(problem.where) <= 80 and len(problem.entry) <= 80 for problem in found.problems)


def test_of_too_many_windows_the_first_are_read():
    found = parse({"Mo": ["9-12"] * 100, "Di": "9-12"})
    assert found.windows == {0: (MORNING,), 1: (MORNING,)}
    assert [problem.reason for problem in found.problems] == [TOO_MUCH]


HOSTILE = st.sampled_from(
    [" ", "-", " -", "- ", "9-", "9-12 ", "9 h ", ",", "bis ", "u.", "\n", "von ", "9:00:00"]
)


@settings(deadline=None, max_examples=30)
@given(HOSTILE, st.sampled_from(["text", "name", "list", "days", "pairs"]))
def test_twice_the_input_is_at_most_twice_the_work(piece: str, shape: str):
    def hours(size: int) -> object:
        match shape:
            case "text":
                return {"Mo": piece * size}
            case "name":
                return {piece * size: "9-12"}
            case "list":
                return {"Mo": [piece] * size}
            case "pairs":
                return {"Mo": ["9:00"] * size}
            case _:
                return {f"{piece}{number}": piece for number in range(size)}

    work = [work_done(partial(parse, hours(size))) for size in (50, 100, 200, 400, 1_000, 2_000)]
    assert all(more <= 2 * less + 50 for less, more in pairwise(work[:4]))
    assert work[-1] <= 2 * work[-2] + 50


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
