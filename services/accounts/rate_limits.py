"""How many requests a key may make in a minute, counted over all web processes.

A process takes a share of the minute from the database and spends it by itself: no statement with every
request, and never more than the limit in all. What a process has taken and not spent is lost to the others,
so that with several a key may be refused a few shares early.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil

import structlog
from sqlalchemy import delete

from services.errors import TooManyRequests
from services.models import SCHEMA, ApiKeyMinute
from services.work import Transaction
from shared.direct_connection import DirectPool

MINUTE = timedelta(minutes=1)
MINUTES_KEPT = timedelta(hours=1)
SHARES = 20
"""A share is this part of the limit, at least one request."""

TAKE = f"""
    INSERT INTO {SCHEMA}.api_key_minutes AS counted (minute, api_key_id, taken) VALUES ($1, $2, $3)
    ON CONFLICT (minute, api_key_id) DO UPDATE SET taken = counted.taken + excluded.taken
        WHERE counted.taken < $4
    RETURNING taken
"""  # noqa: S608
"""Takes a share; no row when nothing is left. Of the last only what is below the limit counts."""

log = structlog.get_logger(__name__)


class KeyRateExceeded(TooManyRequests):
    """This API key may make %(limit)s requests a minute and has made them. Wait for the next minute."""

    def __init__(self, allowance: "Allowance") -> None:
        self.retry_after_seconds = allowance.reset_seconds
        super().__init__(limit=allowance.limit)


@dataclass(frozen=True, slots=True)
class Allowance:
    """Where a key stands in this minute.

    Attributes:
        limit: requests it may make in a minute.
        remaining: requests that are left, as far as this process knows.
        reset_seconds: until the next minute begins.
        granted: whether this request is one of them.
    """

    limit: int
    remaining: int
    reset_seconds: int
    granted: bool


@dataclass(slots=True)
class _Minute:
    start: datetime
    taken: int = 0
    """By all processes, as this one last heard."""
    unspent: int = 0
    """Of what this process has taken."""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class RateLimits:
    """A process's part of the keys' minutes."""

    def __init__(self, statements: DirectPool) -> None:
        self._statements = statements
        self._minutes: dict[int, _Minute] = {}

    async def spend(self, key_id: int, limit: int, now: datetime) -> Allowance:
        """Count one request of a key.

        Raises:
            DatabaseUnreachable: another share was needed and there was no answer.
        """
        start = now.replace(second=0, microsecond=0)
        minute = self._minutes.get(key_id)
        if minute is None or minute.start != start:
            minute = self._minutes[key_id] = _Minute(start)
        if not minute.unspent and minute.taken < limit:
            async with minute.turn:
                if not minute.unspent and minute.taken < limit:
                    await self._take(minute, key_id, limit)
        granted = minute.unspent > 0
        if granted:
            minute.unspent -= 1
        remaining = minute.unspent + max(limit - minute.taken, 0)
        return Allowance(limit, remaining, ceil((start + MINUTE - now).total_seconds()), granted)

    async def _take(self, minute: _Minute, key_id: int, limit: int) -> None:
        share = max(limit // SHARES, 1)
        rows = await self._statements.fetch(TAKE, minute.start, key_id, share, limit)
        if not rows:
            minute.taken = limit
            log.warning("api_key_rate_exceeded", key_id=key_id, reason=f"{limit} requests in a minute")
            return
        minute.taken = rows[0]["taken"]
        minute.unspent = min(share, limit - (minute.taken - share))


async def remove_old_minutes(tx: Transaction) -> None:
    """Remove what was counted in minutes long past."""
    await tx.session.execute(delete(ApiKeyMinute).where(ApiKeyMinute.minute < tx.now - MINUTES_KEPT))
