"""Alembic's entry: the schema of `services.models`, over the application's own settings."""

import asyncio

from alembic import context
from sqlalchemy import Connection as Session
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from services.models import SCHEMA, Base
from shared.config import get_config
from shared.postgresql import Connection, connect


def run(connection: Session) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('communication_service.migrate'))"))
    if connection.scalar(text(f"SELECT to_regnamespace('{SCHEMA}')")) is None:
        connection.execute(text(f"CREATE SCHEMA {SCHEMA}"))
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        include_schemas=True,
        include_name=lambda name, kind, _parents: kind != "schema" or name == SCHEMA,
        version_table_schema=SCHEMA,
        compare_server_default=True,
    )
    context.run_migrations()


async def main() -> None:
    url = context.config.attributes.get("url") or get_config().get_direct_url()

    async def new_connection() -> Connection:
        return await connect(url, application_name="calldesk-migrate", command_seconds=None)

    engine = create_async_engine(url.set(query={}), async_creator=new_connection)
    async with engine.begin() as connection:
        await connection.run_sync(run)
    await engine.dispose()


asyncio.run(main())
