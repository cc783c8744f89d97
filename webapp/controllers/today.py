"""Today: whom can I reach right now."""

from typing import Any

from litestar import Controller, Request, get
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from services.board import load_board
from services.desk import load_desk
from services.ring_backs import find_callers
from services.rules import DeskRules
from shared.clock import Clock
from webapp.desk_view import board_context, desk_page, is_fragment

SHORTEST_SEARCH = 2


class TodayController(Controller):
    """The working screen."""

    include_in_schema = False

    @get("/")
    async def today(
        self,
        request: Request[Any, Any, Any],
        session: NamedDependency[AsyncSession],
        clock: NamedDependency[Clock],
        rules: NamedDependency[DeskRules],
        saved: FromQuery[int | None] = None,
    ) -> Template:
        """Show the page, or to a page that is open already, its list."""
        now = clock()
        if is_fragment(request):
            board = await load_board(session, now=now, rules=rules)
            return Template("today/list_update.html", context=board_context(board, rules))
        desk = await load_desk(session, saved_call_id=saved, staff_id=request.user.id, now=now, rules=rules)
        return desk_page(desk, rules)

    @get("/search")
    async def search(
        self, request: Request[Any, Any, Any], session: NamedDependency[AsyncSession], q: FromQuery[str] = ""
    ) -> Template:
        """Find the therapist who is ringing back."""
        wanted = q.strip()
        callers = await find_callers(session, wanted) if len(wanted) >= SHORTEST_SEARCH else []
        context = {"callers": callers, "q": wanted, "too_short": len(wanted) < SHORTEST_SEARCH}
        return Template(
            "today/search_results.html" if is_fragment(request) else "today/search.html", context=context
        )
