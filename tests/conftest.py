"""What every test may ask for: a database of its own on a real PostgreSQL, settings, sessions, a clock."""

import asyncio
import os
import tempfile
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from alembic import command
from alembic.config import Config
from hypothesis import settings as hypothesis_settings
from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from services.models import SCHEMA, Base, FreedTime
from services.rules import DeskRules
from shared.config import Settings
from shared.config.settings import load_settings
from shared.database import SessionFactory, create_engine, create_session_factory
from shared.direct_connection import DirectPool
from tests.clock import FakeClock
from tests.postgresql.programs import programs_of
from webapp.demo.servers.postgres import BIN, EmbeddedPostgres

hypothesis_settings.register_profile("no clock", deadline=None)
hypothesis_settings.load_profile("no clock")

TEMPLATE = "template_calldesk"
ROLES = Path(__file__).parent.parent / "deploy/postgresql/roles.sql"
OWNER, RUNTIME_ROLE = "calldesk_owner", "calldesk"
VERSION = os.environ.get("TEST_POSTGRESQL")
"""Another PostgreSQL than the embedded one; the application then runs as the role that changes rows only."""

KEPT = "calldesk-web"
"""What the engine's connections are called: those nobody uses stay for the next test."""

TABLES = [table.fullname for table in (*Base.metadata.sorted_tables, FreedTime.__table__)]
"""The last one holds what the database writes when the calls are deleted."""

HINTS = "calldesk-hints"
"""Likewise those for hints, of which every application that starts opens two."""

EMPTY = f"""
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND (application_name NOT IN ('{KEPT}', '{HINTS}') OR state IS DISTINCT FROM 'idle');
    SET session_replication_role = replica;
    {"; ".join(f"DELETE FROM {table}" for table in TABLES)};
    SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, 1, false)
    FROM pg_sequences WHERE schemaname = '{SCHEMA}';
"""
ENDED = (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.OperatorInterventionError)
"""How a connection says that a test has ended it."""

FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "200"}


async def _admin(server: EmbeddedPostgres, statement: str, database: str = "postgres") -> None:
    dsn = server.url(database).set(drivername="postgresql").render_as_string(hide_password=False)
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


class Broom:
    """Empties a database, over a connection that knows its statements by now: a new one learns them anew."""

    def __init__(self, url: URL) -> None:
        self._address = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._runner = asyncio.Runner()
        self._connection: Any = None

    def sweep(self) -> None:
        """End all connections but the engine's idle ones, delete the rows, let numbers begin at 1 again."""
        try:
            self._runner.run(self._sweep())
        except ENDED:
            self._connection = None
            self._runner.run(self._sweep())

    def close(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
        self._runner.close()

    async def _sweep(self) -> None:
        if self._connection is None:
            self._connection = await asyncpg.connect(self._address)
        await self._connection.execute(EMPTY)


def migrate(url: URL) -> None:
    alembic = Config("alembic.ini")
    alembic.attributes["url"] = url
    command.upgrade(alembic, "head")


@pytest.fixture(scope="session")
def postgres() -> Generator[EmbeddedPostgres]:
    """One server for the test process, with a migrated template database."""
    programs = programs_of(int(VERSION)) if VERSION else BIN
    with tempfile.TemporaryDirectory(prefix="calldesk-test-", ignore_cleanup_errors=True) as folder:
        server = EmbeddedPostgres(Path(folder) / "pg", FAST, programs)
        server.start()
        asyncio.run(_admin(server, f"CREATE DATABASE {TEMPLATE}"))
        asyncio.run(_admin(server, ROLES.read_text(), TEMPLATE))
        migrate(server.url(TEMPLATE).set(username=OWNER))
        yield server
        server.stop()


@pytest.fixture(scope="session")
def migrated_database(postgres: EmbeddedPostgres) -> URL:
    """The database the tests of this process use one after the other."""
    asyncio.run(_admin(postgres, f"CREATE DATABASE calldesk_test TEMPLATE {TEMPLATE}"))
    return postgres.url("calldesk_test")


@pytest.fixture(scope="session")
def broom(migrated_database: URL) -> Generator[Broom]:
    broom = Broom(migrated_database)
    yield broom
    broom.close()


@pytest.fixture
def database(migrated_database: URL, broom: Broom) -> Generator[URL]:
    """A migrated, empty database: emptied after the test, for making one takes longer than most tests."""
    yield migrated_database
    broom.sweep()


@pytest.fixture(scope="session")
def settings_of_tests(migrated_database: URL) -> Settings:
    role = {"username": RUNTIME_ROLE} if VERSION else {}
    return load_settings(
        env_file=None,
        app_env="testing",
        database_url=migrated_database.set(**role).render_as_string(hide_password=False),
        log_level="WARNING",
    )


@pytest.fixture
def config(database: URL, settings_of_tests: Settings) -> Settings:
    """Settings of a test: its own database, nothing read from a `.env` file."""
    return settings_of_tests


@pytest.fixture
def rules(config: Settings) -> DeskRules:
    return DeskRules.from_settings(config)


@pytest.fixture
def clock() -> FakeClock:
    """Wednesday, 14 October 2026, 10:42 in Berlin."""
    return FakeClock()


@pytest.fixture(scope="session")
def engine_of_tests(settings_of_tests: Settings) -> AsyncEngine:
    """One for the test process: it knows every statement, and its connections the tables, by now."""
    return create_engine(settings_of_tests, application_name=KEPT)


@pytest.fixture
def engine(database: URL, engine_of_tests: AsyncEngine) -> AsyncEngine:
    """The engine over this test's database; to learn all that anew takes longer than most tests."""
    return engine_of_tests


@pytest.fixture
def sessions(engine: AsyncEngine) -> SessionFactory:
    return create_session_factory(engine)


@pytest.fixture
async def session(sessions: SessionFactory) -> AsyncGenerator[AsyncSession]:
    async with sessions() as session:
        yield session


@pytest.fixture
async def statements(config: Settings) -> AsyncGenerator[DirectPool]:
    statements = DirectPool(config.get_database_url(), application_name="test", size=4)
    yield statements
    await statements.close()
