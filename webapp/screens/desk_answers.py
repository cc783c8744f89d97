"""What the working screen answers to an action, with and without scripts."""

from collections.abc import Mapping

from litestar.response import Redirect, Template

from services.calls.claims import Claim, ClaimedByOther, LineTaken
from services.desk.today import Desk, ElsewhereChange, load_desk
from services.errors import DomainError, InvalidInput, StaleVersion
from webapp.errors import status_of
from webapp.i18n import clock_time, gettext
from webapp.screens.correction_form import CorrectionForm
from webapp.screens.desk import (
    Refusal,
    desk_page,
    desk_update,
    is_fragment,
    rows_shown,
)
from webapp.screens.hand_words import hand_in_words, held_in_words, on_line_in_words
from webapp.screens.outcome_form import OutcomeForm
from webapp.screens.visit import Visit

Page = Template | Redirect


async def show_desk(
    visit: Visit,
    *,
    saved_call_id: int | None = None,
    notice: str | None = None,
    refused: DomainError | None = None,
) -> Page:
    """Show the screen with the call in hand, if any, or the next one on offer."""
    if refused is None and not is_fragment(visit.request):
        return Redirect(f"/?saved={saved_call_id}" if saved_call_id else "/", status_code=303)
    desk = await load_desk(visit.work, saved_call_id=saved_call_id, most=rows_shown(visit.request))
    refusal = Refusal(409, conflict=conflict_in_words(refused, desk)) if refused else None
    if is_fragment(visit.request):
        return desk_update(desk, visit.rules, refusal=refusal, notice=notice)
    return desk_page(desk, visit.rules, refusal=refusal)


async def show_call(
    visit: Visit,
    call_id: int,
    *,
    saved_call_id: int | None = None,
    notice: str | None = None,
    undone: bool = False,
) -> Page:
    """Show a call just opened or changed, or just brought back by undo; `notice` says what else happened."""
    if not is_fragment(visit.request):
        saved = f"?saved={saved_call_id}" if saved_call_id else ""
        return Redirect(f"/calls/{call_id}{saved}#panel", status_code=303)
    most = rows_shown(visit.request)
    desk = await load_desk(visit.work, call_id, saved_call_id=saved_call_id, most=most)
    if undone:
        notice = " ".join(filter(None, [gettext("The outcome is taken back."), notice]))
    return desk_update(desk, visit.rules, notice=notice, undone=undone)


def whose_is_free(claim: Claim) -> str | None:
    """Say whose call somebody let go of by taking another."""
    held = claim.let_go
    if held is None:
        return None
    kept, free = gettext("%(name)s is free again; your note is kept."), gettext("%(name)s is free again.")
    return (kept if held.noted else free) % {"name": held.name or gettext("The call")}


async def show_refusal(
    visit: Visit,
    call_id: int,
    error: DomainError,
    *,
    form: OutcomeForm | None = None,
    typed: Mapping[str, str] | None = None,
    saved_call_id: int | None = None,
    correction: CorrectionForm | None = None,
) -> Page:
    """Show the call as it is now, what was typed, and why nothing was saved.

    `form` is the outcome as typed, `typed` what was typed about the therapist, `correction` how a closed call
    was to be corrected.
    """
    most = rows_shown(visit.request)
    desk = await load_desk(visit.work, call_id, saved_call_id=saved_call_id, most=most)
    if isinstance(error, InvalidInput) and typed is None:
        refusal = Refusal(422, fields=error.fields, correction=correction)
    else:
        words = conflict_in_words(error, desk)
        refusal = Refusal(status_of(error), conflict=words, typed=typed or {}, correction=correction)
    render = desk_update if is_fragment(visit.request) else desk_page
    return render(desk, visit.rules, form=form, refusal=refusal)


def change_in_words(change: ElsewhereChange) -> str:
    """Say what happened to a call that a page still shows as it was."""
    if change.changed is not None:
        return _changed(change.changed)
    assert change.hand is not None
    return hand_in_words(change.hand, change.therapist_id)


def conflict_in_words(error: DomainError, desk: Desk) -> str:
    """Say why a call could not be taken or changed."""
    if isinstance(error, StaleVersion):
        return _changed(error)
    if isinstance(error, ClaimedByOther):
        hand = desk.board.hands.of(error.values["staff_id"])
        if hand is None:
            return gettext(error.message_id)
        return on_line_in_words(hand) if isinstance(error, LineTaken) else held_in_words(hand)
    if isinstance(error, InvalidInput):
        return " ".join(gettext(field.message) % dict(field.values) for field in error.fields)
    return gettext(error.message_id) % error.values


def _changed(error: StaleVersion) -> str:
    values = error.values
    if "action" not in values:
        return gettext(error.message_id)
    words = {
        "outcome_recorded": gettext("%(name)s recorded an outcome for this call at %(time)s."),
        "outcome_undone": gettext("%(name)s took back the outcome of this call at %(time)s."),
        "outcome_corrected": gettext("%(name)s corrected this call at %(time)s."),
        "call_moved": gettext("%(name)s moved this call at %(time)s."),
        "call_canceled": gettext("%(name)s cancelled this call at %(time)s."),
    }
    names = {
        "staff": values["staff_name"],
        "api": gettext("Another service"),
        "system": gettext("The system"),
    }
    name = names.get(values["actor"]) or gettext("Somebody")
    text = words.get(values["action"], gettext("%(name)s changed this call at %(time)s."))
    return text % {"name": name, "time": clock_time(values["at"])}
