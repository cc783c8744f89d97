"""Whether this process can do its work: what stands in the way has a name."""

import asyncio
from enum import StrEnum

import asyncpg

from migrations.revision import older_revisions
from services.models import SCHEMA
from shared.database_errors import UNREACHABLE
from shared.direct_connection import DirectConnection
from shared.postgresql import LOGGED

DEADLINE_SECONDS = 3
TOO_OLD = older_revisions()

STATE = f"""
    SELECT (SELECT max(version_num) FROM {SCHEMA}.alembic_version) AS revision,
        EXISTS (SELECT FROM {SCHEMA}.mail_queue_state WHERE held_at IS NOT NULL) AS held,
        current_setting('transaction_read_only') = 'on' AS read_only,
        current_setting('synchronous_standby_names') <> '' AS standbys
"""  # noqa: S608

NO_SCHEMA = (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError, asyncpg.InvalidSchemaNameError)


class Obstacle(StrEnum):
    """Why a process is not ready."""

    DATABASE_UNREACHABLE = "database_unreachable"
    DATABASE_RIGHTS = "database_rights"
    NOT_MIGRATED = "not_migrated"
    READ_ONLY = "read_only"
    COMMITS_WAIT = "commits_wait"
    QUEUE_HELD = "queue_held"


async def obstacles(database: DirectConnection) -> list[Obstacle]:
    """Return what stands in the way, after three seconds at the latest.

    The database is asked over a connection of its own, so that the answer comes while all others are busy.
    Where commits wait for a standby, one is tried.
    """
    answered = False
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            [[revision, held, read_only, standbys]] = await database.fetch(STATE)
            answered = True
            if standbys and not read_only:
                await database.fetch(f"SELECT {LOGGED}")
    except NO_SCHEMA:
        return [Obstacle.NOT_MIGRATED]
    except asyncpg.InsufficientPrivilegeError:
        return [Obstacle.DATABASE_RIGHTS]
    except TimeoutError:
        return [Obstacle.COMMITS_WAIT if answered else Obstacle.DATABASE_UNREACHABLE]
    except UNREACHABLE:
        return [Obstacle.DATABASE_UNREACHABLE]
    found = [Obstacle.QUEUE_HELD] if held else []
    if read_only:
        found.insert(0, Obstacle.READ_ONLY)
    if revision is None or revision in TOO_OLD:
        found.insert(0, Obstacle.NOT_MIGRATED)
    return found
