"""Why something failed, in words that may stand in a log: those of whoever refused, quoting no data."""

# pyright: reportMissingTypeStubs=false
import asyncpg
import httpx
from aiokafka.errors import KafkaError
from sqlalchemy.exc import DBAPIError

LONGEST = 300
NO_ANSWER_IN_TIME = "no answer in time"

QUOTING_SQLSTATES = ("22", "23", "42601", "44", "P0")
"""Classes whose words may hold a value: data, constraints, what is searched for, views, functions."""

_SPEAKING = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    KafkaError,
    httpx.TransportError,
)
"""Errors of connections: they speak of hosts, files, certificates and logins, never of rows."""

_PROGRAMMING = (AssertionError, AttributeError, ImportError, NameError, RuntimeError, TypeError)
"""Defects: their words are names of the code."""


def reason_of(error: BaseException) -> str:
    """Return an error's kind and, where they quote no data, its words on one line."""
    cause = _innermost(error)
    words = words_of(cause)
    kind = type(cause).__name__
    return f"{kind}: {words}" if words else kind


def _innermost(error: BaseException) -> BaseException:
    """Return what a wrapper was raised for."""
    inner = error.orig if isinstance(error, DBAPIError) else None
    if inner is not None:
        return inner.__cause__ or inner
    return error


def words_of(error: BaseException) -> str:
    """Return an error's words on one line, empty where they may quote data."""
    if isinstance(error, asyncpg.PostgresError):
        sqlstate = str(error.sqlstate or "")
        words = "" if sqlstate.startswith(QUOTING_SQLSTATES) else str(error.args[0] if error.args else "")
    elif isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError):
        words = ""  # it quotes the argument that can't be sent
    elif isinstance(error, TimeoutError):
        words = str(error) or NO_ANSWER_IN_TIME
    elif isinstance(error, _SPEAKING + _PROGRAMMING):
        words = str(error)
    else:
        words = ""
    return " ".join(words.split())[:LONGEST]
