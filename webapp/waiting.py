"""How many messages of the inbox wait for somebody: every whole page says so in its navigation."""

from typing import Any, cast

from litestar.types import ASGIApp, Receive, Scope, Send

from services.desk.inbox import count_waiting

NOTED = "inbox_count"
"""Where a request's scope holds the number."""


def count_what_waits(app: ASGIApp) -> ASGIApp:
    """Middleware, after authentication: count for whoever is logged in and gets a whole page."""

    async def count(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope.get("user") is not None and not _asks_for_a_part(scope):
            async with scope["litestar_app"].state.workplace.work() as work:
                cast("dict[str, Any]", scope)[NOTED] = await count_waiting(work)
        await app(scope, receive, send)

    return count


def _asks_for_a_part(scope: Scope) -> bool:
    return any(name == b"hx-request" for name, _ in scope["headers"])
