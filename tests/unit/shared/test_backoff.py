import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.events import due
from services.sending import group_commit, sender
from services.therapists import client
from shared import notifications, supervision
from shared.backoff import Backoff
from shared.kafka import connection
from webapp.demo import application

failures = st.integers(min_value=1, max_value=10_000)
jitters = st.floats(0, 1, exclude_max=True)


@given(failures, jitters)
def test_waits_never_shrink_and_never_pass_the_cap(failures: int, jitter: float):
    backoff = Backoff.of_seconds(0.5, 30)
    wait, longer = (backoff.seconds(number, jitter) for number in (failures, failures + 1))
    assert 0.25 <= wait <= longer <= 30


@given(failures, jitters)
def test_jitter_takes_off_up_to_half(failures: int, jitter: float):
    backoff = Backoff.of_seconds(0.2, 5)
    whole = backoff.seconds(failures)
    assert whole / 2 <= backoff.seconds(failures, jitter) <= whole
    assert backoff.wait(failures, 0.5) == 0.75 * backoff.wait(failures)


@pytest.mark.parametrize(
    ("backoff", "waits"),
    [
        (notifications.RECONNECT, [0.2, 0.4, 0.8, 1.6, 3.2, 5, 5]),
        (connection.RECONNECT, [0.2, 0.4, 0.8, 1.6, 3.2, 5, 5]),
        (sender.RETRY, [0.2, 0.4, 0.8, 1.6, 3.2, 5, 5]),
        (group_commit.RETRY, [0.1, 0.2, 0.4, 0.8, 1.6, 2, 2]),
        (due.RETRY, [1, 2, 4, 8, 16, 32, 60, 60]),
        (client.RETRY, [0.2, 0.4]),
        (supervision.RESTART, [0.5, 1, 2, 4, 8, 16, 30, 30]),
        (application.RESTART, [0.5, 1, 2, 4, 8, 16, 30, 30]),
    ],
)
def test_whatever_is_tried_again_waits_twice_as_long_each_time(backoff: Backoff, waits: list[float]):
    assert [backoff.seconds(failures) for failures in range(1, len(waits) + 1)] == waits
