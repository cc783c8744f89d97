"""One line in the log for each request, `ACCESS_LOG`: what was asked for by its route, how it went, how long.

No query, for it holds what somebody looked for; no text out of a path; no address of who asked, but the mark
that stands for it in `login_failed` as well.
"""

import time
from functools import lru_cache
from typing import Any, cast

import structlog
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from shared.config import Settings
from webapp.browsers import source_mark

QUIET = "/health"
"""Asked for every few seconds; only what goes wrong there is said."""

MARK_LENGTH = 8

log = structlog.get_logger(__name__)


def logged(app: ASGIApp, config: Settings) -> ASGIApp:
    """Return `app` with a line for each answer, written when it has ended or the client has gone."""

    @lru_cache(maxsize=256)
    def mark(host: str) -> str:
        return source_mark(host, config)[:MARK_LENGTH]

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        status = 0

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        began = time.perf_counter()
        method = scope["method"]
        try:
            await app(scope, receive, note)
        finally:
            route = route_asked_for(cast("dict[str, Any]", scope))
            if status >= 400 or not (route or "").startswith(QUIET):
                host = scope["client"][0] if scope["client"] else ""
                log.info(
                    "request",
                    method=method,
                    route=route,
                    status=status,
                    milliseconds=round((time.perf_counter() - began) * 1000, 1),
                    source=mark(host),
                )

    return answer if config.access_log else app


def route_asked_for(scope: dict[str, Any]) -> str | None:
    """Return the route a request took, with numbers where it has some; None where it leads nowhere."""
    route: str | None = scope.get("path_template")
    for name, value in scope.get("path_params", {}).items():
        if route is not None and isinstance(value, int):
            route = route.replace(f"{{{name}}}", str(value))
    return route
