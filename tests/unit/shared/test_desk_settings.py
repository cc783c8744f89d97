"""Desk rules that nobody could work by are refused at start, with what would be right."""

from datetime import time

import pytest

from shared.config.settings import ConfigurationError, load_settings


@pytest.mark.parametrize(
    "hours",
    [
        "08:00Z-18:00Z",
        "08:00+01:00-18:00+01:00",
        "08:00-01:00-18:00",
        "08:00:30-18:00",
        "08:00-18:00:00.5",
        "18:00-08:00",
        "08:00",
    ],
)
def test_desk_hours_are_two_times_of_day_to_the_minute(hours: str):
    with pytest.raises(ConfigurationError, match=r"^DESK_HOURS: .* for example 08:00-18:00$"):
        load_settings(env_file=None, desk_hours=hours)


@pytest.mark.parametrize(
    ("hours", "read"),
    [(" 07:30 - 19:15 ", (time(7, 30), time(19, 15))), ("00:00-24:00", (time(0), time.max))],
)
def test_desk_hours_may_fill_the_day(hours: str, read: tuple[time, time]):
    assert load_settings(env_file=None, desk_hours=hours).desk_hours == read


def test_a_claim_outlives_the_two_minutes_between_a_pages_signs_of_life():
    assert load_settings(env_file=None, call_claim_minutes=5).call_claim_minutes == 5
    with pytest.raises(ConfigurationError, match=r"^CALL_CLAIM_MINUTES: "):
        load_settings(env_file=None, call_claim_minutes=4)
