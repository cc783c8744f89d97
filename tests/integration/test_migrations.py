import asyncio
from collections.abc import Generator
from uuid import uuid4

import asyncpg
import pytest
from alembic import command
from sqlalchemy import URL

from webapp.demo.postgres import EmbeddedPostgres
from webapp.schema import alembic_config


async def _execute(url: URL, statement: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False))
    try:
        return await connection.fetch(statement)
    finally:
        await connection.close()


@pytest.fixture
def empty_database(postgres: EmbeddedPostgres) -> Generator[URL]:
    name = f"migrations_{uuid4().hex}"
    asyncio.run(_execute(postgres.url(), f"CREATE DATABASE {name}"))
    yield postgres.url(name)
    asyncio.run(_execute(postgres.url(), f"DROP DATABASE {name} WITH (FORCE)"))


def test_migrations_lead_to_exactly_the_schema_of_the_models_and_back(empty_database: URL):
    alembic = alembic_config(empty_database)

    command.upgrade(alembic, "head")
    command.check(alembic)
    command.downgrade(alembic, "base")
    left = asyncio.run(
        _execute(
            empty_database,
            "SELECT relname FROM pg_class WHERE relnamespace = 'communication_service'::regnamespace"
            " AND relname NOT LIKE 'alembic%' UNION ALL SELECT typname FROM pg_type"
            " WHERE typnamespace = 'communication_service'::regnamespace AND typname NOT LIKE '%alembic%'",
        )
    )
    assert left == []
    command.upgrade(alembic, "head")
    command.check(alembic)
