"""Empty databases, and plain statements over them."""

import asyncio
from collections.abc import Generator
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import URL

from tests.conftest import OWNER
from webapp.demo.servers.postgres import EmbeddedPostgres


async def execute(url: URL, *statements: str) -> list[asyncpg.Record]:
    """Run statements over one connection and return the last one's rows."""
    connection = await asyncpg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False))
    try:
        for statement in statements[:-1]:
            await connection.execute(statement)
        return await connection.fetch(statements[-1])
    finally:
        await connection.close()


@pytest.fixture
def empty_database(postgres: EmbeddedPostgres) -> Generator[URL]:
    name = f"migrations_{uuid4().hex}"
    asyncio.run(execute(postgres.url(), f"CREATE DATABASE {name} OWNER {OWNER}"))
    yield postgres.url(name).set(username=OWNER)
    asyncio.run(execute(postgres.url(), f"DROP DATABASE {name} WITH (FORCE)"))


def stored(url: URL, columns: str, table: str) -> list[tuple[object, ...]]:
    statement = f"SELECT {columns} FROM communication_service.{table} ORDER BY id"
    return [tuple(row) for row in asyncio.run(execute(url, statement))]
