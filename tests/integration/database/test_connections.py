"""Pooled connections after the server has ended them, as it does when it restarts."""

from collections.abc import AsyncGenerator

import asyncpg
import pytest
from sqlalchemy import URL, text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.config import Settings
from shared.database import create_engine
from shared.direct_connection import DatabaseUnreachable, DirectPool
from tests.eventually import eventually

END = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = $1
"""


@pytest.fixture
async def engine(config: Settings) -> AsyncGenerator[AsyncEngine]:
    """One of its own: of several idle connections nobody knows which is taken, and others need theirs."""
    engine = create_engine(config, application_name="ended")
    yield engine
    await engine.dispose()


async def end_connections(database: URL, application_name: str) -> None:
    dsn = database.set(drivername="postgresql").render_as_string(hide_password=False)
    connection = await asyncpg.connect(dsn)
    try:
        assert await connection.fetch(END, application_name)
    finally:
        await connection.close()


async def test_the_pool_replaces_a_connection_the_server_has_closed(database: URL, engine: AsyncEngine):
    async with engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
    assert driver is not None
    await end_connections(database, "ended")

    async def is_closed() -> bool:
        return driver.is_closed()

    await eventually(is_closed)
    async with engine.connect() as connection:
        assert await connection.scalar(text("SELECT 1")) == 1


async def test_direct_connections_are_made_anew(database: URL, statements: DirectPool):
    await statements.fetch("SELECT 1")
    await end_connections(database, "test")

    async def answers() -> bool:
        try:
            return bool(await statements.fetch("SELECT 1"))
        except DatabaseUnreachable:
            return False

    await eventually(answers)


async def test_no_server_is_an_error_of_its_own(database: URL):
    nowhere = database.set(query={}, host="127.0.0.1", port=1)
    statements = DirectPool(nowhere, application_name="test", size=1)
    with pytest.raises(DatabaseUnreachable):
        await statements.fetch("SELECT 1")


async def test_a_wrong_statement_is_not_the_servers_absence(statements: DirectPool):
    with pytest.raises(asyncpg.DivisionByZeroError):
        await statements.fetch("SELECT 1 / 0")
    assert await statements.fetch("SELECT 1")
