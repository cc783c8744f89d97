"""Whether to try again, and when: values in, values out."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

NOT_TAKEN = frozenset({429})
"""Refused before anything was done, so that any request can be repeated."""

PASSING = frozenset({429, 502, 503, 504})
"""Of what is safe to repeat: the answer may be another one soon."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits that double from `first_seconds` to `longest_seconds`, each cut at random (full jitter)."""

    first_seconds: float = 0.2
    longest_seconds: float = 10.0

    def wait(self, attempt: int, told_to_wait: float | None, fraction: float) -> float:
        """Return the seconds before the try after `attempt` (from 0): what the server asks for, at least.

        `fraction` is a random number from 0 to 1.
        """
        longest = min(self.longest_seconds, self.first_seconds * 2 ** min(attempt, 30))
        return (told_to_wait or 0.0) + longest * fraction


def retry_after(header: str | None, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> float | None:
    """Return the seconds that a `Retry-After` header asks for (RFC 9110, 10.2.3), or None."""
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        until = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, (until.astimezone(UTC) - now()).total_seconds())
