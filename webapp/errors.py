"""The one place where errors become HTTP: problem details for the API, pages or fragments for staff."""

import re
from typing import Any
from urllib.parse import quote

import asyncpg
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, NotAuthorizedException, ValidationException
from litestar.response import Redirect, Template
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from services.email_validation import TOO_LARGE
from services.errors import Conflict, DomainError, InvalidInput, NotFound, TemporarilyUnavailable
from webapp.auth import is_service_path
from webapp.i18n import gettext
from webapp.problems import FieldProblem, problem_response

log = structlog.get_logger(__name__)

AnyRequest = Request[Any, Any, Any]
AnyResponse = Response[Any]

RETRY_SECONDS = 5
PASSING_SQLSTATES = ("08", "25006", "40", "53", "55P03", "57")
"""No connection, read-only after a failover, deadlock, full, lock timeout, shutdown (appendix A)."""

VALUE_SQLSTATE = "22"
"""A number too large, a NUL in a text: PostgreSQL says so, or asyncpg before it sends the statement."""

UNKNOWN_FIELD = re.compile(r"unknown field `(?P<field>[^`]+)`")
MISSING_FIELD = re.compile(r"missing required field `(?P<field>[^`]+)`")


class ImpossibleValue(DomainError):
    """A value that was sent can't be stored."""


def status_of(error: DomainError) -> int:
    """Return the HTTP status of a domain error; one that says nothing itself can't be processed (422)."""
    if isinstance(error, InvalidInput) and any(field.message == TOO_LARGE for field in error.fields):
        return 413
    if isinstance(error, NotFound):
        return 404
    if isinstance(error, Conflict):
        return 409
    if isinstance(error, TemporarilyUnavailable):
        return 503
    return 422


def domain_error(request: AnyRequest, error: DomainError) -> AnyResponse:
    """Answer what the domain refuses."""
    status = status_of(error)
    headers = (
        {"Retry-After": str(error.retry_after_seconds)} if isinstance(error, TemporarilyUnavailable) else None
    )
    fields = list(error.fields) if isinstance(error, InvalidInput) else []
    if _is_api(request):
        detail = "; ".join(f"{field.field}: {field}" for field in fields) or str(error)
        problems = [FieldProblem(field.field, str(field)) for field in fields]
        return problem_response(status, detail, errors=problems, headers=headers)
    message = " ".join(
        [gettext(error.message_id) % error.values]
        + [gettext(field.message) % dict(field.values) for field in fields]
    )
    return _page(request, status, message, headers)


def invalid_request(request: AnyRequest, error: ValidationException) -> AnyResponse:
    """Answer a request whose body or parameters don't have the right form."""
    problems = [_field_problem(entry) for entry in _entries(error)]
    detail = "; ".join(f"{p.field}: {p.message}" for p in problems) or error.detail
    if _is_api(request):
        return problem_response(422, detail, errors=problems)
    return _page(request, 422, detail)


def http_error(request: AnyRequest, error: HTTPException) -> AnyResponse:
    """Answer what the framework refuses."""
    if isinstance(error, NotAuthorizedException) and not _is_api(request):
        return _log_in_first(request)
    if _is_api(request):
        return problem_response(error.status_code, error.detail, headers=error.headers)
    return _page(request, error.status_code, _plain_words(error.status_code))


def database_unreachable(request: AnyRequest, error: Exception) -> AnyResponse:
    """Answer while PostgreSQL gives no answer; whether a change was stored may then be unknown."""
    log.error("database_unreachable", path=request.scope["path"], error=type(error).__name__)
    headers = {"Retry-After": str(RETRY_SECONDS)}
    if _is_api(request):
        return problem_response(503, "The database can't be reached right now.", headers=headers)
    uncertain = gettext("The database gave no answer. Look whether this was saved before you send it again.")
    words = _plain_words(503) if request.method == "GET" else uncertain
    return _page(request, 503, words, headers)


def unexpected(request: AnyRequest, error: Exception) -> AnyResponse:
    """Answer a defect of ours: log it with its trace, tell nothing of it."""
    log.error("unexpected_error", path=request.scope["path"], exc_info=error)
    if _is_api(request):
        return problem_response(500, "Something went wrong on our side.")
    return _page(request, 500, _plain_words(500))


def database_error(request: AnyRequest, error: DBAPIError | asyncpg.PostgresError) -> AnyResponse:
    """Answer a failed statement: the server or a lock was the reason, or a value in it; else a defect."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    sqlstate = str(getattr(cause, "sqlstate", None) or "")
    invalidated = isinstance(error, DBAPIError) and error.connection_invalidated
    if invalidated or sqlstate.startswith(PASSING_SQLSTATES):
        return database_unreachable(request, error)
    if sqlstate.startswith(VALUE_SQLSTATE):
        log.warning("value_refused", path=request.scope["path"], sqlstate=sqlstate)
        return domain_error(request, ImpossibleValue())
    return unexpected(request, error)


EXCEPTION_HANDLERS: dict[Any, Any] = {
    DomainError: domain_error,
    ValidationException: invalid_request,
    HTTPException: http_error,
    DBAPIError: database_error,
    asyncpg.PostgresError: database_error,
    InterfaceError: database_unreachable,
    PoolExhausted: database_unreachable,
    OSError: database_unreachable,
    TimeoutError: database_unreachable,
    Exception: unexpected,
}


def _is_api(request: AnyRequest) -> bool:
    return is_service_path(request.scope["path"])


def _entries(error: ValidationException) -> list[dict[str, Any]]:
    extra = error.extra
    return [entry for entry in extra if isinstance(entry, dict)] if isinstance(extra, list) else []


def _field_problem(entry: dict[str, Any]) -> FieldProblem:
    message = str(entry.get("message", ""))
    for pattern in (UNKNOWN_FIELD, MISSING_FIELD):
        if match := pattern.search(message):
            return FieldProblem(match["field"], message)
    return FieldProblem(str(entry.get("key") or entry.get("source") or "body"), message)


def _log_in_first(request: AnyRequest) -> AnyResponse:
    """Send a browser to the login page, saying so if it sent a form; offer a fragment the login dialog."""
    if "hx-request" in request.headers:
        return Template(
            "login/dialog.html",
            status_code=401,
            headers={"HX-Retarget": "#dialog", "HX-Reswap": "innerHTML"},
        )
    if request.method != "GET":
        return Redirect("/login?unsaved=true", status_code=303)
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return Redirect(f"/login?next={quote(here)}", status_code=303)


def _page(
    request: AnyRequest, status: int, message: str, headers: dict[str, str] | None = None
) -> AnyResponse:
    if "hx-request" in request.headers:
        return Template(
            "partials/refused.html",
            context={"message": message},
            status_code=status,
            headers={**(headers or {}), "HX-Retarget": "#status", "HX-Reswap": "beforeend"},
        )
    return Template(
        "error.html", context={"status": status, "message": message}, status_code=status, headers=headers
    )


def _plain_words(status: int) -> str:
    words = {
        403: gettext("You may not do this, or the form was too old. Go back, reload the page and try again."),
        404: gettext("There is nothing at this address."),
        405: gettext("This address can't do that."),
        413: gettext("That was too large."),
        503: gettext("The database can't be reached right now. Try again in a moment."),
    }
    return words.get(status, gettext("Something went wrong on our side. Nothing was saved."))
