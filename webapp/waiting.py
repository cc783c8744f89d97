"""What every whole page says: how many messages of the inbox wait, and which calls back are due."""

from typing import Any, cast

from litestar.types import ASGIApp, Receive, Scope, Send

from services.desk.what_waits import load_what_waits
from services.work import Actor

NOTED, DUE = "inbox_count", "due_call_backs"
"""Where a request's scope holds the number and the calls back."""


def count_what_waits(app: ASGIApp) -> ASGIApp:
    """Middleware, after authentication: count for whoever is logged in and gets a whole page."""

    async def count(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope.get("user") is not None and not _asks_for_a_part(scope):
            noted = cast("dict[str, Any]", scope)
            actor = Actor("staff", scope["user"].id)
            async with scope["litestar_app"].state.workplace.work(actor) as work:
                waits = await load_what_waits(work)
            noted[NOTED], noted[DUE] = waits.messages, waits.due
        await app(scope, receive, send)

    return count


def _asks_for_a_part(scope: Scope) -> bool:
    return any(name == b"hx-request" for name, _ in scope["headers"])
