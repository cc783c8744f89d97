"""Asks the database something and computes until the answer is there: two processors, one connection."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

T = TypeVar("T")

TURNS_TO_SEND = 2
"""So many turns of the loop it takes until the question has gone out: one to ask it, one to write."""


@asynccontextmanager
async def under_way(question: Coroutine[Any, Any, T]) -> AsyncGenerator[asyncio.Task[T]]:
    """Have a question asked before the block runs; at the end of the block its answer is there.

    The block computes only: whatever waits on the same connection belongs behind it.
    """
    task = asyncio.get_running_loop().create_task(question)
    try:
        for _ in range(TURNS_TO_SEND):
            await asyncio.sleep(0)
        yield task
        await task
    except BaseException:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise
