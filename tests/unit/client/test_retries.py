"""When the client tries again."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from calldesk_client.errors import Conflict, Refused, Unavailable, refusal
from calldesk_client.retries import Backoff, retry_after
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2026, 10, 14, 8, 42, tzinfo=UTC)


@given(attempt=st.integers(0, 10_000), told=st.none() | st.floats(0, 1e6), fraction=st.floats(0, 1))
def test_a_wait_is_as_long_as_asked_for_and_little_longer(attempt: int, told: float | None, fraction: float):
    wait = Backoff(0.2, 10).wait(attempt, told, fraction)
    assert (told or 0) <= wait <= (told or 0) + 10


def test_waits_double_up_to_the_longest():
    assert [Backoff(1, 10).wait(attempt, None, 1.0) for attempt in range(5)] == [1, 2, 4, 8, 10]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("5", 5.0),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOW - timedelta(seconds=90), usegmt=True), 0.0),
        ("soon", None),
        ("-1", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None):
    assert retry_after(header, lambda: NOW) == seconds


def test_a_refusal_is_known_by_its_status_and_says_what_the_service_says():
    conflict = refusal(409, b'{"title":"Conflict","status":409,"detail":"taken","errors":[]}')
    assert (type(conflict), str(conflict)) == (Conflict, "409: taken")
    assert (type(refusal(502, b"<html>")), refusal(502, b"<html>").detail) == (Unavailable, "HTTP status 502")
    assert type(refusal(418, b"{}")) is Refused
