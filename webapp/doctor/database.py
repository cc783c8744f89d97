"""Probes of the database, and of what stands in it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import asyncpg

from migrations.revision import newest_revision, older_revisions
from services.models import SCHEMA, Base
from shared.clock import get_clock
from shared.config import Settings
from shared.database_errors import UNREACHABLE
from shared.postgresql import LOGGED, Connection, DatabaseTooOld, connect, leave
from shared.reasons import reason_of
from webapp.doctor.findings import Trouble

LATE_SECONDS = 300
COMMIT_SECONDS = 5
APART_SECONDS = 2.0
"""What undo allows for between two processes' clocks."""

REACH = (
    "DATABASE_URL or DB_HOST, DB_PORT, DB_USER, DB_PASSWORD, DB_NAME: is the server there, and do they fit?"
)
MIGRATE = "run calldesk migrate"
GRANT = f"grant USAGE on it, on its sequences, and SELECT, INSERT, UPDATE, DELETE on its tables ({SCHEMA})"

NO_SCHEMA = (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError, asyncpg.InvalidSchemaNameError)

RIGHTS = """
    SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
    WHERE nspname = $1 AND CASE relkind
        WHEN 'S' THEN NOT has_sequence_privilege(c.oid, 'USAGE')
        WHEN 'r' THEN relname = ANY ($2) AND NOT (
            has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
            AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'))
        ELSE false END
    ORDER BY relname
"""
OUTBOX = f"""
    SELECT count(*) FILTER (WHERE set_aside_at IS NULL) AS waiting,
        count(*) FILTER (WHERE set_aside_at IS NOT NULL) AS set_aside,
        coalesce(extract(epoch FROM $1 - min(available_at) FILTER (WHERE set_aside_at IS NULL)), 0) AS late,
        pg_size_pretty(pg_total_relation_size('{SCHEMA}.event_outbox')) AS size
    FROM {SCHEMA}.event_outbox WHERE published_at IS NULL
"""  # noqa: S608
SENDING = f"""
    SELECT (SELECT count(*) FROM {SCHEMA}.emails
            WHERE status = 'QUEUED' AND naechster_versuch_at <= $1) AS due,
        (SELECT coalesce(extract(epoch FROM $1 - min(naechster_versuch_at)), 0) FROM {SCHEMA}.emails
            WHERE status = 'QUEUED' AND naechster_versuch_at <= $1) AS late,
        held_at, CASE WHEN failures > 0 THEN reason END AS paused
    FROM (SELECT 1) AS one LEFT JOIN {SCHEMA}.mail_queue_state ON true
"""  # noqa: S608


async def database(config: Settings) -> str:
    """Who answers, as whom, and whether anybody can read along."""
    async with _connected(config) as connection:
        row = await connection.fetchrow(
            "SELECT current_user AS role, current_setting('server_version') AS version,"
            " EXISTS (SELECT FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl) AS tls"
        )
    return f"PostgreSQL {row['version']}, as {row['role']}, {'TLS' if row['tls'] else 'no TLS'}"


async def rights(config: Settings) -> str:
    """Whether the role may do what the processes do."""
    tables = [table.name for table in Base.metadata.sorted_tables]
    async with _connected(config) as connection:
        if not await connection.fetchval(
            "SELECT coalesce(has_schema_privilege(to_regnamespace($1), 'USAGE'), true)", SCHEMA
        ):
            raise Trouble(f"the role may not use the schema {SCHEMA}", GRANT)
        missing = [row["relname"] for row in await connection.fetch(RIGHTS, SCHEMA, tables)]
    if missing:
        raise Trouble(f"the role lacks rights on {', '.join(missing)}", GRANT)
    return "the role may read and write"


async def schema(config: Settings) -> str:
    """Whether the schema is the one this code needs."""
    async with _connected(config) as connection:
        revision = await connection.fetchval(f"SELECT max(version_num) FROM {SCHEMA}.alembic_version")  # noqa: S608
    if revision is None or revision in older_revisions():
        raise Trouble(f"at {revision}, and {newest_revision()} is needed", MIGRATE)
    return f"at {revision}" if revision == newest_revision() else f"at {revision}, newer than this code"


async def commits(config: Settings) -> str:
    """Whether what is written is kept, in time, and by a standby where one is waited for."""
    async with _connected(config) as connection:
        if await connection.fetchval("SHOW transaction_read_only") == "on":
            raise Trouble("nothing can be written here, as on a standby", "DATABASE_URL: name the primary")
        standbys = await connection.fetchval("SHOW synchronous_standby_names")
        try:
            await connection.execute(f"SELECT {LOGGED}", timeout=COMMIT_SECONDS)
        except TimeoutError:
            raise Trouble(
                f"a commit takes longer than {COMMIT_SECONDS} s"
                + (f", it waits for a standby ({standbys})" if standbys else ""),
                "bring the standby back, or take it out of synchronous_standby_names and reload"
                if standbys
                else "look at the database's disk",
            ) from None
    return f"on the disk, and at a standby ({standbys})" if standbys else "on the disk of this one server"


async def clock(config: Settings) -> str:
    """Whether this machine and the database's agree on the time."""
    async with _connected(config) as connection:
        before = datetime.now(UTC)
        theirs: datetime = await connection.fetchval("SELECT clock_timestamp()")
        after = datetime.now(UTC)
    apart = max((before - theirs).total_seconds(), (theirs - after).total_seconds(), 0.0)
    if apart > APART_SECONDS:
        raise Trouble(f"{apart:.1f} s apart from the database's", "set both machines' clocks by NTP")
    return "agrees with the database's"


async def time_zone(config: Settings) -> str:
    """Whether this machine and the database know the same rules for the practices' time zone."""
    year = datetime.now(UTC).year
    instants = [datetime(year, month, 1, tzinfo=UTC) for month in range(1, 13)]
    async with _connected(config) as connection:
        try:
            rows = await connection.fetch(
                "SELECT at AT TIME ZONE $2 AS local FROM unnest($1::timestamptz[]) AS at",
                instants,
                config.timezone,
            )
        except asyncpg.InvalidParameterValueError:
            raise Trouble(f"the database does not know {config.timezone}", "update its time zones") from None
    here = [instant.astimezone(ZoneInfo(config.timezone)).replace(tzinfo=None) for instant in instants]
    if here != [row["local"] for row in rows]:
        raise Trouble(
            f"{config.timezone} is another here than in the database", "update tzdata on both machines"
        )
    return config.timezone


async def outbox(config: Settings) -> str:
    """How many events wait, how long, and how much room they take on the database's disk."""
    async with _connected(config) as connection:
        row = await connection.fetchrow(OUTBOX, get_clock(config)())
    words = f"{row['waiting']} wait, {row['size']} on the database's disk"
    if row["set_aside"]:
        raise Trouble(f"{row['set_aside']} events were refused again and again", "System shows why")
    if row["late"] > LATE_SECONDS:
        raise Trouble(f"{words}, the oldest for {row['late']:.0f} s", "is a worker running, and Kafka there?")
    return words


async def sending(config: Settings) -> str:
    """Whether mail leaves."""
    async with _connected(config) as connection:
        row = await connection.fetchrow(SENDING, get_clock(config)())
    if row["held_at"]:
        raise Trouble(
            f"held since {row['held_at']:%Y-%m-%d %H:%M} UTC", "calldesk queue release lets it go on"
        )
    if row["paused"]:
        raise Trouble(
            f"paused: {row['paused']}", "put that right; it goes on by itself, or with Try now on System"
        )
    if row["late"] > LATE_SECONDS:
        raise Trouble(f"{row['due']} due, the oldest for {row['late']:.0f} s", "is a worker running?")
    return f"{row['due']} due"


@asynccontextmanager
async def _connected(config: Settings) -> AsyncGenerator[Connection]:
    try:
        connection = await connect(config.get_database_url(), application_name="calldesk-doctor")
    except DatabaseTooOld as error:
        raise Trouble(str(error), "upgrade PostgreSQL") from error
    except UNREACHABLE as error:
        raise Trouble(reason_of(error), REACH) from error
    try:
        yield connection
    except NO_SCHEMA as error:
        raise Trouble("there is no schema, or an older one", MIGRATE) from error
    except asyncpg.InsufficientPrivilegeError as error:
        raise Trouble(reason_of(error), GRANT) from error
    except UNREACHABLE as error:
        raise Trouble(reason_of(error), REACH) from error
    finally:
        await leave(connection)
