from hypothesis import given
from hypothesis import strategies as st

from webapp.masking import masked, unmasked

TOKENS = st.binary(min_size=1, max_size=64).map(bytes.hex)


@given(TOKENS)
def test_a_token_comes_back_from_its_mask(token: str):
    assert unmasked(masked(token), len(token)) == token
    assert token not in masked(token)[len(token) :] or len(token) < 32


@given(st.text(max_size=200), st.integers(0, 100))
def test_whatever_is_sent_is_read_without_an_error(sent: str, length: int):
    assert isinstance(unmasked(sent, length), str)
