"""An id for each request: the caller's own where it sends one, in every line of the log and in the answer.

Read are `X-Request-ID` and, where that is missing, the trace id of `traceparent` (W3C Trace Context, 3.2).
What a request makes is stored with both (`services.origins`).
"""

import re
from collections.abc import Mapping
from typing import Any, cast
from uuid import uuid4

import structlog
from litestar.datastructures import Headers
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from services.origins import NOWHERE, Origin

HEADER = b"x-request-id"

ORIGIN = "origin"
"""Where a request's scope holds where what it makes comes from."""

_GIVEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+=-]{0,63}")
"""What a caller's id may be: short, no address, and nothing that could pass for another field of a log."""

_TRACEPARENT = re.compile(
    r"(?!ff)(?P<version>[0-9a-f]{2})-(?P<trace>(?!0{32})[0-9a-f]{32})-(?P<span>(?!0{16})[0-9a-f]{16})"
    r"-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?"
)


def with_request_id(app: ASGIApp) -> ASGIApp:
    """Return `app` so that what it logs, answers and makes carries the request's id."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        origin = origin_said(Headers.from_scope(scope))
        request_id = origin.request_id or ""

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (HEADER, request_id.encode())]
            await send(message)

        cast("dict[str, Any]", scope)[ORIGIN] = origin
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            await app(scope, receive, send_with_id)

    return answer


def origin_of(scope: Mapping[str, Any]) -> Origin:
    """Return where what a request makes comes from."""
    return scope.get(ORIGIN, NOWHERE)


def origin_said(headers: Headers) -> Origin:
    """Return the id a caller gave a request, or a new one, and its trace where it gave one."""
    trace = _TRACEPARENT.fullmatch(headers.get("traceparent", ""))
    if trace is not None and trace["version"] == "00" and trace["more"]:
        trace = None
    given = headers.get("x-request-id", "")
    if not _GIVEN.fullmatch(given):
        given = trace["trace"] if trace else uuid4().hex
    return Origin(given, _as_version_00(trace) if trace else None)


def _as_version_00(trace: re.Match[str]) -> str:
    """Return a traceparent as a version we know: of a later one, only whether it is sampled (4.3)."""
    flags = trace["flags"] if trace["version"] == "00" else f"{int(trace['flags'], 16) & 1:02x}"
    return f"00-{trace['trace']}-{trace['span']}-{flags}"
