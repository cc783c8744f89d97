import asyncio
import os
import sys
from asyncio.subprocess import PIPE

import asyncpg
from alembic import command
from sqlalchemy import URL
from structlog.testing import capture_logs

from migrations.upgrade import alembic_config, upgrade
from shared.config.settings import load_settings
from tests.eventually import eventually
from tests.integration.database.conftest import execute
from webapp.demo.sample.day import load_sample_day

LOCK = "hashtext('communication_service.migrate')"
WAITING = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'calldesk-migrate'
"""


def test_migrations_lead_to_exactly_the_schema_of_the_models_and_back(empty_database: URL):
    alembic = alembic_config(empty_database)

    command.upgrade(alembic, "head")
    command.check(alembic)
    command.downgrade(alembic, "base")
    left = asyncio.run(
        execute(
            empty_database,
            "SELECT relname FROM pg_class WHERE relnamespace = 'communication_service'::regnamespace"
            " AND relname NOT LIKE 'alembic%' UNION ALL SELECT typname FROM pg_type"
            " WHERE typnamespace = 'communication_service'::regnamespace AND typname NOT LIKE '%alembic%'",
        )
    )
    assert left == []
    command.upgrade(alembic, "head")
    command.check(alembic)


KEPT = """
    SELECT (SELECT count(*) FROM communication_service.emails) AS emails,
        (SELECT count(*) FROM communication_service.phone_calls) AS calls,
        (SELECT count(*) FROM communication_service.therapists) AS therapists,
        (SELECT count(*) FROM communication_service.email_versuche) AS attempts
"""


def test_a_days_work_goes_back_to_the_first_schema_and_forward_again(empty_database: URL):
    alembic = alembic_config(empty_database)
    command.upgrade(alembic, "head")
    address = empty_database.render_as_string(hide_password=False)
    asyncio.run(load_sample_day(load_settings(env_file=None, app_env="testing", database_url=address)))
    [before] = asyncio.run(execute(empty_database, KEPT))
    assert all(before.values())

    command.downgrade(alembic, "0001")
    assert asyncio.run(execute(empty_database, KEPT)) == [before]
    command.upgrade(alembic, "head")
    assert asyncio.run(execute(empty_database, KEPT)) == [before]
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


async def test_a_migration_lets_others_go_first_and_tries_again(empty_database: URL):
    url = empty_database.set(drivername="postgresql").render_as_string(hide_password=False)
    config = load_settings(env_file=None, database_url=url)
    await asyncio.to_thread(upgrade, config)
    busy = await asyncpg.connect(url)
    held = busy.transaction()
    await held.start()
    await busy.execute("LOCK communication_service.alembic_version")
    with capture_logs() as said:
        migrating = asyncio.create_task(asyncio.to_thread(upgrade, config))

        async def has_waited() -> bool:
            return any(line["event"] == "migration_waits" for line in said)

        await eventually(has_waited)
        await held.rollback()
        await migrating
    await busy.close()


def test_a_migration_that_could_not_have_every_table_goes_on_where_it_stopped(empty_database: URL):
    alembic = alembic_config(empty_database)
    command.upgrade(alembic, "0050")
    back = "UPDATE communication_service.alembic_version SET version_num = '0047'"
    without = "ALTER TABLE communication_service.event_outbox DROP COLUMN traceparent"
    asyncio.run(execute(empty_database, back, without, "SELECT"))
    command.upgrade(alembic, "head")
    command.check(alembic)
