"""asyncpg connections for the few statements that run hundreds of times a second.

Every statement is a transaction of its own and one round trip, but for those in a `transaction`; through a
pooler it takes some more.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import URL

from shared.database_errors import NO_ANSWER
from shared.notifications import Notifier
from shared.postgresql import (
    COMMAND_SECONDS,
    CONNECT_SECONDS,
    LOCK_SECONDS,
    Connection,
    connect,
    for_this_transaction,
    is_pooled,
    leave,
)
from shared.reasons import reason_of
from shared.run_together import Arguments, RunTogether

T = TypeVar("T")

ENDS_WITH_TRANSACTION = "CASE WHEN pg_try_advisory_xact_lock({lock}) THEN pg_advisory_unlock({lock}) END"
"""Makes an advisory lock of the session one of the transaction, in SQL: there is no moment without."""

LOOKUPS_BY_INDEX = {
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_material": "off",
}
"""Planning such a statement anew costs several times what running it does, and a plan made while a table was
empty must still be right when it is full: every row is found by an index.
"""


class DirectConnection:
    """A connection that is made when needed and given up after any trouble on it.

    Args:
        url: the database's address.
        application_name: shown in `pg_stat_activity`.
        durable: whether a commit waits for the disk. Without, a crash of the server (not of this process) may
            undo the last moments' commits.
    """

    def __init__(self, url: URL, *, application_name: str, durable: bool = True) -> None:
        self._url = url
        self._is_pooled = is_pooled(url)
        self._application_name = application_name
        self._settings = LOOKUPS_BY_INDEX | {
            "timezone": "UTC",
            "lock_timeout": f"{LOCK_SECONDS}s",
            "default_transaction_isolation": "read committed",
        }
        if not durable:
            self._settings["synchronous_commit"] = "off"
        self._connection: Connection = None
        self._leaving: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()

    async def fetch(self, statement: str, *arguments: object) -> list[Any]:
        """Run one statement in its own transaction and return its rows.

        Raises:
            UNREACHABLE: the statement failed, or whether it took effect is unknown; `TimeoutError` also when
                others had the connection for too long.
        """
        if self._is_pooled:
            async with self.transaction() as connection:
                return await connection.fetch(statement, *arguments)
        async with self._opened() as connection:
            return await connection.fetch(statement, *arguments)

    async def fetch_each(self, statement: str, rows: list[Arguments]) -> list[Any]:
        """Run a statement that returns one row once for each of some arguments, all in one transaction.

        Raises:
            UNREACHABLE: as `fetch` does.
        """
        if self._is_pooled:
            async with self.transaction() as connection:
                return await connection.fetchmany(statement, rows)
        async with self._opened() as connection:
            return await connection.fetchmany(statement, rows)

    @asynccontextmanager
    async def transaction(self, *first: str) -> AsyncGenerator[Connection]:
        """Open a transaction around the block; statements that begin it go out together.

        Raises:
            UNREACHABLE: as `fetch` does.
        """
        settings = [for_this_transaction(self._settings)] if self._is_pooled else []
        async with self._opened() as connection:
            await connection.execute("; ".join(["BEGIN", *settings, *first]))
            yield connection
            await connection.execute("COMMIT")

    async def in_turn(
        self, lock: int, write: "Callable[[Turn], Awaitable[T]]", written: Callable[[T], None]
    ) -> None:
        """Let `write` read and write while an advisory lock is held; the lock is taken when it first reads.

        `written` is handed what that returned, once it is committed.

        Raises:
            UNREACHABLE: as `fetch` does.
        """
        if self._is_pooled:
            async with self.transaction(f"SELECT pg_advisory_xact_lock({lock})") as connection:
                result = await write(Turn(connection))
            written(result)
            return
        async with self._opened() as connection:
            turn = Turn(connection, lock)
            written(await write(turn))
            await turn.end()

    @asynccontextmanager
    async def _opened(self) -> AsyncGenerator[Connection]:
        async with asyncio.timeout(COMMAND_SECONDS):
            await self._turn.acquire()
        try:
            if self._connection is None or self._connection.is_closed():
                self._connection = await connect(
                    self._url, application_name=self._application_name, settings=self._settings
                )
            yield self._connection
        except BaseException:
            self.drop()
            raise
        finally:
            self._turn.release()

    def drop(self) -> None:
        """Give the connection up, with what is under way; the next statement makes a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            leaving = asyncio.get_running_loop().create_task(leave(connection))
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)

    async def close(self) -> None:
        """Close, waiting at most a second."""
        self.drop()
        await asyncio.gather(*self._leaving)


class Turn:
    """A turn at an advisory lock: some reads, then one statement that writes, committed while it is held.

    Args:
        connection: for statements that need no lock, too.
        lock: taken with the first read and given back with the commit; None where a transaction has it.

    Attributes:
        session: the connection where it is a session of the database for as long as it lasts, else None.
    """

    def __init__(self, connection: Connection, lock: int | None = None) -> None:
        self.connection = connection
        self.session: Connection = None if lock is None else connection
        self._lock = lock
        self._is_held = False

    async def read(self, statement: str, *arguments: object) -> list[Any]:
        """Return a statement's rows. Its `$1` is the lock to take, or NULL: then it reads.

        The first time it is run twice, in one round trip: what a statement sees is from when it began, so the
        one that waits for the lock would miss what was committed meanwhile. It returns one row, not returned.
        """
        if self._lock is None or self._is_held:
            return await self.connection.fetch(statement, None, *arguments)
        both = [(self._lock, *arguments), (None, *arguments)]
        rows: list[Any] = await self.connection.fetchmany(statement, both)
        self._is_held = True
        return rows[1:]

    async def write(self, statement: str, rows: Sequence[Arguments]) -> list[Any]:
        """Run a statement for each of some arguments in one transaction; return the row that each returns.

        Its last argument is the lock that is to end with the transaction, or NULL.
        """
        *others, last = rows
        self._is_held = False
        return await self.connection.fetchmany(
            statement, [*((*row, None) for row in others), (*last, self._lock)]
        )

    async def end(self) -> None:
        """Give the lock back where it was taken and nothing written."""
        if self._is_held:
            await self.connection.execute(f"SELECT pg_advisory_unlock({self._lock})")


class DatabaseUnreachable(ConnectionError):
    """PostgreSQL gave no answer; whether the statement took effect is unknown."""


class DirectPool:
    """Several direct connections, each made when first needed; the one used last is taken first.

    Args:
        url: the database's address.
        application_name: shown in `pg_stat_activity`.
        size: how many statements may run at once.
        notifier: reached by `wake`.
    """

    def __init__(
        self, url: URL, *, application_name: str, size: int, notifier: Notifier | None = None
    ) -> None:
        self._notifier = notifier
        self._together: dict[str, RunTogether] = {}
        self._connections = [DirectConnection(url, application_name=application_name) for _ in range(size)]
        self._free: asyncio.LifoQueue[DirectConnection] = asyncio.LifoQueue()
        for connection in self._connections:
            self._free.put_nowait(connection)

    async def fetch(self, statement: str, *arguments: object) -> list[Any]:
        """Run one statement in its own transaction and return its rows.

        Raises:
            DatabaseUnreachable: there was no connection in time, or no answer.
            asyncpg.PostgresError: the statement failed and changed nothing.
        """
        async with self._one() as connection:
            return await connection.fetch(statement, *arguments)

    async def fetch_together(self, statement: str, *arguments: object) -> Any:
        """Run a statement that returns one row, in one transaction with its like of this moment.

        If that fails, each is run by itself: nobody fails for another's sake.

        Raises:
            As `fetch`.
        """
        together = self._together.get(statement)
        if together is None:
            together = self._together[statement] = RunTogether(partial(self._fetch_each, statement))
        return await together.fetch(arguments)

    async def _fetch_each(self, statement: str, rows: list[Arguments]) -> list[Any]:
        async with self._one() as connection:
            return await connection.fetch_each(statement, rows)

    @asynccontextmanager
    async def _one(self) -> AsyncGenerator[DirectConnection]:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                connection = await self._free.get()
            try:
                yield connection
            finally:
                self._free.put_nowait(connection)
        except NO_ANSWER as error:
            raise DatabaseUnreachable(reason_of(error)) from error

    def wake(self, *subjects: str) -> None:
        """Wake whoever listens for `subjects`; for after the statement that changed something."""
        if self._notifier is not None:
            self._notifier.send(subjects)

    async def close(self) -> None:
        """Close all connections, waiting at most a second."""
        await asyncio.gather(*(connection.close() for connection in self._connections))
