"""A span for each request, by its route: what it made is traced on from there.

Litestar's own middleware for OpenTelemetry is not used: it names a span by the path as it was asked for, and
notes the query, the caller's address and browser.
"""

from dataclasses import replace
from typing import Any, cast

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from shared import tracing
from webapp.measured import METHODS, UNMATCHED
from webapp.request_ids import ORIGIN, origin_of

UNTRACED = ("/health", "/live", "/metrics", "/static/")
"""What is asked for all the time, or does not end."""


def traced(app: ASGIApp) -> ASGIApp:
    """Return `app` with a span for each answer, where there is tracing."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(UNTRACED) or not tracing.is_on():
            await app(scope, receive, send)
            return
        status, origin = 500, origin_of(scope)

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        method = scope["method"] if scope["method"] in METHODS else "other"
        with tracing.serving(origin.traceparent) as served:
            cast("dict[str, Any]", scope)[ORIGIN] = replace(origin, traceparent=served.traceparent)
            try:
                await app(scope, receive, note)
            finally:
                route = scope.get("path_template") or UNMATCHED
                served.name, served.failed = f"{method} {route}", status >= 500
                served.attributes = {
                    "http.request.method": method,
                    "http.route": route,
                    "http.response.status_code": status,
                    "request.id": origin.request_id,
                }

    return answer
