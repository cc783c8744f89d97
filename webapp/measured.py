"""Requests, counted and timed for Prometheus by method, route and status.

This is done around the router: what middleware refuses and what leads nowhere is counted with the status it
was answered with, and the route, a template without ids, is known once there is an answer.
"""

from collections.abc import Callable
from functools import cache
from time import perf_counter

from litestar.types import ASGIApp, Message, Receive, Scope, Send
from prometheus_client import Counter, Gauge, Histogram

UNMATCHED = "unmatched"
"""The route of an address that leads nowhere: whoever tries many makes no more than one series."""

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
ENDLESS = frozenset({"/live"})
"""Streams: they are counted, but their length is no time that somebody waits."""

requests = Counter("calldesk_http_requests", "Total requests", ["method", "path", "status_code"])
seconds = Histogram(
    "calldesk_http_request_duration_seconds", "Request duration, in seconds", ["method", "path"]
)
in_progress = Gauge(
    "calldesk_http_requests_in_progress", "Total requests currently in progress", multiprocess_mode="livesum"
)


def measured(app: ASGIApp) -> ASGIApp:
    """Return `app` so that its answers are counted and timed."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        status, started = 500, perf_counter()

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        method = scope["method"] if scope["method"] in METHODS else "other"
        in_progress.inc()
        try:
            await app(scope, receive, noting)
        finally:
            in_progress.dec()
            count, time = _series(method, scope.get("path_template") or UNMATCHED, status)
            count()
            time(perf_counter() - started)

    return answer


@cache
def _series(method: str, route: str, status: int) -> tuple[Callable[[], None], Callable[[float], None]]:
    """Return what counts such an answer, and what times it."""
    count = requests.labels(method, route, status).inc
    return count, _not_timed if route in ENDLESS else seconds.labels(method, route).observe


def _not_timed(_seconds: float) -> None:
    return None
