"""Notes what is asked of the database, over SQLAlchemy or past it."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from shared.plain_rows import PlainQuery


@contextmanager
def noting(engine: AsyncEngine, note: Callable[[str], None]) -> Generator[None]:
    """Call `note` with each statement of an engine, and each plain query of anybody, inside the block."""
    rows = PlainQuery.rows

    def over_sqlalchemy(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        note(statement)

    async def plain(query: PlainQuery, session: AsyncSession, **values: object) -> list[Any]:
        found = await rows(query, session, **values)
        note(query.text)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PlainQuery, "rows", plain)
        event.listen(engine.sync_engine, "before_cursor_execute", over_sqlalchemy)
        try:
            yield
        finally:
            event.remove(engine.sync_engine, "before_cursor_execute", over_sqlalchemy)
