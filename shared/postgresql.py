"""The one way to connect to PostgreSQL: what an address means to asyncpg, and which servers are refused."""

import ssl
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import asyncpg
import structlog
from sqlalchemy import URL

from shared.config.database_url import POOLED, SYSTEM, parameters_of
from shared.database_errors import UNREACHABLE
from shared.reasons import reason_of

CONNECT_SECONDS = 5
LEAVE_SECONDS = 1
COMMAND_SECONDS = 30
LOCK_SECONDS = 10
OLDEST_VERSION = 14

LOGGED = "pg_logical_emit_message(true, 'calldesk', '')"
"""Writes to the server's log and changes nothing: the commit waits for disk and standby as any other does."""

Connection = Any
"""asyncpg ships no types."""

log = structlog.get_logger(__name__)


class DatabaseTooOld(ConnectionError):
    """The server is older than the oldest PostgreSQL this works with."""

    def __init__(self, major: int) -> None:
        super().__init__(f"this is PostgreSQL {major}, {OLDEST_VERSION} or newer is needed")


async def connect(
    url: URL,
    *,
    application_name: str,
    settings: Mapping[str, str] | None = None,
    command_seconds: float | None = COMMAND_SECONDS,
) -> Connection:
    """Return a new connection.

    Args:
        url: as `Settings.get_database_url` returns it.
        application_name: shown in `pg_stat_activity` unless the address says another.
        settings: further settings of the session; a pooled connection has none, see `for_this_transaction`.
        command_seconds: the deadline of every statement, None for none.

    Raises:
        DatabaseTooOld: the server is not new enough.
        UNREACHABLE: there is no connection.
    """
    named = {"application_name": application_name, **({} if is_pooled(url) else settings or {})}
    connection: Connection = await asyncpg.connect(
        **connect_arguments(url, named), command_timeout=command_seconds
    )
    major: int = connection.get_server_version().major
    if major < OLDEST_VERSION:
        connection.terminate()
        raise DatabaseTooOld(major)
    return connection


async def leave(connection: Connection) -> None:
    """Close a connection, if there is one, within a second.

    What is under way on it is cancelled, which asyncpg's `terminate` does not do: a commit that waits for a
    standby would keep its session, and the locks of it, for as long.
    """
    if connection is not None:
        with suppress(*UNREACHABLE):
            await connection.close(timeout=LEAVE_SECONDS)


def is_pooled(url: URL) -> bool:
    """Whether an address is a pooler's that takes another session for each transaction, such as PgBouncer.

    Nothing may outlast a transaction there: no setting, no prepared statement, no LISTEN, no session's lock.
    """
    return POOLED in parameters_of(url)


def for_this_transaction(settings: Mapping[str, str]) -> str:
    """Return the statement that makes settings, of our own writing, hold until the transaction ends."""
    return "SELECT " + ", ".join(f"set_config('{name}', '{value}', true)" for name, value in settings.items())


async def refuse_old_server(url: URL) -> None:
    """Connect once and look; a database that is away is logged, for it may come.

    Raises:
        DatabaseTooOld: the server is not new enough.
    """
    try:
        connection = await connect(url, application_name="calldesk-start")
    except DatabaseTooOld:
        raise
    except UNREACHABLE as error:
        log.warning("database_unreachable", reason=reason_of(error))
    else:
        connection.terminate()


def connect_arguments(url: URL, settings: Mapping[str, str]) -> dict[str, Any]:
    """Return what asyncpg's `connect` is given for a checked address; it reads libpq's other names itself."""
    parameters = parameters_of(url)
    named = parameters.pop("application_name", None)
    pooled = parameters.pop(POOLED, None)
    arguments: dict[str, Any] = {
        "timeout": float(parameters.pop("connect_timeout", CONNECT_SECONDS)),
        "server_settings": {**settings, "application_name": named} if named else {**settings},
    }
    if pooled:
        arguments["statement_cache_size"] = 0
    if parameters.get("sslrootcert") == SYSTEM:
        arguments["ssl"] = _trusting_the_system(
            parameters.pop("sslcert", None), parameters.pop("sslkey", None)
        )
        del parameters["sslmode"], parameters["sslrootcert"]
    dsn = url.set(drivername="postgresql", query=parameters)
    return arguments | {"dsn": dsn.render_as_string(hide_password=False)}


def _trusting_the_system(certificate: str | None, key: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if certificate is not None:
        context.load_cert_chain(certificate, key)
    return context
