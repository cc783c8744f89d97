"""When keys were last used: written behind the requests, never by them."""

import asyncio
from datetime import datetime, timedelta

from services.models import SCHEMA
from shared.direct_connection import DirectPool
from shared.heartbeat import turned

NOTED_EVERY = timedelta(minutes=1)
"""How exactly the last use of a key is kept, by all processes together."""

USED = f"""
    UPDATE {SCHEMA}.api_keys SET last_used_at = $2::timestamptz
    WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $2::timestamptz - $3::interval)
"""  # noqa: S608


class KeyUse:
    """Notes which keys are used, and writes it down on its own time."""

    def __init__(self, statements: DirectPool) -> None:
        self._statements = statements
        self._noted: dict[int, datetime] = {}
        self._unwritten: dict[int, datetime] = {}
        self._anything = asyncio.Event()

    def note(self, key_id: int, now: datetime) -> None:
        """Note that a key is used; costs nothing and never fails."""
        noted = self._noted.get(key_id)
        if noted is None or now - noted >= NOTED_EVERY:
            self._noted[key_id] = self._unwritten[key_id] = now
            self._anything.set()

    async def run(self) -> None:
        """Write what was noted until cancelled; what could not be written is kept for the next run."""
        while True:
            self._anything.clear()
            for key_id, at in list(self._unwritten.items()):
                turned()
                await self._statements.fetch(USED, key_id, at, NOTED_EVERY)
                if self._unwritten[key_id] == at:
                    del self._unwritten[key_id]
            turned(within=None)
            await self._anything.wait()
