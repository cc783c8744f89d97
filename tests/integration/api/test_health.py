"""What load balancers are told: the truth about the schema, and quickly, however busy the process is."""

from contextlib import AsyncExitStack

import asyncpg
from litestar import Litestar
from litestar.testing import AsyncTestClient
from sqlalchemy import URL, text

from migrations.revision import older_revisions
from shared.config import Settings
from shared.database import SessionFactory
from tests.integration.conftest import Client


async def _run(database: URL, statement: str) -> None:
    connection = await asyncpg.connect(
        database.set(drivername="postgresql").render_as_string(hide_password=False)
    )
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def test_a_migrated_database_is_healthy(client: Client):
    answer = await client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "database": "ok"})


async def test_an_older_schema_is_not_healthy_and_a_newer_one_is(client: Client, database: URL):
    schema = "communication_service.alembic_version"
    try:
        await _run(database, f"ALTER TABLE {schema} RENAME TO elsewhere")
        answer = await client.get("/health")
        assert (answer.status_code, answer.json()["database"]) == (503, "not migrated")
        await _run(database, f"CREATE TABLE {schema} AS SELECT '0001' AS version_num")
        answer = await client.get("/health")
        assert (answer.status_code, answer.json()["database"]) == (503, "not migrated")
        for older in sorted(older_revisions()):
            await _run(database, f"UPDATE {schema} SET version_num = '{older}'")
            assert (await client.get("/health")).status_code == 503, older
        await _run(database, f"UPDATE {schema} SET version_num = '9999'")
        assert (await client.get("/health")).status_code == 200
    finally:
        await _run(database, f"DROP TABLE IF EXISTS {schema}")
        await _run(database, "ALTER TABLE communication_service.elsewhere RENAME TO alembic_version")


async def test_it_answers_while_every_pooled_connection_is_busy(app: Litestar, config: Settings):
    async with AsyncTestClient(app) as client, AsyncExitStack() as busy:
        sessions: SessionFactory = app.state.sessions
        for _ in range(config.db_pool_size):
            session = await busy.enter_async_context(sessions())
            await session.execute(text("SELECT 1"))
        assert (await client.get("/health")).status_code == 200
