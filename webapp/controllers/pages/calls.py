"""A call in somebody's hands: taking it, letting go of it, and saying what came of it."""

from datetime import date, time
from typing import Any

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Template

from services.calls import claims, decisions, outcomes
from services.calls.changes import change_call
from services.calls.ring_backs import take_off_ring_back
from services.calls.typed import keep_typed
from services.conversations import settling
from services.conversations.undo import undo_settlement
from services.desk.due_call_backs import load_due_call_backs
from services.desk.today import load_change, load_desk, suggest_next_attempt
from services.errors import Conflict, FieldError, InvalidInput
from services.work import Work
from webapp.i18n import clock_time, day, gettext
from webapp.screens.correction_form import CorrectionForm
from webapp.screens.desk import desk_page, desk_update, is_fragment, rows_shown
from webapp.screens.desk_answers import (
    Page,
    change_in_words,
    show_call,
    show_desk,
    show_refusal,
    whose_is_free,
)
from webapp.screens.forms import Submitted, read_date, read_number, read_time, words_of
from webapp.screens.outcome_form import OutcomeForm
from webapp.screens.taking import TakeForm, take
from webapp.screens.visit import VISIT, Visit


class CallController(Controller):
    """The panel beside the list."""

    path = "/calls"
    include_in_schema = False
    dependencies = VISIT

    @get("/{call_id:int}")
    async def look(
        self, visit: NamedDependency[Visit], call_id: FromPath[int], saved: FromQuery[int | None] = None
    ) -> Template:
        """Show a call, whoever has it in hand; `saved` is one whose outcome was saved just before."""
        desk = await load_desk(visit.work, call_id, saved_call_id=saved, most=rows_shown(visit.request))
        render = desk_update if is_fragment(visit.request) else desk_page
        return render(desk, visit.rules)

    @get("/due-call-backs")
    async def due_call_backs(self, visit: NamedDependency[Visit]) -> Template:
        """Say which calls back this person agreed are due."""
        due = await load_due_call_backs(visit.work)
        return Template("partials/due_call_backs.html", context={"due_call_backs": due})

    @post("/{call_id:int}/claim", status_code=200)
    async def claim(
        self, visit: NamedDependency[Visit], call_id: FromPath[int], data: Submitted[TakeForm]
    ) -> Page:
        """Take a call in hand."""

        async def refuse(error: Conflict | InvalidInput, saved: int | None) -> Page:
            return await show_refusal(visit, call_id, error, saved_call_id=saved)

        return await take(
            visit, data, lambda: claims.claim_call(visit.work, call_id), refuse, call_id=call_id
        )

    @post("/next", status_code=200)
    async def claim_next(self, visit: NamedDependency[Visit], data: Submitted[TakeForm]) -> Page:
        """Take the reachable call whose window closes first."""

        async def refuse(error: Conflict | InvalidInput, saved: int | None) -> Page:
            return await show_desk(visit, saved_call_id=saved, notice=words_of(error))

        return await take(visit, data, lambda: claims.claim_next(visit.work), refuse)

    @post("/{call_id:int}/renew", status_code=200)
    async def renew(self, visit: NamedDependency[Visit], call_id: FromPath[int]) -> Response[Any]:
        """Keep a call in hand while its panel is open."""
        try:
            await claims.renew_claim(visit.work, call_id)
        except claims.ClaimLost as error:
            return Template("calls/change.html", context={"message": words_of(error)}, status_code=409)
        return Response(None, status_code=204)

    @post("/{call_id:int}/release", status_code=200)
    async def release(self, visit: NamedDependency[Visit], call_id: FromPath[int]) -> Page:
        """Let go of a call."""
        await claims.release_claim(visit.work, call_id)
        return await show_desk(visit, notice=gettext("The call is free again."))

    @get("/{call_id:int}/next-attempt")
    async def next_attempt(self, visit: NamedDependency[Visit], call_id: FromPath[int]) -> Template:
        """Say when the therapist would be rung again if the form were saved now."""
        form = OutcomeForm.read(visit.request.query_params)
        suggestion = None
        if form.kind is not None and form.suggests:
            suggestion = await suggest_next_attempt(
                visit.work, call_id, form.kind, wiederholen_nach=form.not_before
            )
        return Template("calls/next_attempt.html", context={"suggestion": suggestion})

    @get("/{call_id:int}/state")
    async def state(
        self, visit: NamedDependency[Visit], call_id: FromPath[int], version: FromQuery[int]
    ) -> Response[Any]:
        """Say what somebody else did to the call since the page showed it; nothing if nothing."""
        change = await load_change(visit.work, call_id, version=version)
        message = change_in_words(change) if change else None
        held_until = change.hand.until if change and change.hand else None
        return Template("calls/change.html", context={"message": message, "held_until": held_until})

    @post("/{call_id:int}/draft", status_code=200)
    async def draft(
        self, visit: NamedDependency[Visit], call_id: FromPath[int], data: Submitted[OutcomeForm]
    ) -> Template:
        """Keep what is being typed."""
        await keep_typed(visit.work, call_id, data.to_draft(), version=read_number(data.version))
        return Template("calls/draft_saved.html", context={"at": visit.now})

    @post("/{call_id:int}/outcome", status_code=200)
    async def outcome(
        self, visit: NamedDependency[Visit], call_id: FromPath[int], data: Submitted[OutcomeForm]
    ) -> Page:
        """Save what came of the call and offer the next one."""
        version = read_number(data.version)
        try:
            await settling.settle(visit.work, call_id, data.to_settlement(), version=version)
        except (Conflict, InvalidInput) as error:
            return await show_refusal(visit, call_id, error, form=data)
        return await show_desk(visit, saved_call_id=call_id)

    @post("/{call_id:int}/plan-anew", status_code=200)
    async def plan_anew(
        self, visit: NamedDependency[Visit], call_id: FromPath[int], version: FromQuery[int | None] = None
    ) -> Page:
        """Move what is due with a therapist to their next window."""
        try:
            await settling.postpone_due(visit.work, call_id, version=version)
        except (Conflict, InvalidInput) as error:
            return await show_refusal(visit, call_id, error)
        return await show_desk(visit, saved_call_id=call_id)

    @post("/{call_id:int}/undo", status_code=200)
    async def undo(
        self, work: NamedDependency[Work], visit: NamedDependency[Visit], call_id: FromPath[int]
    ) -> Page:
        """Take the last outcome back, with what was typed."""
        try:
            claim = await undo_settlement(visit.work, call_id)
        except Conflict as error:
            return await show_refusal(visit, call_id, error)
        return await show_call(visit, call_id, notice=whose_is_free(claim), undone=True)

    @post("/{call_id:int}/correct", status_code=200)
    async def correct(
        self, visit: NamedDependency[Visit], call_id: FromPath[int], data: Submitted[CorrectionForm]
    ) -> Page:
        """Put right what is said of a closed call."""
        try:
            await change_call(visit.work, call_id, data.to_changes(), version=read_number(data.version))
        except (Conflict, InvalidInput) as error:
            return await show_refusal(visit, call_id, error, correction=data)
        return await show_call(visit, call_id, notice=gettext("The correction is saved."))

    @post("/{call_id:int}/settle", status_code=200)
    async def settle(
        self, visit: NamedDependency[Visit], call_id: FromPath[int], version: FromQuery[int | None] = None
    ) -> Page:
        """Note that a person has decided how to go on with a call that came to nothing."""
        try:
            await outcomes.settle(visit.work, call_id, version=version)
        except Conflict as error:
            return await show_refusal(visit, call_id, error)
        return await show_desk(visit)

    @post("/{call_id:int}/call-again", status_code=200)
    async def call_again(
        self, visit: NamedDependency[Visit], call_id: FromPath[int], data: Submitted[OutcomeForm]
    ) -> Page:
        """Plan another call where one asks for a decision."""
        try:
            planned = await decisions.call_again(
                visit.work, call_id, _moment(data), version=read_number(data.version)
            )
        except (Conflict, InvalidInput) as error:
            typed = {"geplantes_datum": data.geplantes_datum, "geplante_zeit": data.geplante_zeit}
            return await show_refusal(visit, call_id, error, typed=typed)
        words = gettext("A call is planned for %(day)s %(time)s.")
        when = {"day": day(planned.geplantes_datum, "weekday"), "time": clock_time(planned.geplante_zeit)}
        return await show_desk(visit, notice=words % when)

    @post("/{call_id:int}/take-off", status_code=200)
    async def take_off(
        self, visit: NamedDependency[Visit], call_id: FromPath[int], version: FromQuery[int | None] = None
    ) -> Page:
        """Cancel a ring-back that was recorded by mistake."""
        try:
            await take_off_ring_back(visit.work, call_id, version=version)
        except Conflict as error:
            return await show_refusal(visit, call_id, error)
        return await show_desk(visit, saved_call_id=call_id)


def _moment(form: OutcomeForm) -> tuple[date, time] | None:
    """Return the day and time a form names, None for neither.

    Raises:
        InvalidInput: one is missing or can't be read.
    """
    if not form.geplantes_datum and not form.geplante_zeit:
        return None
    on, at = read_date(form.geplantes_datum), read_time(form.geplante_zeit)
    if on is None or at is None:
        raise InvalidInput(FieldError("geplantes_datum", "Give date and time, or neither."))
    return on, at
