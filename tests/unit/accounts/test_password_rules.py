import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.accounts import password_rules as rules
from services.accounts.password_rules import check_password


def reason(password: str) -> str | None:
    problems = check_password(password, name="Anna Schmidt")
    return problems[0].message if problems else None


@pytest.mark.parametrize(
    "password",
    ["long enough 1", "anruf-am-pult", "correct horse battery", "Größe füllt Körbe", "k7m2-p9xw-r4tz"],
)
def test_what_nobody_guesses_is_taken(password: str):
    assert reason(password) is None


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("short", rules.LENGTH),
        ("x" * 201, rules.LENGTH),
        ("1234567890", rules.COMMON),
        ("QWERTZUIOP", rules.COMMON),
        ("Password123", rules.DECORATED),
        ("P@ssw0rd2026", rules.DECORATED),
        ("Sommer2026!", rules.DECORATED),
        ("Willkommen1", rules.DECORATED),
        ("qwertz1234", rules.DECORATED),
        ("Anna Schmidt 1", rules.PERSONAL),
        ("schmidt2026!", rules.PERSONAL),
        ("Anrufpult2026!", rules.PERSONAL),
        ("hallohallo", rules.REPEATED),
        ("aaaaaaaaaaaa", rules.REPEATED),
        ("abcdefghijk", rules.ROW),
        ("12.10.1984", rules.DATE),
    ],
)
def test_what_is_guessed_soon_is_refused_and_the_reason_said(password: str, why: str):
    assert reason(password) == why


def test_a_name_is_no_reason_where_it_is_nobody_elses():
    assert check_password("Ottokar Zwirbel 1", name="Ben") == []
    assert check_password("Ottokar Zwirbel 1", name="Ottokar Zwirbel") != []


def test_letters_typed_in_parts_are_the_same_letters():
    assert check_password("Frühling2026") == check_password("Fru\u0308hling2026") != []


@given(st.text(max_size=220))
def test_any_text_gets_an_answer(password: str):
    assert len(check_password(password, name=password[:100])) <= 1
