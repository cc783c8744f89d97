"""What many ask of the database at the same moment is asked together, in one transaction.

While some are under way, the next gather: so all of them share one round trip and one wait for the disk, and
who comes alone waits for nobody.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

import asyncpg

MOST_AT_ONCE = 32

Arguments = tuple[object, ...]


class _Asked(NamedTuple):
    arguments: Arguments
    answer: "asyncio.Future[Any]"


class RunTogether:
    """Runs one statement for all who wait for it.

    Args:
        run: runs it for each of some arguments, all in one transaction, and returns a row for each.
    """

    def __init__(self, run: Callable[[list[Arguments]], Awaitable[Sequence[Any]]]) -> None:
        self._run_for = run
        self._waiting: list[_Asked] = []
        self._working: asyncio.Task[None] | None = None

    async def fetch(self, arguments: Arguments) -> Any:
        """Return the row for some arguments.

        Raises:
            asyncpg.PostgresError: the statement failed with these arguments, and changed nothing.
            Exception: as `run` does.
        """
        asked = _Asked(arguments, asyncio.get_running_loop().create_future())
        self._waiting.append(asked)
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
        return await asked.answer

    async def _work(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            try:
                await self._run(group)
            except BaseException as error:
                behind, self._waiting = self._waiting, []
                _fail([*group, *behind], error)
                raise

    async def _run(self, group: list[_Asked]) -> None:
        try:
            rows = await self._run_for([asked.arguments for asked in group])
        except asyncpg.PostgresError as error:
            if len(group) == 1:
                _fail(group, error)
            else:
                await asyncio.gather(*(self._run([asked]) for asked in group))
        except Exception as error:
            _fail(group, error)
        else:
            for asked, row in zip(group, rows, strict=True):
                if not asked.answer.done():
                    asked.answer.set_result(row)


def _fail(group: Sequence[_Asked], error: BaseException) -> None:
    for asked in group:
        if not asked.answer.done():
            asked.answer.set_exception(error)
