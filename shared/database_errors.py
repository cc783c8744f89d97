"""Which errors mean that the database, not the statement, is the trouble: asyncpg's and SQLAlchemy's."""

import asyncpg
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout

UNREACHABLE = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    DBAPIError,
    PoolTimeout,
)
"""Anything a statement that is right by itself can fail with.

`InternalClientError` is what asyncpg raises when the server's farewell arrives as a statement goes out.
"""

NO_ANSWER = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    InterfaceError,
    PoolTimeout,
)
"""The server is away, shutting down or full, or lets nobody in; what it was asked is not at fault."""

NOT_SET_UP = (asyncpg.InsufficientPrivilegeError, asyncpg.UndefinedTableError)
"""A privilege or the schema is missing: an operator's matter."""


def is_outage(error: BaseException) -> bool:
    """Whether an error says that the database can't be used, so that waiting or an operator helps."""
    if isinstance(error, DBAPIError):
        cause = error.orig.__cause__ if error.orig is not None else None
        return error.connection_invalidated or isinstance(cause, NO_ANSWER + NOT_SET_UP)
    return isinstance(error, NO_ANSWER + NOT_SET_UP)
