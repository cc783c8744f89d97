"""What the working screen answers to an action, with and without scripts."""

from collections.abc import Mapping

from litestar.response import Redirect, Template

from services.claims import Claim
from services.desk import load_desk
from services.errors import DomainError, InvalidInput
from webapp.conflict_words import conflict_in_words
from webapp.desk_view import Refusal, desk_page, desk_update, is_fragment
from webapp.errors import status_of
from webapp.i18n import gettext
from webapp.outcome_form import OutcomeForm
from webapp.visit import Visit

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
    desk = await load_desk(
        visit.session,
        saved_call_id=saved_call_id,
        staff_id=visit.staff.id,
        now=visit.now,
        rules=visit.rules,
    )
    refusal = Refusal(409, conflict=conflict_in_words(refused, desk)) if refused else None
    if is_fragment(visit.request):
        return desk_update(desk, visit.rules, refusal=refusal, notice=notice)
    return desk_page(desk, visit.rules, refusal=refusal)


async def show_call(visit: Visit, call_id: int, *, notice: str | None = None, undone: bool = False) -> Page:
    """Show a call just opened or changed, or just brought back by undo; `notice` says what else happened."""
    if not is_fragment(visit.request):
        return Redirect(f"/calls/{call_id}#panel", status_code=303)
    desk = await load_desk(visit.session, call_id, staff_id=visit.staff.id, now=visit.now, rules=visit.rules)
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
) -> Page:
    """Show the call as it is now, what was typed, and why nothing was saved.

    `form` is the outcome as typed, `typed` what was typed about the therapist.
    """
    desk = await load_desk(visit.session, call_id, staff_id=visit.staff.id, now=visit.now, rules=visit.rules)
    if isinstance(error, InvalidInput) and typed is None:
        refusal = Refusal(422, fields=error.fields)
    else:
        refusal = Refusal(status_of(error), conflict=conflict_in_words(error, desk), typed=typed or {})
    render = desk_update if is_fragment(visit.request) else desk_page
    return render(desk, visit.rules, form=form, refusal=refusal)
