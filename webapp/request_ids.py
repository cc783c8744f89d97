"""An id for each request: the caller's own where it sends one, in every line of the log and in the answer.

Read are `X-Request-ID` and, where that is missing, the trace id of `traceparent` (W3C Trace Context, 3.2).
"""

import re
from uuid import uuid4

import structlog
from litestar.datastructures import Headers
from litestar.types import ASGIApp, Message, Receive, Scope, Send

HEADER = b"x-request-id"

_GIVEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+=@-]{0,63}")
"""What a caller's id may be: short, and nothing that could pass for another line or field of a log."""

_TRACE = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")


def with_request_id(app: ASGIApp) -> ASGIApp:
    """Return `app` so that what it logs and answers carries the request's id."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        request_id = request_id_of(Headers.from_scope(scope))

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (HEADER, request_id.encode())]
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            await app(scope, receive, send_with_id)

    return answer


def request_id_of(headers: Headers) -> str:
    """Return the id a caller gave a request, or a new one where there is none or it can't be one."""
    given = headers.get("x-request-id", "")
    if _GIVEN.fullmatch(given):
        return given
    if trace := _TRACE.fullmatch(headers.get("traceparent", "")):
        return trace[1]
    return uuid4().hex
