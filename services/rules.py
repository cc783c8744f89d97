"""The desk's rules as one value, so that pure functions need no settings."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from shared.config import Settings

YEARS = range(1900, 9001)
"""The years of the dates that are read from outside; near the calendar's ends no time zone can be applied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskRules:
    """When and how the desk rings, how long a login lasts unused, and from where e-mails are sent.

    Times of day are wall clock in `tz`; `sender_domains` are as DNS knows them, none stands for any.
    """

    tz: ZoneInfo
    desk_hours: tuple[time, time]
    holiday_state: str
    lines: int
    duration_minutes: int
    gap: timedelta
    notice: timedelta
    grid_minutes: int
    horizon_days: int
    max_attempts: int
    longest_wait: timedelta
    claim: timedelta
    undo: timedelta
    follow_up_after: timedelta
    session_idle: timedelta
    sender_domains: frozenset[str] = frozenset()

    @classmethod
    def from_settings(cls, config: Settings) -> Self:
        """Read the rules from the settings."""
        return cls(
            tz=config.tz,
            desk_hours=config.desk_hours,
            holiday_state=config.holiday_state,
            lines=config.desk_lines,
            duration_minutes=config.call_duration_minutes,
            gap=timedelta(minutes=config.call_gap_minutes),
            notice=timedelta(minutes=config.call_notice_minutes),
            grid_minutes=config.call_grid_minutes,
            horizon_days=config.call_horizon_days,
            max_attempts=config.call_max_attempts,
            longest_wait=timedelta(days=config.call_wait_days),
            claim=timedelta(minutes=config.call_claim_minutes),
            undo=timedelta(seconds=config.undo_seconds),
            follow_up_after=timedelta(days=config.follow_up_after_days),
            session_idle=timedelta(minutes=config.session_idle_minutes),
            sender_domains=frozenset(config.sender_domains),
        )

    def local(self, instant: datetime) -> datetime:
        """Return an instant as wall-clock time of the practices, still aware."""
        return instant.astimezone(self.tz)

    def today(self, now: datetime) -> date:
        """Return the practices' date at an instant."""
        return self.local(now).date()

    def instant(self, day: date, at: time) -> datetime:
        """Return the instant of a wall-clock time; the first of a repeated hour."""
        return datetime.combine(day, at, tzinfo=self.tz)

    def aware(self, moment: datetime) -> datetime:
        """Return an instant in UTC; a naive moment is wall-clock time of the practices."""
        return (moment if moment.tzinfo else moment.replace(tzinfo=self.tz)).astimezone(UTC)
