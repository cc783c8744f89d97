import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.models import LARGEST_ID
from services.tokens import address_with_token, id_from_address, id_from_token, make_token

SECRET = b"one secret"
ids = st.integers(1, LARGEST_ID)


@given(ids)
def test_a_token_is_read_in_any_case_and_fits_before_the_at(email_id: int) -> None:
    token = make_token(email_id, SECRET)
    address = address_with_token("therapieplatz-vermittlung@platz-test.example", token)
    assert re.fullmatch("[a-z2-7]{24}", token)
    assert len(address.partition("@")[0]) <= 64
    assert id_from_token(token.upper(), SECRET) == email_id
    assert id_from_address(address.upper(), SECRET) == email_id


@given(ids, st.integers(0, 23), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_a_token_with_another_letter_is_none(email_id: int, place: int, letter: str) -> None:
    token = make_token(email_id, SECRET)
    changed = token[:place] + letter + token[place + 1 :]
    assert id_from_token(changed, SECRET) == (email_id if changed == token else None)


@given(ids)
def test_a_token_of_another_secret_is_none(email_id: int) -> None:
    assert id_from_token(make_token(email_id, b"another"), SECRET) is None


@pytest.mark.parametrize(
    "wrapped",
    [
        "SRS0=abcd=XY=platz-test.example=bounce+{}@forward-test.example",
        "prvs=1234abcdef=bounce+{}@platz-test.example",
        "bounce+{}=praxis.example@forward-test.example",
        "bounce+first+{}@platz-test.example",
    ],
)
def test_a_token_is_found_in_an_address_that_was_wrapped(wrapped: str) -> None:
    assert id_from_address(wrapped.format(make_token(7, SECRET)), SECRET) == 7


@given(st.text(max_size=80))
def test_any_text_is_no_token(text: str) -> None:
    assert id_from_token(text, SECRET) is None
    assert id_from_address(f"bounce+{text}@platz-test.example", SECRET) is None
