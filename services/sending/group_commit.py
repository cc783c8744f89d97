"""Group commit: what waits to be written is written together, in one statement and one commit."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Generic, TypeVar

from shared.backoff import Backoff
from shared.database_errors import UNREACHABLE
from shared.direct_connection import DirectConnection
from shared.heartbeat import turned
from shared.outage import Outage

T = TypeVar("T")

RETRY = Backoff.of_seconds(0.1, 2)
WORTH_A_COMMIT = 8
BLOCKED_SECONDS = 1.0
"""How long what belongs to a row that somebody else locks waits before it is tried again."""


class GroupCommit(Generic[T]):
    """Group commit over one connection: while one write is under way, the next group gathers.

    Args:
        write: writes a group and returns what could not be written because somebody else is at its row.
        name: of this part of the loop it belongs to.
        gather_seconds: how long a group gathers, unless it is worth a commit before.
        gather_turns: for how many turns of the event loop it gathers: long enough for what is ready anyway,
            and too short for anybody to wait.
    """

    def __init__(
        self,
        connection: DirectConnection,
        write: Callable[[DirectConnection, list[T]], Awaitable[list[T]]],
        *,
        name: str,
        gather_seconds: float = 0,
        gather_turns: int = 0,
    ) -> None:
        self._connection = connection
        self._write = write
        self._name = name
        self._gather_seconds = gather_seconds
        self._gather_turns = gather_turns
        self._waiting: list[T] = []
        self._unwritten = 0
        self._changed = asyncio.Condition()
        self._wanted = asyncio.Event()
        self._urgent = asyncio.Event()
        self._outage = Outage("ledger_waits")
        self.failing = False
        """Whether the last write failed and is going to be tried again."""

    def add(self, item: T) -> None:
        """Hand in an item."""
        self._waiting.append(item)
        self._unwritten += 1
        self._wanted.set()
        if len(self._waiting) >= WORTH_A_COMMIT:
            self._urgent.set()

    async def at_most(self, unwritten: int) -> None:
        """Wait until at most so many items are not written yet."""
        if self._unwritten > unwritten:
            self._urgent.set()
            async with self._changed:
                await self._changed.wait_for(lambda: self._unwritten <= unwritten)

    async def run(self) -> None:
        """Write until cancelled; a group that can't be written waits for the database and goes first."""
        failures = 0
        while True:
            turned(within=None, part=self._name)
            await self._wanted.wait()
            turned(part=self._name)
            if self._gather_seconds:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._gather_seconds):
                        await self._urgent.wait()
                self._urgent.clear()
            for _ in range(self._gather_turns):
                await asyncio.sleep(0)
            self._wanted.clear()
            group, self._waiting = self._waiting, []
            try:
                blocked = await self._write(self._connection, group)
            except UNREACHABLE as error:
                failures += 1
                self._outage.note(error)
                self._put_back(group)
                self.failing = True
                await asyncio.sleep(RETRY.seconds(failures))
                continue
            except BaseException:
                # Written or not: the token keeps a second write from doing anything.
                self._put_back(group)
                raise
            self._outage.over()
            self.failing = False
            failures = 0
            self._unwritten -= len(group) - len(blocked)
            if blocked:
                asyncio.get_running_loop().call_later(BLOCKED_SECONDS, self._put_back, blocked)
            async with self._changed:
                self._changed.notify_all()

    def _put_back(self, group: list[T]) -> None:
        self._waiting[:0] = group
        self._wanted.set()
