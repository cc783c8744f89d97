"""Whether this process can do its work: what stands in the way has a name."""

import asyncio
from enum import StrEnum

import asyncpg

from migrations.revision import older_revisions
from services.models import SCHEMA
from shared.database_errors import UNREACHABLE
from shared.direct_connection import DirectConnection

DEADLINE_SECONDS = 3
TOO_OLD = older_revisions()

STATE = f"""
    SELECT (SELECT max(version_num) FROM {SCHEMA}.alembic_version) AS revision,
        EXISTS (SELECT FROM {SCHEMA}.mail_queue_state WHERE held_at IS NOT NULL) AS held
"""  # noqa: S608

NO_SCHEMA = (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError, asyncpg.InvalidSchemaNameError)


class Obstacle(StrEnum):
    """Why a process is not ready."""

    DATABASE_UNREACHABLE = "database_unreachable"
    DATABASE_RIGHTS = "database_rights"
    NOT_MIGRATED = "not_migrated"
    QUEUE_HELD = "queue_held"


async def obstacles(database: DirectConnection) -> list[Obstacle]:
    """Return what stands in the way, after three seconds at the latest.

    The database is asked over a connection of its own, so that the answer comes while all others are busy.
    """
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            [[revision, held]] = await database.fetch(STATE)
    except NO_SCHEMA:
        return [Obstacle.NOT_MIGRATED]
    except asyncpg.InsufficientPrivilegeError:
        return [Obstacle.DATABASE_RIGHTS]
    except UNREACHABLE:
        return [Obstacle.DATABASE_UNREACHABLE]
    found = [Obstacle.QUEUE_HELD] if held else []
    if revision is None or revision in TOO_OLD:
        found.insert(0, Obstacle.NOT_MIGRATED)
    return found
