"""The demo's database: migrated, with accounts and, where it is empty, sample data."""

import asyncio
from collections.abc import Mapping

import asyncpg

from migrations.revision import newest_revision
from shared.config.settings import load_settings
from webapp.demo.loading import loading

STATE = """
SELECT (SELECT max(version_num) FROM communication_service.alembic_version) AS revision,
       EXISTS (SELECT FROM communication_service.staff) AS staff,
       EXISTS (SELECT FROM communication_service.therapists) AS sample_data
"""
CONNECT_SECONDS = 5


def load_code() -> None:
    """Load what it takes to fill an empty database, for whoever has to wait for that anyway."""
    with loading():
        from migrations import upgrade  # noqa: F401
        from webapp.demo.sample import day  # noqa: F401


def prepare_database(settings: Mapping[str, str], *, sample_data: bool) -> None:
    """Migrate and load what is missing; where nothing is, find that out quickly.

    Args:
        settings: the demo's environment variables, the database's address among them.
        sample_data: whether a sample day is wanted besides the accounts.
    """
    if asyncio.run(_is_prepared(settings["DATABASE_URL"], sample_data)):
        return
    from migrations.upgrade import upgrade
    from webapp.demo.sample.day import load_sample_day, load_staff

    config = load_settings(**{name.lower(): value for name, value in settings.items()})
    upgrade(config)
    asyncio.run(load_sample_day(config) if sample_data else load_staff(config))


async def _is_prepared(url: str, sample_data: bool) -> bool:
    address = url.replace("+asyncpg", "", 1)
    connection = await asyncpg.connect(address, timeout=CONNECT_SECONDS)
    try:
        state = await connection.fetchrow(STATE, timeout=CONNECT_SECONDS)
    except asyncpg.UndefinedTableError:
        return False
    finally:
        await connection.close(timeout=CONNECT_SECONDS)
    assert state is not None
    return state["revision"] == newest_revision() and state["staff"] and state["sample_data"] >= sample_data
