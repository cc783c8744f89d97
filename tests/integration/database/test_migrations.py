import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import Generator
from uuid import uuid4

import asyncpg
import pytest
from alembic import command
from sqlalchemy import URL

from migrations.upgrade import alembic_config
from tests.eventually import eventually
from webapp.demo.servers.postgres import EmbeddedPostgres

LOCK = "hashtext('communication_service.migrate')"
WAITING = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


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


async def test_two_processes_that_migrate_an_empty_database_wait_for_each_other(empty_database: URL):
    address = empty_database.set(drivername="postgresql").render_as_string(hide_password=False)
    holder = await asyncpg.connect(address)
    await holder.execute(f"SELECT pg_advisory_lock({LOCK})")
    environment = os.environ | {"APP_ENV": "testing", "DATABASE_URL": address}
    command_line = (sys.executable, "-m", "webapp.cli", "migrate")
    both = [await asyncio.create_subprocess_exec(*command_line, env=environment, stderr=PIPE) for _ in "12"]

    async def both_wait() -> bool:
        return len(await holder.fetch(WAITING)) == 2

    await eventually(both_wait)
    await holder.close()
    complaints = [(await process.communicate())[1].decode() for process in both]
    assert [process.returncode for process in both] == [0, 0], complaints
    await asyncio.to_thread(command.check, alembic_config(empty_database))


def test_a_phone_field_too_long_for_the_older_schema_waits_there_for_its_next_refresh(empty_database: URL):
    alembic = alembic_config(empty_database)

    def fields(statement: str) -> list[str | None]:
        return [row["telefon"] for row in asyncio.run(_execute(empty_database, statement))]

    command.upgrade(alembic, "0006")
    fields(
        "INSERT INTO communication_service.therapists (id, vorname, nachname, telefon, abgerufen_at)"
        " SELECT n, 'Eva', 'Roth', '030 23125101', now() FROM generate_series(1, 2) n RETURNING telefon"
    )
    command.upgrade(alembic, "0008")
    long = "030 23125101 (Sekretariat, nur vormittags) oder 0171 2345678"
    fields(f"UPDATE communication_service.therapists SET telefon = '{long}' WHERE id = 2")
    kept = "SELECT telefon FROM communication_service.therapists ORDER BY id"
    assert fields(kept) == ["030 23125101", long]
    command.downgrade(alembic, "0006")
    assert fields(kept) == ["030 23125101", None]
    command.upgrade(alembic, "head")


def test_what_is_sent_or_has_failed_is_no_longer_due(empty_database: URL):
    alembic = alembic_config(empty_database)

    def due(statement: str) -> list[bool]:
        return [row["due"] for row in asyncio.run(_execute(empty_database, statement))]

    command.upgrade(alembic, "0010")
    due(
        "INSERT INTO communication_service.emails (therapist_id, betreff, body_html, body_text,"
        " empfaenger_email, empfaenger_name, absender_email, absender_name, message_id, status, sent_at,"
        " naechster_versuch_at) SELECT 1, 'A', 'A', 'A', 'a@b.example', 'A', 'a@b.example', 'A', status,"
        " status::communication_service.emailstatus, now(), now() FROM unnest(ARRAY['QUEUED', 'SENDING',"
        " 'SENT', 'FAILED']) status RETURNING true AS due"
    )
    command.upgrade(alembic, "0013")
    left = "SELECT naechster_versuch_at IS NOT NULL AS due FROM communication_service.emails ORDER BY id"
    assert due(left) == [True, True, False, False]
    command.downgrade(alembic, "0010")
    command.upgrade(alembic, "head")
