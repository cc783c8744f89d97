"""A call in somebody's hands: taking it, letting go of it, and saying what came of it."""

from typing import Any

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from services import claims, drafts, outcomes
from services.activity import Actor
from services.desk import load_change, load_desk, suggest_next_attempt
from services.errors import Conflict, InvalidInput
from services.models import OutcomeKind
from services.rules import DeskRules
from services.undo import undo_outcome
from shared.clock import Clock
from webapp.conflict_words import change_in_words
from webapp.desk_answers import Page, show_call, show_desk, show_refusal
from webapp.desk_view import desk_page, desk_update, is_fragment
from webapp.forms import Submitted, read_number, words_of
from webapp.i18n import gettext
from webapp.outcome_form import CHOSEN_TIME, OutcomeForm

AnyRequest = Request[Any, Any, Any]


class CallController(Controller):
    """The panel beside the list."""

    path = "/calls"
    include_in_schema = False

    @get("/{call_id:int}")
    async def look(
        self,
        request: AnyRequest,
        call_id: FromPath[int],
        session: NamedDependency[AsyncSession],
        clock: NamedDependency[Clock],
        rules: NamedDependency[DeskRules],
    ) -> Template:
        """Show a call, whoever has it in hand."""
        desk = await load_desk(session, call_id, staff_id=request.user.id, now=clock(), rules=rules)
        return desk_update(desk, rules) if is_fragment(request) else desk_page(desk, rules)

    @post("/{call_id:int}/claim", status_code=200)
    async def claim(
        self,
        request: AnyRequest,
        call_id: FromPath[int],
        session: NamedDependency[AsyncSession],
        clock: NamedDependency[Clock],
        rules: NamedDependency[DeskRules],
    ) -> Page:
        """Take a call in hand."""
        now = clock()
        try:
            await claims.claim_call(session, call_id, staff_id=request.user.id, now=now, rules=rules)
        except Conflict as error:
            return await show_refusal(request, session, call_id, error, now=now, rules=rules)
        return await show_call(request, session, call_id, now=now, rules=rules)

    @post("/next", status_code=200)
    async def claim_next(
        self,
        request: AnyRequest,
        session: NamedDependency[AsyncSession],
        clock: NamedDependency[Clock],
        rules: NamedDependency[DeskRules],
    ) -> Page:
        """Take the reachable call whose window closes first."""
        now = clock()
        try:
            call = await claims.claim_next(session, staff_id=request.user.id, now=now, rules=rules)
        except claims.NothingReachable as error:
            notice = words_of(error)
            return await show_desk(request, session, now=now, rules=rules, notice=notice)
        return await show_call(request, session, call.id, now=now, rules=rules)

    @post("/{call_id:int}/renew", status_code=200)
    async def renew(
        self,
        request: AnyRequest,
        call_id: FromPath[int],
        session: NamedDependency[AsyncSession],
        clock: NamedDependency[Clock],
        rules: NamedDependency[DeskRules],
    ) -> Response[Any]:
        """Keep a call in hand while its panel is open."""
        try:
            await claims.renew_claim(session, call_id, staff_id=request.user.id, now=clock(), rules=rules)
        except claims.ClaimLost as error:
            message = words_of(error)
            return Template("calls/change.html", context={"message": message}, status_code=409)
        return Response(None, status_code=204)

    @post("/{call_id:int}/release", status_code=200)
    async def release(
        self,
        request: AnyRequest,
        call_id: FromPath[int],
        session: NamedDependency[AsyncSession],
        clock: NamedDependency[Clock],
        rules: NamedDependency[DeskRules],
    ) -> Page:
        """Let go of a call."""
        await claims.release_claim(session, call_id, staff_id=request.user.id)
        return await show_desk(
            request, session, now=clock(), rules=rules, notice=gettext("The call is free again.")
        )

    @get("/{call_id:int}/next-attempt")
    async def next_attempt(
        self,
        call_id: FromPath[int],
        session: NamedDependency[AsyncSession],
        clock: NamedDependency[Clock],
        rules: NamedDependency[DeskRules],
        query: dict[str, str],
    ) -> Template:
        """Say when the therapist would be rung again if the form were saved now."""
        form = OutcomeForm.restored(query)
        suggestion = None
        if form.kind is not None and not (form.kind is OutcomeKind.POSTPONED and form.wohin == CHOSEN_TIME):
            suggestion = await suggest_next_attempt(
                session, call_id, form.kind, wiederholen_nach=form.not_before, now=clock(), rules=rules
            )
        return Template("calls/next_attempt.html", context={"suggestion": suggestion})

    @get("/{call_id:int}/state")
    async def state(
        self,
        request: AnyRequest,
        call_id: FromPath[int],
        version: FromQuery[int],
        session: NamedDependency[AsyncSession],
        clock: NamedDependency[Clock],
    ) -> Response[Any]:
        """Say what somebody else did to the call since the page showed it; nothing if nothing."""
        change = await load_change(session, call_id, version=version, staff_id=request.user.id, now=clock())
        message = change_in_words(change) if change else None
        return Template("calls/change.html", context={"message": message})

    @post("/{call_id:int}/draft", status_code=200)
    async def draft(
        self,
        request: AnyRequest,
        call_id: FromPath[int],
        data: Submitted[OutcomeForm],
        session: NamedDependency[AsyncSession],
        clock: NamedDependency[Clock],
    ) -> Template:
        """Keep what is being typed."""
        now = clock()
        await drafts.save_draft(
            session, drafts.CALL, call_id, data.to_draft(), staff_id=request.user.id, now=now
        )
        return Template("calls/draft_saved.html", context={"at": now})

    @post("/{call_id:int}/outcome", status_code=200)
    async def outcome(
        self,
        request: AnyRequest,
        call_id: FromPath[int],
        data: Submitted[OutcomeForm],
        session: NamedDependency[AsyncSession],
        clock: NamedDependency[Clock],
        rules: NamedDependency[DeskRules],
        actor: NamedDependency[Actor],
    ) -> Page:
        """Save what came of the call and offer the next one."""
        now = clock()
        version = read_number(data.version)
        try:
            await outcomes.record_outcome(
                session, call_id, data.to_outcome(), version=version, now=now, actor=actor, rules=rules
            )
        except (Conflict, InvalidInput) as error:
            return await show_refusal(request, session, call_id, error, form=data, now=now, rules=rules)
        await drafts.keep_as_saved(session, call_id, data.to_draft(), staff_id=request.user.id, now=now)
        return await show_desk(request, session, saved_call_id=call_id, now=now, rules=rules)

    @post("/{call_id:int}/plan-anew", status_code=200)
    async def plan_anew(
        self,
        request: AnyRequest,
        call_id: FromPath[int],
        session: NamedDependency[AsyncSession],
        clock: NamedDependency[Clock],
        rules: NamedDependency[DeskRules],
        actor: NamedDependency[Actor],
    ) -> Page:
        """Move an overdue call to the therapist's next window."""
        now = clock()
        outcome = outcomes.Outcome(art=OutcomeKind.POSTPONED)
        try:
            await outcomes.record_outcome(
                session, call_id, outcome, version=None, now=now, actor=actor, rules=rules
            )
        except (Conflict, InvalidInput) as error:
            return await show_refusal(request, session, call_id, error, now=now, rules=rules)
        return await show_desk(request, session, saved_call_id=call_id, now=now, rules=rules)

    @post("/{call_id:int}/undo", status_code=200)
    async def undo(
        self,
        request: AnyRequest,
        call_id: FromPath[int],
        session: NamedDependency[AsyncSession],
        clock: NamedDependency[Clock],
        rules: NamedDependency[DeskRules],
        actor: NamedDependency[Actor],
    ) -> Page:
        """Take the last outcome back, with what was typed."""
        now = clock()
        try:
            await undo_outcome(session, call_id, now=now, actor=actor)
        except Conflict as error:
            return await show_refusal(request, session, call_id, error, now=now, rules=rules)
        await drafts.bring_back_saved(session, call_id, staff_id=request.user.id, now=now)
        return await show_call(request, session, call_id, now=now, rules=rules)

    @post("/{call_id:int}/settle", status_code=200)
    async def settle(
        self,
        request: AnyRequest,
        call_id: FromPath[int],
        session: NamedDependency[AsyncSession],
        clock: NamedDependency[Clock],
        rules: NamedDependency[DeskRules],
        actor: NamedDependency[Actor],
    ) -> Page:
        """Note that a person has decided how to go on with a call that came to nothing."""
        now = clock()
        await outcomes.settle(session, call_id, version=None, now=now, actor=actor)
        return await show_desk(request, session, now=now, rules=rules)
