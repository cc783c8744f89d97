"""Rows as the driver gives them, of queries that are compiled once: for what is read with every page.

SQLAlchemy's own way to the same rows costs several times what asking for them does.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

from sqlalchemy import BindParameter, Delete, SelectBase, Update, bindparam
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.visitors import replacement_traverse

DRIVER = "driver"
"""Where a session keeps its transaction and the connection that has."""

NOTHING = "SELECT"
"""SQLAlchemy has the server begin a transaction with the first statement of its own."""


class PlainQuery:
    """A query whose rows come as asyncpg's records: types are PostgreSQL's own.

    Args:
        query: with a `bindparam` for each value that differs.

    Attributes:
        text: as it goes to the server, once it has.
    """

    def __init__(self, query: SelectBase | Update | Delete) -> None:
        self._query = query
        self.text = ""
        self._names: list[str] = []

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
        text, *arguments = self.asked(**values)
        if _has_changes(session):
            await session.flush()
        driver = await _driver_of(session)
        return await driver.fetch(text, *arguments)

    async def run(self, session: AsyncSession, **values: object) -> list[Any]:
        """Return the rows, in a transaction that has begun for the server, too: for what locks or writes.

        Args and raises:
            As `rows`.
        """
        if not (await _driver_of(session)).is_in_transaction():
            await (await session.connection()).exec_driver_sql(NOTHING)
        return await self.rows(session, **values)

    def asked(self, **values: object) -> Sequence[Any]:
        """Return the statement with its arguments, for a connection that is no session's."""
        if not self.text:
            self._compile(values)
        return [self.text, *[values[name] for name in self._names]]

    def _compile(self, values: Mapping[str, object]) -> None:
        query: Any = replacement_traverse(self._query, {}, _written_out)
        state = query.compile(dialect=dialect()).construct_expanded_state(dict.fromkeys(values))
        self._names = list(state.positiontup or ())
        self.text = state.statement


@asynccontextmanager
async def keeping_plans(session: AsyncSession) -> AsyncGenerator[None]:
    """Let PostgreSQL keep the plans of the plain queries that are asked meanwhile, and nothing else is.

    A plan without the values takes the place of one made anew each time, so it has to be right for all.
    Where a transaction has begun or something is still to be written, nothing changes. An error ends the
    connection.
    """
    driver = await _driver_of(session)
    if driver.is_in_transaction() or _has_changes(session):
        yield
        return
    try:
        await driver.execute("BEGIN; SET LOCAL plan_cache_mode = force_generic_plan")
        yield
        await driver.execute("COMMIT")
    except BaseException:
        driver.terminate()
        raise


def _has_changes(session: AsyncSession) -> bool:
    return bool(session.new or session.dirty or session.deleted)


async def _driver_of(session: AsyncSession) -> Any:
    """Return the driver's connection of a session's transaction; it is looked for once in each."""
    transaction, driver = session.info.get(DRIVER, (None, None))
    if transaction is None or transaction is not session.sync_session.get_transaction():
        connection = await (await session.connection()).get_raw_connection()
        driver = connection.driver_connection
        session.info[DRIVER] = (session.sync_session.get_transaction(), driver)
    return driver


def _written_out(element: Any, **_: Any) -> Any:
    """Write what never differs into the statement: without, a plan knows no index of some rows only."""
    if not isinstance(element, BindParameter) or element.required:
        return None
    constant = cast("BindParameter[Any]", element)
    return bindparam(
        None,
        constant.value,
        type_=constant.type,
        unique=True,
        expanding=constant.expanding,
        literal_execute=True,
    )
