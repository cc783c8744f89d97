"""Which errors of asyncpg mean that the database, not the statement, is the trouble."""

import asyncpg

UNREACHABLE = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
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
)
"""The server is away, shutting down or full; what it was asked is not at fault."""
