"""What load balancers are told: the truth about the schema, and quickly, however busy the process is."""

from contextlib import AsyncExitStack

import asyncpg
from litestar import Litestar
from sqlalchemy import URL, text

from migrations.revision import older_revisions
from services.sending.hold import hold_queue
from shared.config import Settings
from shared.database import SessionFactory
from shared.heartbeat import Heartbeats
from tests.integration.conftest import Client
from tests.work import work_of


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


async def test_who_is_ready_says_so(client: Client):
    answer = await client.get("/health/ready")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready", "reasons": [], "held": False})


async def test_what_stands_in_the_way_is_named(client: Client, database: URL):
    schema = "communication_service.alembic_version"
    try:
        await _run(database, f"ALTER TABLE {schema} RENAME TO elsewhere")
        answer = await client.get("/health/ready")
    finally:
        await _run(database, "ALTER TABLE communication_service.elsewhere RENAME TO alembic_version")
    assert (answer.status_code, answer.json()["reasons"]) == (503, ["not_migrated"])


async def test_without_a_database_it_lives_and_is_not_ready(app: Litestar, config: Settings):
    gone = config.get_database_url().set(database="gone")
    app.state["config"] = config.model_copy(
        update={"database_url": gone.render_as_string(hide_password=False)}
    )
    async with Client(app) as client:
        answer = await client.get("/health/ready")
        assert (answer.status_code, answer.json()["reasons"]) == (503, ["database_unreachable"])
        assert (await client.get("/health/live")).json() == {"status": "live", "hung": []}


async def test_a_held_queue_is_said_and_pages_are_served_all_the_same(
    client: Client, sessions: SessionFactory
):
    async with sessions() as session:
        await hold_queue(work_of(session), "wrong attachment")
    answer = await client.get("/health/ready")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready", "reasons": [], "held": True})
    assert (await client.get("/health")).status_code == 200


async def test_a_loop_that_hangs_is_not_live(client: Client, app: Litestar):
    now = [0.0]
    app.state["heartbeats"] = Heartbeats(lambda: now[0])
    app.state.heartbeats.of("listener").turn(within=30)
    assert (await client.get("/health/live")).status_code == 200
    now[0] = 31
    answer = await client.get("/health/live")
    assert (answer.status_code, answer.json()) == (503, {"status": "hung", "hung": ["listener"]})


async def test_it_answers_while_every_pooled_connection_is_busy(app: Litestar, config: Settings):
    async with Client(app) as client, AsyncExitStack() as busy:
        sessions: SessionFactory = app.state.sessions
        for _ in range(config.db_pool_size):
            session = await busy.enter_async_context(sessions())
            await session.execute(text("SELECT 1"))
        assert (await client.get("/health")).status_code == 200
