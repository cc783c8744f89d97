"""The demo's database: migrated, with accounts and, where it is empty, sample data."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import asyncpg
from sqlalchemy import make_url

import migrations
from shared.config.settings import load_settings

CONNECT_SECONDS = 10

STATE = """
SELECT (SELECT max(version_num) FROM communication_service.alembic_version) AS revision,
       EXISTS (SELECT FROM communication_service.staff) AS staff,
       EXISTS (SELECT FROM communication_service.therapists) AS sample_data
"""


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
    dsn = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    connection = await asyncpg.connect(dsn, timeout=CONNECT_SECONDS)
    try:
        state = await connection.fetchrow(STATE)
    except asyncpg.UndefinedTableError:
        return False
    finally:
        await connection.close()
    assert state is not None
    return state["revision"] == _newest_revision() and state["staff"] and state["sample_data"] >= sample_data


def _newest_revision() -> str:
    versions = Path(migrations.__file__).parent / "versions"
    return max(file.name.partition("_")[0] for file in versions.glob("[0-9]*.py"))
