"""Today: whom can I reach right now."""

from dataclasses import asdict, dataclass
from typing import Any

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Redirect, Template

from services.calls.queue_filter import QueueFilter, choose_filter
from services.desk.board import load_board
from services.desk.hits import Hits, find_hits
from services.desk.open_calls import list_open_calls
from services.desk.today import load_desk
from services.pagination import PageRequest
from services.therapists.phone_numbers import read_numbers
from webapp.screens.desk import (
    ROWS,
    board_context,
    desk_offer,
    desk_page,
    is_fragment,
    rows_shown,
)
from webapp.screens.forms import Submitted, read_number
from webapp.screens.hand_words import hand_in_words
from webapp.screens.visit import VISIT, Visit

SHORTEST_SEARCH = 2
MOST_PAGES = 100_000


@dataclass
class SearchForm:
    """What is typed into the search of every page; `panel` where a call is shown beside it."""

    q: str = ""
    panel: str = ""


@dataclass
class FilterForm:
    """What the filter of the list sends; `shown` is the call shown beside it."""

    ort: str = ""
    grund: str = ""
    versuch: str = ""
    shown: str = ""


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
            board = await load_board(visit.work, rows_shown(visit.request))
            return Template("today/list_update.html", context=board_context(board, visit.rules, shown))
        desk = await load_desk(visit.work, saved_call_id=saved, most=rows_shown(visit.request))
        if is_fragment(visit.request):
            return Response(None, status_code=204) if desk.panel else desk_offer(desk, visit.rules)
        return desk_page(desk, visit.rules)

    @post("/queue-filter", status_code=200)
    async def choose_filter(
        self, visit: NamedDependency[Visit], data: Submitted[FilterForm]
    ) -> Template | Redirect:
        """Look at some of the calls only, from now on; without a choice at all of them again."""
        await choose_filter(visit.work, QueueFilter.of(asdict(data)))
        if not is_fragment(visit.request):
            return Redirect("/", status_code=303)
        board = await load_board(visit.work, rows_shown(visit.request))
        context = board_context(board, visit.rules, read_number(data.shown))
        return Template("today/filtered.html", context=context, headers={"HX-Trigger": "filtered"})

    @get("/open")
    async def all_open(self, visit: NamedDependency[Visit], page: FromQuery[str] = "") -> Template:
        """Show all open calls, the oldest first, also those that do not fit on the board."""
        request = PageRequest(min(max(read_number(page) or 1, 1), MOST_PAGES), ROWS)
        found = await list_open_calls(visit.work, request)
        context = {
            "active_page": "today",
            "found": found,
            "now": visit.now,
        }
        return Template("today/open.html", context=context)

    @get("/search")
    async def search(self, visit: NamedDependency[Visit], q: FromQuery[str] = "") -> Template | Redirect:
        """Show who is meant; who is the only one is opened at once, as a softphone wants it."""
        found = await _found(visit, _as_dialled(q))
        hits: Hits = found["hits"]
        if len(hits.shown) == 1:
            return Redirect(f"/therapists/{hits.shown[0].therapist.id}", status_code=303)
        return Template("today/search.html", context=found | {"active_page": "today"})

    @post("/search", status_code=200)
    async def search_while_typing(
        self, visit: NamedDependency[Visit], data: Submitted[SearchForm]
    ) -> Template:
        """Show who is meant so far; what is typed stands in no address."""
        found = await _found(visit, data.q)
        return Template("today/hits.html", context=found | {"panel_here": bool(data.panel)})


def _as_dialled(q: str) -> str:
    """Return what an address asks for; the `+` of a number may have come as a blank, or with its scheme."""
    asked = q.removeprefix("tel:")
    number = f"+{asked.strip()}"
    return number if asked.startswith(" ") and read_numbers(number) else asked


async def _found(visit: Visit, q: str) -> dict[str, Any]:
    wanted = q.strip()
    too_short = len(wanted) < SHORTEST_SEARCH
    hits = Hits([]) if too_short else await find_hits(visit.work, wanted)
    return {"hits": hits, "q": wanted, "too_short": too_short, "hand_in_words": hand_in_words}
