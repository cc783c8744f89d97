from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

BERLIN = ZoneInfo("Europe/Berlin")


class FakeClock:
    """A clock that stands still until told to move."""

    def __init__(self, now: datetime = datetime(2026, 10, 14, 8, 42, tzinfo=UTC)) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **duration: float) -> datetime:
        self.now += timedelta(**duration)
        return self.now

    def set_local(self, year: int, month: int, day: int, hour: int, minute: int = 0) -> datetime:
        self.now = datetime(year, month, day, hour, minute, tzinfo=BERLIN).astimezone(UTC)
        return self.now
