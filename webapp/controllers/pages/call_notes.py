"""From the working screen to the therapist: whoever rings back, hints, and who is not to be called."""

from collections.abc import Awaitable
from dataclasses import dataclass

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template

from services.calls import ring_backs
from services.calls.absences import lift_absence, set_absence
from services.calls.claims import Claim
from services.calls.planning import get_call
from services.calls.wishes import set_call_hint, set_do_not_call
from services.desk.today import is_outside_phone_hours
from services.errors import Conflict, InvalidInput
from services.models import AbsenceSource
from webapp.i18n import gettext
from webapp.screens.absence_words import absent_in_words, there_in_words
from webapp.screens.desk_answers import Page, show_call, show_desk, show_refusal
from webapp.screens.forms import Submitted, limited, read_date, read_time
from webapp.screens.outcome_form import OutcomeForm
from webapp.screens.taking import TakeForm, take
from webapp.screens.visit import VISIT, Visit


@dataclass
class TherapistNote:
    """What the desk notes about a therapist: a hint, their first day back, or why they are not to be called.

    `flag` says that they are not to be called any more, or that they are back.
    """

    version: int = 0
    text: str = ""
    flag: str = ""


class CallTherapistController(Controller):
    """What the panel of a call notes about its therapist."""

    path = "/calls"
    include_in_schema = False
    dependencies = VISIT

    @post("/{call_id:int}/hint", status_code=200)
    async def hint(
        self, visit: NamedDependency[Visit], call_id: FromPath[int], data: Submitted[TherapistNote]
    ) -> Page:
        """Keep what whoever rings this therapist should know."""
        call = await get_call(visit.work, call_id)
        try:
            await set_call_hint(
                visit.work, call.therapist_id, limited("hinweis", data.text), version=data.version
            )
        except (Conflict, InvalidInput) as error:
            return await show_refusal(visit, call_id, error, typed={"hint": data.text})
        return await show_call(visit, call_id, notice=gettext("The hint is saved."))

    @post("/{call_id:int}/absence", status_code=200)
    async def absence(
        self, visit: NamedDependency[Visit], call_id: FromPath[int], data: Submitted[TherapistNote]
    ) -> Page:
        """Note until when this therapist is away, as somebody said on the phone, or that they are there."""
        call = await get_call(visit.work, call_id)
        try:
            if data.flag:
                therapist = await lift_absence(visit.work, call.therapist_id, version=data.version)
                return await show_call(visit, call_id, notice=there_in_words(therapist))
            day, source = read_date(data.text), AbsenceSource.CALL
            absent = await set_absence(visit.work, call.therapist_id, day, source, version=data.version)
        except (Conflict, InvalidInput) as error:
            return await show_refusal(visit, call_id, error, typed={"absence": data.text})
        return await show_call(visit, call_id, notice=absent_in_words(absent))

    @post("/{call_id:int}/do-not-call", status_code=200)
    async def do_not_call(
        self, visit: NamedDependency[Visit], call_id: FromPath[int], data: Submitted[TherapistNote]
    ) -> Page:
        """Note that this therapist does not want to be called, or does again."""
        call = await get_call(visit.work, call_id)
        try:
            therapist = await set_do_not_call(
                visit.work,
                call.therapist_id,
                bool(data.flag),
                limited("nicht_anrufen_grund", data.text),
                version=data.version,
            )
        except (Conflict, InvalidInput) as error:
            return await show_refusal(visit, call_id, error, typed={"reason": data.text})
        unwanted = gettext("Nobody is called here any more; planned automatic calls are cancelled.")
        wanted = gettext("%(name)s may be called again. Calls that this had cancelled are planned again.") % {
            "name": therapist.display_name
        }
        return await show_call(visit, call_id, notice=unwanted if data.flag else wanted)

    @get("/{call_id:int}/agreed-time")
    async def agreed_time(self, visit: NamedDependency[Visit], call_id: FromPath[int]) -> Template:
        """Say whether a time somebody is about to agree lies outside of the therapist's phone hours."""
        form = OutcomeForm.read(visit.request.query_params)
        day, at = read_date(form.geplantes_datum), read_time(form.geplante_zeit)
        outside = False
        if day is not None and at is not None:
            outside = await is_outside_phone_hours(visit.work, call_id, day, at)
        return Template("calls/agreed_time.html", context={"outside": outside})


class RingBackController(Controller):
    """Therapists who ring back."""

    path = "/ring-backs"
    include_in_schema = False
    dependencies = VISIT

    @post("/{therapist_id:int}", status_code=200)
    async def take(
        self, visit: NamedDependency[Visit], therapist_id: FromPath[int], data: Submitted[TakeForm]
    ) -> Page:
        """Open the call of who is on the phone right now; make one if none is planned."""

        async def refuse(error: Conflict | InvalidInput, saved: int | None) -> Page:
            return await show_desk(visit, saved_call_id=saved, refused=error)

        def claiming() -> Awaitable[Claim]:
            return ring_backs.take_ring_back(visit.work, therapist_id)

        return await take(visit, data, claiming, refuse)
