"""Alembic's entry: the schema of `services.models`, over the application's own settings."""

import asyncio

from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from services.models import SCHEMA, Base
from shared.config import get_config


def run(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('communication_service.migrate'))"))
    connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
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
    url = context.config.attributes.get("url") or get_config().get_database_url()
    engine = create_async_engine(url, connect_args={"timeout": 10})
    async with engine.begin() as connection:
        await connection.run_sync(run)
    await engine.dispose()


asyncio.run(main())
