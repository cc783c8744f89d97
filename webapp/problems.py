"""RFC 9457 problem details: what the JSON API answers when it refuses."""

from http import HTTPStatus

import msgspec
from litestar import Response

PROBLEM_JSON = "application/problem+json"


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


def problem_response(
    status: int,
    detail: str,
    *,
    errors: list[FieldProblem] | None = None,
    headers: dict[str, str] | None = None,
) -> Response[bytes]:
    """Return a problem as an HTTP response."""
    problem = Problem(
        title=HTTPStatus(status).phrase, status=status, detail=detail, message=detail, errors=errors or []
    )
    return Response(
        content=msgspec.json.encode(problem), status_code=status, headers=headers, media_type=PROBLEM_JSON
    )
