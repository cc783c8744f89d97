"""Alembic's entry: the schema of `services.models`, over the application's own settings.

Each migration is a transaction of its own, so that one may step out of it (`autocommit_block`) to build an index
while rows are written.
"""

import asyncio
import time

from alembic import context
from sqlalchemy import Connection as Session
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from services.models import SCHEMA, Base
from shared.config import get_config
from shared.postgresql import Connection, connect

ONE_AT_A_TIME = "SELECT pg_try_advisory_lock(hashtext('communication_service.migrate'))"
AGAIN_SECONDS = 0.2

SHORT_WAITS = "SET lock_timeout = '3s'"
"""Whoever waits for a table holds up all that come later, so it is better tried again (`migrations.upgrade`)."""


def wait_for_turn(connection: Session) -> None:
    """Return when nobody else migrates.

    Asked again and again: an index built `CONCURRENTLY` waits for every statement under way, this one as well.
    """
    while not connection.scalar(text(ONE_AT_A_TIME)):
        connection.commit()
        time.sleep(AGAIN_SECONDS)


def run(connection: Session) -> None:
    wait_for_turn(connection)
    connection.execute(text(SHORT_WAITS))
    if connection.scalar(text(f"SELECT to_regnamespace('{SCHEMA}')")) is None:
        connection.execute(text(f"CREATE SCHEMA {SCHEMA}"))
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        include_schemas=True,
        include_name=lambda name, kind, _parents: kind != "schema" or name == SCHEMA,
        version_table_schema=SCHEMA,
        compare_server_default=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()


async def main() -> None:
    url = context.config.attributes.get("url") or get_config().get_direct_url()

    async def new_connection() -> Connection:
        return await connect(url, application_name="calldesk-migrate", command_seconds=None)

    engine = create_async_engine(url.set(query={}), async_creator=new_connection)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(run)
    finally:
        await engine.dispose()  # the lock ends with the connection


asyncio.run(main())
