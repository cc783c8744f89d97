"""Requests, counted and timed for Prometheus by method, route and status."""

from time import perf_counter
from typing import Any

from litestar.plugins.prometheus import PrometheusConfig, PrometheusMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

UNMATCHED = "unmatched"
"""The route of an address that leads nowhere: whoever tries many makes no more than one series."""

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
ENDLESS = frozenset({"/live"})
"""Streams: they are counted, but their length is no time that somebody waits."""


class RequestFigures(PrometheusMiddleware):
    """Litestar's own metrics, taken around the router.

    So what middleware refuses and what leads nowhere is counted with the status it was answered with, and the
    route, a template without ids, is known once there is an answer.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does, and note it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status, started = 500, perf_counter()

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        method = scope["method"] if scope["method"] in METHODS else "other"
        in_progress = self.requests_in_progress({})
        in_progress.inc()
        try:
            await self.app(scope, receive, noting)
        finally:
            in_progress.dec()
            route = scope.get("path_template") or UNMATCHED
            self._note({"method": method, "path": route}, status, perf_counter() - started)

    def _note(self, labels: dict[str, Any], status: int, seconds: float) -> None:
        counted = {**labels, "status_code": status}
        self.request_count(counted).labels(*counted.values()).inc()
        if labels["path"] not in ENDLESS:
            self.request_time(labels).labels(*labels.values()).observe(seconds)


def measured(app: ASGIApp) -> ASGIApp:
    """Return `app` so that its answers are counted and timed."""
    return RequestFigures(app, PrometheusConfig(prefix="calldesk_http"))
