from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.checks import LARGEST_BODY_BYTES, check_body, check_id, check_line, check_note
from services.emails.addresses import (
    ASCII_LOCAL_PART,
    NOT_AN_ADDRESS,
    ascii_domain,
    check_address,
    normalized_address,
)
from services.emails.reply import CLOCKS_APART, check_reply_date
from services.therapists.absence import check_return

NOW = datetime(2026, 10, 14, 8, 42, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given_address", "stored"),
    [
        ("praxis@example.de", "praxis@example.de"),
        ("Dr.Schmidt+platz@Example.DE", "Dr.Schmidt+platz@example.de"),
        ("info@müller-köln.de", "info@müller-köln.de"),
        ("info@xn--mller-kva.de", "info@müller.de"),
        ("kontakt@therapieplatz.example", "kontakt@therapieplatz.example"),
    ],
)
def test_addresses_are_accepted_and_stored_in_one_spelling(given_address: str, stored: str):
    assert check_address("f", given_address) == []
    assert normalized_address(given_address) == stored


@pytest.mark.parametrize(
    "address",
    [
        "", "praxis", "praxis@", "@example.de", "praxis@localhost", "a b@example.de", "a@b@example.de",
        "a@example..de", ".a@example.de", "müller@example.de", "a@example.de\n",
        "a@example.de\r\nBcc: b@c.de",
        "Dr. A <a@example.de>", '"a b"@example.de', "a@[127.0.0.1]", "a\x00@example.de", "a\ud800@example.de",
        "a" * 65 + "@example.de", "a@" + "b" * 250 + ".de", "a@example.de,b@example.de",
    ],
)  # fmt: skip
def test_what_is_no_single_plain_address_is_refused(address: str):
    assert [error.field for error in check_address("empfaenger_email", address)] == ["empfaenger_email"]


def test_other_letters_before_the_at_need_a_server_that_takes_them():
    assert [error.message for error in check_address("f", "müller@example.de")] == [ASCII_LOCAL_PART]
    assert check_address("f", "müller@Köln.example", utf8=True) == []
    assert normalized_address("müller@Köln.example") == "müller@köln.example"
    assert [error.message for error in check_address("f", "mül ler@example.de", utf8=True)] == [
        NOT_AN_ADDRESS
    ]


@given(st.text(max_size=80))
def test_an_accepted_address_is_ascii_before_the_at_and_survives_being_stored(address: str):
    if check_address("f", address) == []:
        stored = normalized_address(address)
        assert check_address("f", stored) == []
        assert normalized_address(stored) == stored
        assert stored.rpartition("@")[0].isascii()
        assert ascii_domain(stored).isascii()
        assert not set(stored) & set("\r\n\x00<> ")


@given(st.text(max_size=300))
def test_an_accepted_line_can_be_a_header_and_a_column(line: str):
    if check_line("betreff", line) == []:
        assert 0 < len(line.strip()) <= len(line) <= 255
        assert len(line.splitlines()) == 1
        assert "\x00" not in line
        line.encode()


@pytest.mark.parametrize(
    "line",
    [
        "", "  ", "\u200b", "\xad\u200e\ufeff", "\u2800", "\u3164", "\ufe0f", "\U000e0041",
        "a\nb", "a\rb", "a\tb", "a\x7f", "a\x85b", "a\u2028b", "\ud800", "x" * 256,
    ],
)  # fmt: skip
def test_lines_that_are_refused(line: str):
    assert [error.field for error in check_line("betreff", line)] == ["betreff"]


def test_bodies_are_measured_in_bytes():
    assert check_body("body_text", "ä" * (LARGEST_BODY_BYTES // 2)) == []
    assert check_body("body_text", "ä" * (LARGEST_BODY_BYTES // 2) + "x")
    assert check_body("body_text", "a\x00")
    assert check_body("body_text", "\udcff")
    assert check_note("n", "x" * 10_001)
    assert check_note("n", None) == []


@pytest.mark.parametrize(
    ("value", "right"), [(1, True), (2**31 - 1, True), (0, False), (-1, False), (2**31, False)]
)
def test_ids(value: int, right: bool):
    assert (check_id("therapist_id", value) == []) is right


def test_a_reply_lies_between_the_email_and_now():
    created = NOW - timedelta(days=1)
    ahead = NOW + CLOCKS_APART
    for moment in (None, created, NOW, ahead):
        assert check_reply_date("f", moment, created_at=created, now=NOW) == []
    for moment in (created - timedelta(seconds=1), ahead + timedelta(seconds=1)):
        assert check_reply_date("f", moment, created_at=created, now=NOW)


def test_a_return_is_today_or_within_a_year():
    today = date(2026, 10, 14)
    for day in (None, today, today + timedelta(days=366)):
        assert check_return("f", day, today=today) == []
    for day in (today - timedelta(days=1), today + timedelta(days=367)):
        assert check_return("f", day, today=today)
