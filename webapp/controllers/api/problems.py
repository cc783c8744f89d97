"""RFC 9457 problem details: what the JSON API answers when it refuses."""

import re
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Response
from litestar.exceptions import HTTPException, ValidationException

from services.errors import DomainError, InvalidInput
from webapp.errors import AnyRequest, Headers

PROBLEM_JSON = "application/problem+json"
UNKNOWN_FIELD = re.compile(r"unknown field `(?P<field>[^`]+)`")
MISSING_FIELD = re.compile(r"missing required field `(?P<field>[^`]+)`")
QUOTED_VALUE = re.compile(r"(Invalid enum value) .*", re.DOTALL)
"""Of what is said about a value: that it is repeated, to end in somebody's log."""


class FieldProblem(msgspec.Struct):
    """One field of the request and what is wrong with it."""

    field: str
    message: str


class Problem(msgspec.Struct):
    """A refusal. `message` repeats `detail` under the platform's name for it."""

    title: str
    status: int
    detail: str
    message: str
    type: str = "about:blank"
    errors: list[FieldProblem] = []


class ProblemDetails:
    """Refusals as services read them."""

    def refused(
        self, request: AnyRequest, error: DomainError, status: int, headers: Headers
    ) -> Response[bytes]:
        """Name the fields where the input is wrong."""
        fields = error.fields if isinstance(error, InvalidInput) else ()
        problems = [FieldProblem(field.field, str(field)) for field in fields]
        return _response(status, _listed(problems) or str(error), errors=problems, headers=headers)

    def malformed(self, request: AnyRequest, error: ValidationException) -> Response[bytes]:
        """Name the fields that don't have the right form."""
        problems = [_field_problem(entry) for entry in _entries(error)]
        return _response(422, _listed(problems) or error.detail, errors=problems)

    def http_error(self, request: AnyRequest, error: HTTPException) -> Response[bytes]:
        """Pass on what the framework says."""
        return _response(error.status_code, error.detail, headers=error.headers)

    def unreachable(self, request: AnyRequest, headers: Headers) -> Response[bytes]:
        """Ask for patience."""
        return _response(503, "The database can't be reached right now.", headers=headers)

    def broken(self, request: AnyRequest) -> Response[bytes]:
        """Say no more than that it is our fault."""
        return _response(500, "Something went wrong on our side.")


def _response(
    status: int,
    detail: str,
    *,
    errors: list[FieldProblem] | None = None,
    headers: Headers | None = None,
) -> Response[bytes]:
    problem = Problem(
        title=HTTPStatus(status).phrase, status=status, detail=detail, message=detail, errors=errors or []
    )
    return Response(
        content=msgspec.json.encode(problem), status_code=status, headers=headers, media_type=PROBLEM_JSON
    )


def _listed(problems: list[FieldProblem]) -> str:
    return "; ".join(f"{problem.field}: {problem.message}" for problem in problems)


def _entries(error: ValidationException) -> list[dict[str, Any]]:
    extra = error.extra
    return [entry for entry in extra if isinstance(entry, dict)] if isinstance(extra, list) else []


def _field_problem(entry: dict[str, Any]) -> FieldProblem:
    message = QUOTED_VALUE.sub(r"\1", str(entry.get("message", "")))
    for pattern in (UNKNOWN_FIELD, MISSING_FIELD):
        if match := pattern.search(message):
            return FieldProblem(match["field"], message)
    return FieldProblem(str(entry.get("key") or entry.get("source") or "body"), message)
