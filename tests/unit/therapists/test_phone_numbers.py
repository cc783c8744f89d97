"""What is dialled, for fields as practices fill them in."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.therapists import numbering_plan, phone_numbers
from services.therapists.phone_numbers import LONGEST_FIELD, cut_field, dialable, read_numbers, says_more
from tests.work_done import work_done

BERLIN = "tel:+493023125101"
SECOND = "tel:+493023125102"
THIRD = "tel:+493023125103"
MOBILE = "tel:+491712345678"


@pytest.mark.parametrize(
    "field",
    [
        "030 23125 101",
        "030/23125101",
        "030 / 23125101",
        "(030) 23 12 51 01",
        "030-23125-101",
        "030.23125.101",
        "0 30 / 23 12 51 01",
        "+49 30 23125101",
        "+49 (0)30 / 23125-101",
        "+49 (30) 23125101",
        "+49 030 23125101",
        "(+49) 30 23125101",
        "0049 30 23125101",
        "49 30 23125101",
        "(0)30 23125101",
        "tel:+49-30-23125101",
        "030, 23125101",
        "030\n23125101",
        "030 23125\n101",
        "030\u00a023125\u2011101",
        "\u202a030 231\u200b25101\u202c",
        "０３０ ２３１２５１０１",
        "030 23125101²",
        "030 23125101*",
    ],
)
def test_one_number_is_dialled_the_same_however_it_is_written(field: str):
    (number,) = read_numbers(field)
    assert (number.uri, number.spelled) == (BERLIN, "030 23125101")


@pytest.mark.parametrize(
    "field",
    [
        "030 23125 101 (Sekr.)",
        "030 23125 101 Sekretariat",
        "Tel. 030 23125101 (Mo 9-12)",
        "030 23125101 9-12 Uhr",
        "030 23125 101 (9-12 Uhr)",
        "030 23125101 Mo 9:00-12:00",
        "030 23125101 24 Std.",
        "030 23125101 bis 08.10.2026",
        "10115 Berlin, 030 23125101",
        "030 23125101\n10115 Berlin",
        "Sprechzeit 10.00-12.00, 030 23125101",
        "030 23125101\nbitte klingeln lassen",
    ],
)
def test_words_times_and_dates_beside_a_number_are_not_dialled(field: str):
    assert [number.uri for number in read_numbers(field)] == [BERLIN]


@pytest.mark.parametrize(
    ("field", "uris"),
    [
        ("030 23125101 oder 0171 2345678", [BERLIN, MOBILE]),
        ("030 23125101 0171 2345678", [BERLIN, MOBILE]),
        ("030 23125101 / 0171 2345678", [BERLIN, MOBILE]),
        ("030/23125101/0171/2345678", [BERLIN, MOBILE]),
        ("030 23125101 - 0171 2345678", [BERLIN, MOBILE]),
        ("030 23125101,01712345678", [BERLIN, MOBILE]),
        ("030 23125101\n0171 2345678", [BERLIN, MOBILE]),
        ("(030) 23125101 (0171) 2345678", [BERLIN, MOBILE]),
        ("+49 30 23125101 +49 171 2345678", [BERLIN, MOBILE]),
        ("030 23125101 (privat 0171 2345678)", [BERLIN, MOBILE]),
        ("030 23125101; 030 23125102 und 0171 2345678", [BERLIN, SECOND, MOBILE]),
        ("030 23125101, 23125102", [BERLIN, SECOND]),
        ("030 23125101 23125102", [BERLIN, SECOND]),
        ("030 23125101, 030/23125-101", [BERLIN]),
    ],
)
def test_several_numbers_are_told_apart(field: str, uris: list[str]):
    assert [number.uri for number in read_numbers(field)] == uris


@pytest.mark.parametrize(
    ("field", "uris"),
    [
        ("030 23125 101 / 102", [BERLIN, SECOND]),
        ("030 23125101 / 102", [BERLIN, SECOND]),
        ("030 23125101/02", [BERLIN, SECOND]),
        ("030 23125-101/-102/-103", [BERLIN, SECOND, THIRD]),
        ("030 23125 101 oder 102", [BERLIN, SECOND]),
        ("030 23125-0 / -12", ["tel:+4930231250", "tel:+49302312512"]),
        ("030 23125101 / 2", [BERLIN]),
        ("030 23125101 / 999", [BERLIN]),
        ("030 23125 101 - 103", [BERLIN]),
        ("030 23125101 102", [BERLIN]),
        ("030 23125101 Raum 999 / 102", [BERLIN]),
    ],
)
def test_another_ending_is_a_second_number_only_where_that_is_certain(field: str, uris: list[str]):
    assert [number.uri for number in read_numbers(field)] == uris


@pytest.mark.parametrize(
    "field",
    [
        "030 23125101 ext. 12",
        "030 23125101 Durchwahl 12",
        "030 23125101, Durchwahl: 12",
        "030 23125101 (DW 12)",
        "030 23125101 App. 12",
        "030 23125101 Apparat 12",
        "030 23125101 x12",
        "030 23125101 #12",
        "tel:+49-30-23125101;ext=12",
    ],
)
def test_an_extension_is_kept(field: str):
    (number,) = read_numbers(field)
    assert (number.uri, number.extension) == (f"{BERLIN};ext=12", "12")


def test_a_direct_dial_behind_a_dash_is_part_of_the_number():
    assert [number.uri for number in read_numbers("089 12345678-102")] == ["tel:+498912345678102"]


@pytest.mark.parametrize(
    "field",
    [
        *(None, "", "-", "0", "k. A.", "keine", "siehe Website", "www.praxis030.de", "23125101", "116117"),
        *("000000", "0123 456789", "0800-THERAPIE", "030 23125...", "030 23125xxx", "0171 xxxxxxx", "030"),
    ],
)
def test_what_is_no_whole_number_is_none(field: str | None):
    assert read_numbers(field) == ()


@pytest.mark.parametrize(
    "field",
    [
        "Tel. 030 23125101, Fax 030 23125199",
        "Fax: 030 23125199 Tel: 030 23125101",
        "030 23125199 (Fax), 030 23125101",
        "Telefax 030 23125199\n030 23125101 (Praxis)",
    ],
)
def test_a_fax_machine_is_known_but_not_rung(field: str):
    assert [number.uri for number in dialable(field)] == [BERLIN]
    assert {number.uri for number in read_numbers(field)} == {BERLIN, "tel:+493023125199"}
    assert [number.uri for number in dialable("Tel./Fax 030 23125101")] == [BERLIN]
    assert dialable("Fax 030 23125 101 / 102") == ()


def test_numbers_abroad_are_spelled_with_their_country_code():
    (number,) = read_numbers("0043 1 5123456")
    assert (number.uri, number.spelled) == ("tel:+4315123456", "+43 1 5123456")


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("030/23125101", False),
        ("+49 (0)30 23125101", False),
        ("0049 30 23125101, 0171 2345678", False),
        ("030 23125101 (Sekr.)", True),
        ("030 23125101 / 2", True),
        ("k. A.", True),
    ],
)
def test_a_field_is_shown_beside_its_numbers_when_it_says_more(field: str, expected: bool):
    assert says_more(field) is expected


def test_a_number_at_the_end_of_what_is_kept_is_kept_whole_or_not_at_all():
    for padding in range(LONGEST_FIELD - 30, LONGEST_FIELD + 1):
        field = f"{'x' * padding} 030 23125 101"
        assert len(cut_field(field)) <= LONGEST_FIELD
        assert [number.uri for number in read_numbers(cut_field(field))] in ([BERLIN], [])
        assert [number.uri for number in read_numbers(field)] in ([BERLIN], [])
    assert cut_field(f"{'x' * LONGEST_FIELD} 030 23125 101") == "x" * LONGEST_FIELD


PIECES = st.sampled_from(
    [
        *"0123456789",
        *"+ /-().,;",
        "\n",
        "030",
        "0171",
        "23125",
        "101",
        "(0)",
        " oder ",
        " Sekr. ",
        "Uhr",
        "x",
        "Fax",
    ]
)


@settings(deadline=None)
@given(st.lists(PIECES | st.text(max_size=3), max_size=25).map("".join))
def test_a_link_holds_digits_only_and_the_first_number_stands_in_the_field(field: str):
    numbers = read_numbers(field)
    assert all(re.fullmatch(r"tel:\+[0-9]+(;ext=[0-9]+)?", number.uri) for number in numbers)
    assert len({number.uri for number in numbers}) == len(numbers)
    if numbers:
        plain = phone_numbers._TRUNK_ZERO.sub("", phone_numbers._plain(field))
        written = "".join(sign for sign in plain if sign.isdigit())
        assert "".join(sign for sign in numbers[0].spelled if sign.isdigit()).lstrip("0") in written


@pytest.mark.parametrize(
    "piece", [" ", "0", "030 ", "- ", "/", "(", "030 23125101 / ", "Fax ", "x", "1:", "+"]
)
def test_the_work_does_not_grow_with_a_field_that_is_too_long(piece: str):
    def work(length: int) -> int:
        field = (piece * length)[:length]
        phone_numbers._read_cut.cache_clear()
        numbering_plan.parsed_number.cache_clear()
        return work_done(lambda: read_numbers(field))

    work(LONGEST_FIELD)
    assert work(LONGEST_FIELD * 32) <= 2 * work(LONGEST_FIELD * 16) <= 4 * work(LONGEST_FIELD * 8)
    assert work(LONGEST_FIELD) <= 2.2 * work(LONGEST_FIELD // 2) + 500
