"""Notes what is asked of the database, over SQLAlchemy or past it."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from shared.direct_connection import DirectPool
from shared.plain_rows import PlainQuery


@contextmanager
def noting(engine: AsyncEngine, note: Callable[[str], None]) -> Generator[None]:
    """Call `note` with each statement of an engine inside the block, and with anybody's single statements."""
    rows, fetch = PlainQuery.rows, DirectPool.fetch

    def over_sqlalchemy(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        note(statement)

    async def plain(query: PlainQuery, session: AsyncSession, **values: object) -> list[Any]:
        found = await rows(query, session, **values)
        note(query.text)
        return found

    async def single(pool: DirectPool, statement: str, *arguments: object) -> list[Any]:
        note(statement)
        return await fetch(pool, statement, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PlainQuery, "rows", plain)
        patch.setattr(DirectPool, "fetch", single)
        event.listen(engine.sync_engine, "before_cursor_execute", over_sqlalchemy)
        try:
            yield
        finally:
            event.remove(engine.sync_engine, "before_cursor_execute", over_sqlalchemy)
