"""The pages of therapists: search, one therapist with all contacts, and how they want to be called."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Template

from services.calls import wishes
from services.calls.absences import lift_absence, set_absence
from services.calls.planning import NewCall
from services.calls.right_numbers import correct_phone
from services.calls.wishes import plan_call
from services.desk.therapists import LONG_HISTORY, list_therapists, load_therapist
from services.emails.stop_list import NotStopped, release, stop_address
from services.errors import DomainError, FieldError, InvalidInput, NotFound, StaleVersion
from services.models import AbsenceSource, StopReason
from services.pagination import PageRequest
from services.therapists.directory import TherapistDirectory, UnknownTherapist
from services.therapists.search import get_therapist
from webapp.errors import status_of
from webapp.i18n import gettext
from webapp.screens.actions import answer_action
from webapp.screens.forms import (
    Submitted,
    form_errors,
    limited,
    new_form_key,
    read_date,
    read_number,
    read_time,
    repeatable,
    words_of,
)
from webapp.screens.hours_picture import draw_hours
from webapp.screens.visit import VISIT, Visit

ROWS = 50
MOST_PAGES = 10_000
LONGEST_SEARCH = 100


@dataclass
class TherapistForm:
    """What the forms of a therapist's page send; `action` says which of them."""

    action: str = ""
    version: str = ""
    key: str = ""
    anruf_hinweis: str = ""
    richtige_nummer: str = ""
    nicht_anrufen_grund: str = ""
    wieder_da_am: str = ""
    geplantes_datum: str = ""
    geplante_zeit: str = ""
    notizen: str = ""
    trotzdem: str = ""
    sperre: str = ""


class TherapistsController(Controller):
    """Therapists, for people."""

    path = "/therapists"
    include_in_schema = False
    dependencies = VISIT

    @get("/")
    async def list(
        self, visit: NamedDependency[Visit], q: FromQuery[str] = "", page: FromQuery[str] = ""
    ) -> Template:
        """Show a page of the list, or who fits the search."""
        wanted = q.strip()[:LONGEST_SEARCH]
        request = PageRequest(min(max(read_number(page) or 1, 1), MOST_PAGES), ROWS)
        found = await list_therapists(visit.work, wanted, request)
        template = "therapists/page.html" if visit.swapped is None else "therapists/list.html"
        return Template(template, context={"found": found, "q": wanted, "today": visit.work.today})

    @get("/{therapist_id:int}")
    async def detail(
        self,
        visit: NamedDependency[Visit],
        therapist_id: FromPath[int],
        directory: NamedDependency[TherapistDirectory],
        done: FromQuery[str] = "",
    ) -> Template:
        """Show a therapist; one not known here yet is asked for in the directory."""
        try:
            return await _page(visit, therapist_id, done=done)
        except NotFound:
            await _look_up(visit, therapist_id, directory)
            return await _page(visit, therapist_id, done=done)

    @post("/{therapist_id:int}", status_code=200)
    async def act(
        self,
        visit: NamedDependency[Visit],
        therapist_id: FromPath[int],
        data: Submitted[TherapistForm],
        directory: NamedDependency[TherapistDirectory],
    ) -> Response[Any]:
        """Do what a form of the page says; where it can't be done, say why and keep what was typed."""
        show = partial(_page, visit, therapist_id, data)
        return await answer_action(visit, data.action, _act(visit, therapist_id, data, directory), show)


async def _look_up(visit: Visit, therapist_id: int, directory: TherapistDirectory) -> None:
    """Ask the directory for a therapist not known here.

    Raises:
        NotFound: it knows none either.
    """
    try:
        await directory.get(visit.work, therapist_id)
    except UnknownTherapist:
        raise NotFound from None


async def _act(visit: Visit, therapist_id: int, form: TherapistForm, directory: TherapistDirectory) -> None:
    version = read_number(form.version) or 0
    match form.action:
        case "hint":
            hint = limited("anruf_hinweis", form.anruf_hinweis)
            await wishes.set_call_hint(visit.work, therapist_id, hint, version=version)
        case "absent":
            day, source = read_date(form.wieder_da_am), AbsenceSource.HAND
            await set_absence(visit.work, therapist_id, day, source, version=version)
        case "there":
            await lift_absence(visit.work, therapist_id, version=version)
        case "phone":
            await correct_phone(visit.work, therapist_id, form.richtige_nummer, version=version)
        case "phone_lifted":
            await correct_phone(visit.work, therapist_id, "", version=version)
        case "do_not_call" | "call_again":
            reason = limited("nicht_anrufen_grund", form.nicht_anrufen_grund)
            await wishes.set_do_not_call(
                visit.work, therapist_id, form.action == "do_not_call", reason, version=version
            )
        case "release_address":
            with suppress(NotStopped):
                await release(visit.work, read_number(form.sperre) or 0)
        case "stop_address":
            therapist = await get_therapist(visit.work, therapist_id)
            await stop_address(visit.work, therapist.email or "", StopReason.UNWANTED)
        case "refresh":
            await directory.refresh(visit.work, therapist_id)
        case "call_next" | "call_now" | "call_at":
            await plan_call(
                visit.work,
                _new_call(visit, therapist_id, form),
                all_the_same=bool(form.trotzdem),
                directory=directory,
                repeatable=repeatable(
                    form.key, form.action, therapist_id, form.geplantes_datum, form.geplante_zeit
                ),
            )
        case _:
            raise NotFound


def _new_call(visit: Visit, therapist_id: int, form: TherapistForm) -> NewCall:
    """Return the call a form asks for: in the next free slot, in this minute, or when the form says.

    Raises:
        InvalidInput: date or time can't be read.
    """
    notes = limited("notizen", form.notizen)
    if form.action == "call_next":
        return NewCall(therapist_id=therapist_id, notizen=notes)
    if form.action == "call_now":
        soon = visit.rules.local(visit.now + timedelta(seconds=59)).replace(second=0, microsecond=0)
        day, at = soon.date(), soon.time()
    else:
        day, at = read_date(form.geplantes_datum), read_time(form.geplante_zeit)
        wrong: list[FieldError] = []
        if day is None:
            wrong.append(FieldError("geplantes_datum", "Give a date."))
        if at is None:
            wrong.append(FieldError("geplante_zeit", "Give a time such as 14:30."))
        if wrong:
            raise InvalidInput(*wrong)
    return NewCall(therapist_id=therapist_id, geplantes_datum=day, geplante_zeit=at, notizen=notes)


def _why(error: DomainError) -> str:
    if isinstance(error, StaleVersion):
        return gettext("This has changed since you opened the page. Check it, then save again.")
    return words_of(error)


async def _page(
    visit: Visit,
    therapist_id: int,
    sent: TherapistForm | None = None,
    *,
    done: str = "",
    refused: DomainError | None = None,
) -> Template:
    """Return the page; where what was `sent` is refused, it is shown again with what is wrong."""
    detail = await load_therapist(visit.work, therapist_id)
    therapist = detail.therapist
    shown = sent if sent and refused else TherapistForm()
    if shown.action != "hint":
        shown.anruf_hinweis = therapist.anruf_hinweis or ""
    if shown.action != "absent" and detail.availability.away(visit.work.today):
        shown.wieder_da_am = str(therapist.wieder_da_am)
    wrong = refused.fields if isinstance(refused, InvalidInput) else ()
    today = visit.rules.today(visit.now)
    context: dict[str, Any] = {
        "detail": detail,
        "therapist": therapist,
        "picture": draw_hours(detail.availability, detail.upcoming, today=today, rules=visit.rules),
        "form": shown,
        "errors": form_errors(wrong),
        "refused": _why(refused) if refused and not wrong else "",
        "done": done,
        "now": visit.now,
        "today": today,
        "form_key": new_form_key(),
        "part": visit.swapped,
        "more": len(detail.contacts) >= LONG_HISTORY,
    }
    template = "therapists/detail.html" if visit.swapped is None else "therapists/body.html"
    return Template(template, context=context, status_code=status_of(refused) if refused else 200)
