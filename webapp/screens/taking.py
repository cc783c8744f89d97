"""Taking a call while another is in hand: what was typed for that one is saved, left or asked about."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import ClassVar

from litestar.response import Template

from services.calls.claims import Claim
from services.calls.hands import InHand
from services.calls.typed import NotSaved, keep_typed, require_saved
from services.conversations.settling import settle
from services.errors import Conflict, InvalidInput
from webapp.screens.desk import is_fragment
from webapp.screens.desk_answers import Page, show_call, show_refusal, whose_is_free
from webapp.screens.forms import Form, read_number
from webapp.screens.outcome_form import OutcomeForm
from webapp.screens.visit import Visit

SAVE, LEAVE = "save", "leave"


@dataclass
class TakeForm(OutcomeForm):
    """What a button that takes a call sends along: the outcome form of the call in hand, if any.

    `unsaved` is what to do with it: `save` or `leave`, else ask.
    """

    NOT_KEPT: ClassVar = Form.NOT_KEPT | {"in_hand", "unsaved"}

    in_hand: str = ""
    unsaved: str = ""


Refuse = Callable[[Conflict | InvalidInput, int | None], Awaitable[Page]]
"""Says why a call can't be taken; the number is the call whose outcome was saved before, if any."""


async def take(
    visit: Visit,
    form: TakeForm,
    claiming: Callable[[], Awaitable[Claim]],
    refuse: Refuse,
    *,
    call_id: int | None = None,
) -> Page:
    """Take a call in hand; before, do what the form says with what is typed for the one that is."""
    held = read_number(form.in_hand)
    saved: int | None = None
    if held is not None and form.unsaved == SAVE:
        try:
            await settle(visit.work, held, form.to_settlement(), version=read_number(form.version))
        except (Conflict, InvalidInput) as error:
            return await show_refusal(visit, held, error, form=form)
        saved = held
    elif form.unsaved != LEAVE:
        if held is not None:
            await keep_typed(visit.work, held, form.to_draft(), version=read_number(form.version))
        try:
            await require_saved(visit.work, but=call_id)
        except NotSaved as error:
            return _ask(visit, error.values["in_hand"])
    try:
        claim = await claiming()
    except (Conflict, InvalidInput) as error:
        return await refuse(error, saved)
    return await show_call(visit, claim.call.id, saved_call_id=saved, notice=whose_is_free(claim))


def _ask(visit: Visit, held: InHand) -> Template:
    """Ask what is to become of what is typed; nothing has changed so far."""
    form = OutcomeForm.read(held.typed)
    context = {
        "active_page": "today",
        "held": held,
        "form": form,
        "fields": form.to_draft(),
        "again": visit.request.url.path,
    }
    if not is_fragment(visit.request):
        return Template("calls/unsaved_page.html", context=context, status_code=409)
    headers = {"HX-Retarget": "#dialog", "HX-Reswap": "innerHTML"}
    return Template("calls/unsaved_dialog.html", context=context, status_code=409, headers=headers)
