"""The one place where errors become HTTP: which status, which headers, what is logged.

How the answer looks is a `Face`: problem details for services, pages and fragments for staff.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import asyncpg
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from sqlalchemy.exc import DBAPIError

from services.accounts.key_check import KeyRefused, ScopeMissing
from services.checks import TOO_LARGE
from services.errors import (
    Conflict,
    DomainError,
    InvalidInput,
    NotFound,
    RecordBusy,
    TemporarilyUnavailable,
    TooManyRequests,
)
from shared.database_errors import NO_ANSWER
from shared.reasons import reason_of
from webapp.auth import DutyFirst
from webapp.foreign import ForeignHost, ForeignSite
from webapp.whose_page import OthersPage

log = structlog.get_logger(__name__)

AnyRequest = Request[Any, Any, Any]
AnyResponse = Response[Any]
Headers = Mapping[str, str]
Handlers = dict[int | type[Exception], Callable[[AnyRequest, Any], AnyResponse]]

RETRY_SECONDS = 5
PASSING_SQLSTATES = ("08", "25006", "28", "3D", "40", "53", "57")
"""No connection, read-only after a failover, not let in, no such database, outcome unknown, full, shutdown
(appendix A)."""

BUSY_SQLSTATES = frozenset(("40001", "40P01", "55P03"))
"""Two changes at once, a deadlock, a lock that did not come in time: nothing was changed."""

VALUE_SQLSTATE = "22"
"""A number too large, a NUL in a text: PostgreSQL says so, or asyncpg before it sends the statement."""


class ImpossibleValue(DomainError):
    """A value that was sent can't be stored."""


class Face(Protocol):
    """How refusals look to whoever asked."""

    def refused(self, request: AnyRequest, error: DomainError, status: int, headers: Headers) -> AnyResponse:
        """Answer what the domain refuses."""
        ...

    def malformed(self, request: AnyRequest, error: ValidationException) -> AnyResponse:
        """Answer a request whose body or parameters don't have the right form."""
        ...

    def http_error(self, request: AnyRequest, error: HTTPException) -> AnyResponse:
        """Answer what the framework refuses."""
        ...

    def unreachable(self, request: AnyRequest, headers: Headers) -> AnyResponse:
        """Answer while PostgreSQL gives no answer; whether a change was stored may then be unknown."""
        ...

    def broken(self, request: AnyRequest) -> AnyResponse:
        """Answer a defect of ours, telling nothing of it."""
        ...


def status_of(error: DomainError) -> int:
    """Return the HTTP status of a domain error; one that says nothing itself can't be processed (422)."""
    if isinstance(error, InvalidInput) and any(field.message == TOO_LARGE for field in error.fields):
        return 413
    if isinstance(error, ForeignHost):
        return 400
    if isinstance(error, KeyRefused):
        return 401
    if isinstance(error, ScopeMissing | DutyFirst | ForeignSite | OthersPage):
        return 403
    if isinstance(error, NotFound):
        return 404
    if isinstance(error, Conflict):
        return 409
    if isinstance(error, TooManyRequests):
        return 429
    if isinstance(error, TemporarilyUnavailable):
        return 503
    return 422


def headers_of(error: DomainError) -> Headers:
    """Return an answer's headers: when to try again, or what is wrong with a key (RFC 6750, 3.1)."""
    if isinstance(error, TemporarilyUnavailable | TooManyRequests):
        return {"Retry-After": str(error.retry_after_seconds)}
    if isinstance(error, KeyRefused):
        return {"WWW-Authenticate": 'Bearer error="invalid_token"'}
    if isinstance(error, ScopeMissing):
        return {"WWW-Authenticate": 'Bearer error="insufficient_scope"'}
    return {}


def handlers(face_of: Callable[[AnyRequest], Face]) -> Handlers:
    """Return the exception handlers of a router, or of the application around all routers."""

    def domain_error(request: AnyRequest, error: DomainError) -> AnyResponse:
        return face_of(request).refused(request, error, status_of(error), headers_of(error))

    def database_unreachable(request: AnyRequest, error: Exception) -> AnyResponse:
        log.error("database_unreachable", path=request.scope["path"], reason=reason_of(error))
        return face_of(request).unreachable(request, {"Retry-After": str(RETRY_SECONDS)})

    def unexpected(request: AnyRequest, error: Exception) -> AnyResponse:
        log.error("unexpected_error", path=request.scope["path"], exc_info=error)
        return face_of(request).broken(request)

    def database_error(request: AnyRequest, error: DBAPIError | asyncpg.PostgresError) -> AnyResponse:
        sqlstate = _sqlstate(error)
        if sqlstate in BUSY_SQLSTATES:
            log.warning("record_busy", path=request.scope["path"], sqlstate=sqlstate)
            return domain_error(request, RecordBusy())
        invalidated = isinstance(error, DBAPIError) and error.connection_invalidated
        if invalidated or sqlstate.startswith(PASSING_SQLSTATES):
            return database_unreachable(request, error)
        if sqlstate.startswith(VALUE_SQLSTATE):
            log.warning("value_refused", path=request.scope["path"], sqlstate=sqlstate)
            return domain_error(request, ImpossibleValue())
        return unexpected(request, error)

    return {
        DomainError: domain_error,
        ValidationException: lambda request, error: face_of(request).malformed(request, error),
        HTTPException: lambda request, error: face_of(request).http_error(request, error),
        DBAPIError: database_error,
        asyncpg.PostgresError: database_error,
        **dict.fromkeys(NO_ANSWER, database_unreachable),
        Exception: unexpected,
    }


def _sqlstate(error: DBAPIError | asyncpg.PostgresError) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return str(getattr(cause, "sqlstate", None) or "")
