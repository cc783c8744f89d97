"""Today: whom can I reach right now."""

from typing import Any

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Template

from services.calls.ring_backs import Callers, find_callers
from services.desk.board import load_board
from services.desk.open_calls import list_open_calls
from services.desk.today import load_desk
from services.pagination import PageRequest
from webapp.screens.desk import (
    ROWS,
    board_context,
    desk_offer,
    desk_page,
    is_fragment,
    row_mark,
    rows_shown,
)
from webapp.screens.forms import read_number
from webapp.screens.visit import VISIT, Visit

SHORTEST_SEARCH = 2
MOST_PAGES = 100_000


class TodayController(Controller):
    """The working screen."""

    include_in_schema = False
    dependencies = VISIT

    @get("/")
    async def today(
        self,
        visit: NamedDependency[Visit],
        saved: FromQuery[int | None] = None,
        part: FromQuery[str] = "",
        shown: FromQuery[int | None] = None,
    ) -> Response[Any]:
        """Show the page, or to a page that is open already, its list, or `part=idle`: who is next in line.

        `shown` is the call that the open page shows beside the list.
        """
        if is_fragment(visit.request) and part != "idle":
            board = await load_board(visit.work)
            return Template("today/list_update.html", context=board_context(board, visit.rules, shown))
        desk = await load_desk(visit.work, saved_call_id=saved)
        if is_fragment(visit.request):
            return Response(None, status_code=204) if desk.panel else desk_offer(desk, visit.rules)
        return desk_page(desk, visit.rules)

    @get("/open")
    async def all_open(self, visit: NamedDependency[Visit], page: FromQuery[str] = "") -> Template:
        """Show all open calls, the oldest first, also those that do not fit on the board."""
        request = PageRequest(min(max(read_number(page) or 1, 1), MOST_PAGES), ROWS)
        found = await list_open_calls(visit.work, request)
        context = {
            "active_page": "today",
            "found": found,
            "shown": None,
            "row_mark": row_mark,
            "rows_shown": rows_shown,
        }
        return Template("today/open.html", context=context)

    @get("/search")
    async def search(self, visit: NamedDependency[Visit], q: FromQuery[str] = "") -> Template:
        """Find the therapist who is ringing back."""
        wanted = q.strip()
        too_short = len(wanted) < SHORTEST_SEARCH
        callers = Callers([]) if too_short else await find_callers(visit.work, wanted)
        fragment = is_fragment(visit.request)
        context = {
            "active_page": "today",
            "callers": callers,
            "q": wanted,
            "too_short": too_short,
            "fragment": fragment,
        }
        template = "today/search_results.html" if fragment else "today/search.html"
        return Template(template, context=context)
