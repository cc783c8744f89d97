"""Renders the working screen: the whole page, or what a request without a page reload changes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from litestar import Request
from litestar.response import Template

from services.desk.board import Board
from services.desk.today import Desk
from services.errors import FieldError
from services.models import CallReason
from services.rules import DeskRules
from webapp.open_page import bringing
from webapp.screens.band_picture import draw_band
from webapp.screens.correction_form import CorrectionForm
from webapp.screens.forms import FormErrors, form_errors
from webapp.screens.hand_words import hand_in_words
from webapp.screens.hours_picture import draw_day
from webapp.screens.outcome_form import OutcomeForm

ROWS = 50
"""More of a group than anybody looks through: the first are next, and whoever is wanted is searched for."""

ALL_ROWS = "rows=all"

MOST_ROWS = 2_000
"""So many of a group are shown where all are asked for; whoever wants more leafs through `/open`."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request changed nothing: what is wrong with the form, or what somebody else did.

    `typed` is what was typed about the therapist: `hint` or `reason`; `correction` how a closed call was to
    be corrected.
    """

    status: int
    fields: Sequence[FieldError] = ()
    conflict: str | None = None
    typed: Mapping[str, str] = field(default_factory=dict[str, str])
    correction: CorrectionForm | None = None

    @property
    def errors(self) -> FormErrors:
        """The fields' messages in the reader's language."""
        return form_errors(self.fields)


def is_fragment(request: Request[Any, Any, Any]) -> bool:
    """Whether a part of an open page is asked for."""
    return "hx-request" in request.headers


def desk_page(
    desk: Desk, rules: DeskRules, *, form: OutcomeForm | None = None, refusal: Refusal | None = None
) -> Template:
    """Return the whole page."""
    return _render("today/page.html", desk, rules, form, refusal)


def desk_offer(desk: Desk, rules: DeskRules) -> Template:
    """Return what the panel says while no call is in hand."""
    return _render("calls/idle.html", desk, rules, None, None)


def desk_update(
    desk: Desk,
    rules: DeskRules,
    *,
    form: OutcomeForm | None = None,
    refusal: Refusal | None = None,
    notice: str | None = None,
    undone: bool = False,
) -> Template:
    """Return the panel, and out of band the list, the counters and the status line.

    `undone` says that the outcome saved before is no longer there to be undone.
    """
    news = {"notice": notice, "undone": undone, "focus": True}
    answer = _render("calls/update.html", desk, rules, form, refusal, **news)
    answer.headers |= bringing(["list-frame", "idle"])
    return answer


def rows_shown(request: Request[Any, Any, Any]) -> int:
    """Return how many rows of a group the list shows: more where the open page's address asks for all."""
    address = request.headers.get("hx-current-url") or str(request.url)
    return MOST_ROWS if ALL_ROWS in urlsplit(address).query.split("&") else ROWS


def _render(
    template: str,
    desk: Desk,
    rules: DeskRules,
    form: OutcomeForm | None,
    refusal: Refusal | None,
    **news: object,
) -> Template:
    shown = desk.panel.call.id if desk.panel else None
    context = board_context(desk.board, rules, shown) | {
        "desk": desk,
        "panel": desk.panel,
        "day_picture": draw_day(desk.panel.windows_today, desk.board.now, rules) if desk.panel else None,
        "form": form or (OutcomeForm.read(desk.draft) if desk.draft else OutcomeForm()),
        "errors": refusal.errors if refusal else [],
        "conflict": refusal.conflict if refusal else None,
        "typed": refusal.typed if refusal else {},
        "correction": refusal.correction if refusal else None,
        "correction_of": CorrectionForm.of,
        "notice": None,
        "undone": False,
        "focus": False,
    }
    return Template(template, context=context | news, status_code=refusal.status if refusal else 200)


def board_context(board: Board, rules: DeskRules, shown: int | None = None) -> dict[str, Any]:
    """Return what the list, the counters and the band need; `shown` is the call the panel shows."""
    return {
        "active_page": "today",
        "board": board,
        "rules": rules,
        "draw_band": draw_band,
        "hand_in_words": hand_in_words,
        "rows_shown": rows_shown,
        "MOST_ROWS": MOST_ROWS,
        "change_at": board.changes_at,
        "call_reasons": list(CallReason),
        "shown": shown,
    }
