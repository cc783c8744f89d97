"""Rows as the driver gives them, of queries that are compiled once: for what is read with every page.

SQLAlchemy's own way to the same rows costs several times what asking for them does.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.ext.asyncio import AsyncSession


class PlainQuery:
    """A query whose rows come as asyncpg's records: types are PostgreSQL's own.

    Args:
        query: with a `bindparam` for each value that differs.

    Attributes:
        text: as it goes to the server, once it has.
    """

    def __init__(self, query: Select[*tuple[Any, ...]]) -> None:
        self._query = query
        self.text = ""
        self._values: list[tuple[str, object]] = []

    async def rows(self, session: AsyncSession, **values: object) -> list[Any]:
        """Return the rows, read over a session's connection and in its transaction.

        Where nothing has been changed in that yet, the query is a transaction of its own. To what follows
        that makes no difference, for each statement sees what was committed before it (READ COMMITTED).

        Args:
            session: has begun a transaction.
            values: of all `bindparam`s, the same ones every time.

        Raises:
            asyncpg.PostgresError: the query failed.
            NO_ANSWER: the database is away.
        """
        if not self.text:
            self._compile(values)
        if session.new or session.dirty or session.deleted:
            await session.flush()
        connection = await (await session.connection()).get_raw_connection()
        driver: Any = connection.driver_connection
        return await driver.fetch(self.text, *[values.get(name, value) for name, value in self._values])

    def _compile(self, values: Mapping[str, object]) -> None:
        query = self._query.compile(dialect=dialect()).construct_expanded_state(dict.fromkeys(values))
        self._values = [(name, query.parameters[name]) for name in query.positiontup or ()]
        self.text = query.statement
