"""From the working screen to the therapist: whoever rings back, hints, and who is not to be called."""

from dataclasses import dataclass
from typing import Any

from litestar import Controller, Request, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from sqlalchemy.ext.asyncio import AsyncSession

from services import ring_backs
from services.activity import Actor
from services.calls import get_call
from services.errors import Conflict, InvalidInput
from services.rules import DeskRules
from services.therapists import set_call_hint, set_do_not_call
from shared.clock import Clock
from webapp.desk_answers import Page, show_call, show_desk, show_refusal
from webapp.forms import Submitted

AnyRequest = Request[Any, Any, Any]


@dataclass
class TherapistNote:
    """What the desk notes about a therapist: a hint, or that and why they are not to be called."""

    version: int = 0
    text: str = ""
    flag: str = ""

    @property
    def words(self) -> str | None:
        """The text, None when there is none."""
        return self.text.strip() or None


class CallTherapistController(Controller):
    """What the panel of a call notes about its therapist."""

    path = "/calls"
    include_in_schema = False

    @post("/{call_id:int}/hint", status_code=200)
    async def hint(
        self,
        request: AnyRequest,
        call_id: FromPath[int],
        data: Submitted[TherapistNote],
        session: NamedDependency[AsyncSession],
        clock: NamedDependency[Clock],
        rules: NamedDependency[DeskRules],
        actor: NamedDependency[Actor],
    ) -> Page:
        """Keep what whoever rings this therapist should know."""
        now = clock()
        call = await get_call(session, call_id)
        try:
            await set_call_hint(
                session, call.therapist_id, data.words, version=data.version, now=now, actor=actor
            )
        except Conflict as error:
            return await show_refusal(request, session, call_id, error, now=now, rules=rules)
        return await show_call(request, session, call_id, now=now, rules=rules)

    @post("/{call_id:int}/do-not-call", status_code=200)
    async def do_not_call(
        self,
        request: AnyRequest,
        call_id: FromPath[int],
        data: Submitted[TherapistNote],
        session: NamedDependency[AsyncSession],
        clock: NamedDependency[Clock],
        rules: NamedDependency[DeskRules],
        actor: NamedDependency[Actor],
    ) -> Page:
        """Note that this therapist does not want to be called, or does again."""
        now = clock()
        call = await get_call(session, call_id)
        try:
            await set_do_not_call(
                session,
                call.therapist_id,
                bool(data.flag),
                data.words,
                version=data.version,
                now=now,
                actor=actor,
            )
        except Conflict as error:
            return await show_refusal(request, session, call_id, error, now=now, rules=rules)
        return await show_call(request, session, call_id, now=now, rules=rules)


class RingBackController(Controller):
    """Therapists who ring back."""

    path = "/ring-backs"
    include_in_schema = False

    @post("/{therapist_id:int}", status_code=200)
    async def take(
        self,
        request: AnyRequest,
        therapist_id: FromPath[int],
        session: NamedDependency[AsyncSession],
        clock: NamedDependency[Clock],
        rules: NamedDependency[DeskRules],
    ) -> Page:
        """Open the call of who is on the phone right now; make one if none is planned."""
        now = clock()
        try:
            call = await ring_backs.take_ring_back(
                session, therapist_id, staff_id=request.user.id, now=now, rules=rules
            )
        except (Conflict, InvalidInput) as error:
            return await show_desk(request, session, now=now, rules=rules, refused=error)
        return await show_call(request, session, call.id, now=now, rules=rules)
