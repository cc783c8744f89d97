"""The source of time. The domain is handed a clock and never asks the system itself."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from shared.config import Settings

Clock = Callable[[], datetime]
"""Answers the current instant, aware, in UTC."""


def system_clock() -> datetime:
    """Return the current instant in UTC."""
    return datetime.now(UTC)


def get_clock(config: Settings) -> Clock:
    """Return the clock the settings ask for: the system's, shifted in tests only."""
    if not config.clock_offset_seconds:
        return system_clock
    offset = timedelta(seconds=config.clock_offset_seconds)
    return lambda: datetime.now(UTC) + offset
