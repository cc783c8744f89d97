"""What the working screen answers to an action, with and without scripts."""

from datetime import datetime
from typing import Any

from litestar import Request
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from services.desk import load_desk
from services.errors import DomainError, InvalidInput
from services.rules import DeskRules
from webapp.conflict_words import conflict_in_words
from webapp.desk_view import Refusal, desk_page, desk_update, is_fragment
from webapp.outcome_form import OutcomeForm

AnyRequest = Request[Any, Any, Any]
Page = Template | Redirect


async def show_desk(
    request: AnyRequest,
    session: AsyncSession,
    *,
    now: datetime,
    rules: DeskRules,
    saved_call_id: int | None = None,
    notice: str | None = None,
    refused: DomainError | None = None,
) -> Page:
    """Show the screen with the call in hand, if any, or the next one on offer."""
    if refused is None and not is_fragment(request):
        return Redirect(f"/?saved={saved_call_id}" if saved_call_id else "/", status_code=303)
    desk = await load_desk(
        session, saved_call_id=saved_call_id, staff_id=request.user.id, now=now, rules=rules
    )
    refusal = Refusal(409, conflict=conflict_in_words(refused, desk)) if refused else None
    if is_fragment(request):
        return desk_update(desk, rules, refusal=refusal, notice=notice)
    return desk_page(desk, rules, refusal=refusal)


async def show_call(
    request: AnyRequest, session: AsyncSession, call_id: int, *, now: datetime, rules: DeskRules
) -> Page:
    """Show a call just opened."""
    if not is_fragment(request):
        return Redirect(f"/calls/{call_id}#panel", status_code=303)
    desk = await load_desk(session, call_id, staff_id=request.user.id, now=now, rules=rules)
    return desk_update(desk, rules)


async def show_refusal(
    request: AnyRequest,
    session: AsyncSession,
    call_id: int,
    error: DomainError,
    *,
    now: datetime,
    rules: DeskRules,
    form: OutcomeForm | None = None,
) -> Page:
    """Show the call as it is now, what was typed, and why nothing was saved."""
    desk = await load_desk(session, call_id, staff_id=request.user.id, now=now, rules=rules)
    if isinstance(error, InvalidInput):
        refusal = Refusal(422, fields=error.fields)
    else:
        refusal = Refusal(409, conflict=conflict_in_words(error, desk))
    render = desk_update if is_fragment(request) else desk_page
    return render(desk, rules, form=form, refusal=refusal)
