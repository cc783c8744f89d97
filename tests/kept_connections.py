"""Connections that outlast the test that opened them: a new one costs PostgreSQL a process that learns all.

What they leave behind for the next is nothing: asyncpg resets them as its own pool does.
"""

import asyncio
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import asyncpg
import pytest
from sqlalchemy import URL

from shared import direct_connection, notifications
from shared.postgresql import Connection, connect, leave

RESET_SECONDS = 1
NOT_FIT = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)


class KeptConnections:
    """Takes the place of `connect` and `leave` for one database and some applications' names."""

    def __init__(self, url: URL, names: frozenset[str]) -> None:
        self._url = url
        self._names = names
        self._kinds: dict[Connection, str] = {}
        self._idle = WeakKeyDictionary[asyncio.AbstractEventLoop, defaultdict[str, list[Connection]]]()

    async def connect(self, url: URL, **how: Any) -> Connection:
        if url != self._url or how["application_name"] not in self._names:
            return await connect(url, **how)
        kind = repr(sorted(how.items()))
        idle = self._of_this_loop()[kind]
        while idle:
            if not (connection := idle.pop()).is_closed():
                return connection
        connection = await connect(url, **how)
        self._kinds[connection] = kind
        return connection

    async def leave(self, connection: Connection) -> None:
        kind = self._kinds.get(connection)
        if kind is not None and not connection.is_closed():
            try:
                await connection.reset(timeout=RESET_SECONDS)
            except NOT_FIT:
                del self._kinds[connection]
            else:
                self._of_this_loop()[kind].append(connection)
                return
        await leave(connection)

    def _of_this_loop(self) -> defaultdict[str, list[Connection]]:
        return self._idle.setdefault(asyncio.get_running_loop(), defaultdict(list))


@contextmanager
def kept_connections(url: URL, names: frozenset[str]) -> Generator[None]:
    """Keep the connections to a database that are made under some names around the block."""
    kept = KeptConnections(url, names)
    with pytest.MonkeyPatch.context() as patch:
        for module in (direct_connection, notifications):
            patch.setattr(module, "connect", kept.connect)
            patch.setattr(module, "leave", kept.leave)
        yield
