"""The week: a grid of phone hours and calls, and moving a call."""

from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Any

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template

from services.calls.planning import move_call
from services.desk.move_choice import MoveChoice, load_move_choice
from services.desk.week import load_week, monday_of
from services.errors import Conflict, FieldError, InvalidInput
from webapp.screens.forms import (
    FormErrors,
    Submitted,
    asked_day,
    form_errors,
    read_date,
    read_number,
    read_time,
    words_of,
)
from webapp.screens.visit import VISIT, Visit

FIELD_IDS = {"geplantes_datum": "datum", "geplante_zeit": "zeit"}


@dataclass
class MoveForm:
    """The form that moves a call; `slot` is a suggested time of `day`, else date and time are given."""

    version: int = 0
    day: str = ""
    slot: str = ""
    datum: str = ""
    zeit: str = ""


class WeekController(Controller):
    """The week's grid and the form that moves a call."""

    include_in_schema = False
    dependencies = VISIT

    @get("/week")
    async def show(
        self,
        visit: NamedDependency[Visit],
        start: FromQuery[str] = "",
        moved: FromQuery[str] = "",
    ) -> Template:
        """Show the week of a day, by default the running one; `moved` is a call just moved there."""
        today = visit.rules.today(visit.now)
        monday = monday_of(asked_day("start", start) or today)
        moved_id = read_number(moved)
        week = await load_week(visit.work, monday, moved=moved_id)
        return Template(
            "week/page.html",
            context={
                "active_page": "week",
                "week": week,
                "today": today,
                "ahead": not start,
                "moved": week.call(moved_id),
                "before": monday - timedelta(days=7),
                "after": monday + timedelta(days=7),
            },
        )

    @get("/calls/{call_id:int}/move")
    async def choose(
        self, visit: NamedDependency[Visit], call_id: FromPath[int], day: FromQuery[str] = ""
    ) -> Template:
        """Offer the free times of a day, by default the next with one."""
        choice = await _choice(visit, call_id, asked_day("day", day))
        return _form(choice, MoveForm(version=choice.call.version))

    @post("/calls/{call_id:int}/move")
    async def move(
        self, visit: NamedDependency[Visit], call_id: FromPath[int], data: Submitted[MoveForm]
    ) -> Response[Any]:
        """Move the call; show the form again with what is wrong."""
        try:
            day, at = read_moment(data)
            call = await move_call(visit.work, call_id, day, at, version=data.version)
        except InvalidInput as error:
            choice = await _choice(visit, call_id, read_date(data.day))
            return _form(choice, data, form_errors(error.fields, FIELD_IDS), 422)
        except Conflict as error:
            choice = await _choice(visit, call_id, read_date(data.day))
            data.version = choice.call.version
            return _form(choice, data, [("datum", words_of(error))], 409)
        week = f"/week?start={monday_of(call.geplantes_datum)}&moved={call.id}#moved"
        return Redirect(week, status_code=303)


def read_moment(form: MoveForm) -> tuple[date, time]:
    """Return the day and time a form names.

    Raises:
        InvalidInput: one of them can't be read, or a free time is ticked and another one given.
    """
    if form.slot and (form.datum or form.zeit):
        raise InvalidInput(FieldError("geplantes_datum", "Tick a free time or give an agreed one, not both."))
    datum, _, zeit = form.slot.partition("T") if form.slot else (form.datum, "", form.zeit)
    day, at = read_date(datum), read_time(zeit)
    problems: list[FieldError] = []
    if day is None:
        problems.append(FieldError("geplantes_datum", "Give a date."))
    if at is None:
        problems.append(FieldError("geplante_zeit", "Give a time such as 14:30."))
    if day is None or at is None:
        raise InvalidInput(*problems)
    return day, at


async def _choice(visit: Visit, call_id: int, day: date | None = None) -> MoveChoice:
    return await load_move_choice(visit.work, call_id, day)


def _form(
    choice: MoveChoice, form: MoveForm, errors: FormErrors | None = None, status: int = 200
) -> Template:
    return Template(
        "week/move.html",
        context={"active_page": "week", "choice": choice, "form": form, "errors": errors or []},
        status_code=status,
    )
