"""One asyncpg connection for the few statements that run hundreds of times a second.

Every statement is a transaction of its own and one round trip.
"""

import asyncio
from contextlib import suppress
from typing import Any

import asyncpg
from sqlalchemy import URL

from shared.database import COMMAND_SECONDS, CONNECT_SECONDS

UNREACHABLE = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)

LOOKUPS_BY_INDEX = {
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}
"""Planning such a statement anew costs several times what running it does, and a plan made while a table was
empty must still be right when it is full: every row is found by an index.
"""

Connection = Any
"""asyncpg ships no types."""


class DirectConnection:
    """A connection that is made when needed and given up after any trouble on it.

    Args:
        url: the database's address.
        application_name: shown in `pg_stat_activity`.
        durable: whether a commit waits for the disk. Without, a crash of the server (not of this process) may
            undo the last moments' commits.
    """

    def __init__(self, url: URL, *, application_name: str, durable: bool = True) -> None:
        self._dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._settings = LOOKUPS_BY_INDEX | {
            "application_name": application_name,
            "timezone": "UTC",
            "lock_timeout": "10s",
        }
        if not durable:
            self._settings["synchronous_commit"] = "off"
        self._connection: Connection = None
        self._turn = asyncio.Lock()

    async def fetch(self, statement: str, *arguments: object) -> list[Any]:
        """Run one statement in its own transaction and return its rows.

        Raises:
            UNREACHABLE: the statement failed, or whether it took effect is unknown.
        """
        async with self._turn:
            try:
                if self._connection is None or self._connection.is_closed():
                    self._connection = await asyncpg.connect(
                        self._dsn,
                        timeout=CONNECT_SECONDS,
                        command_timeout=COMMAND_SECONDS,
                        server_settings=self._settings,
                    )
                return await self._connection.fetch(statement, *arguments)
            except BaseException:
                self.drop()
                raise

    def drop(self) -> None:
        """Close without a word; the next statement makes a new connection."""
        if self._connection is not None:
            self._connection.terminate()
        self._connection = None

    async def close(self) -> None:
        """Close, waiting at most a second."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(*UNREACHABLE):
                await connection.close(timeout=1)
