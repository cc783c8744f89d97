"""The week: a grid of phone hours and calls, and moving a call."""

from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Any

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from services.activity import Actor
from services.calls import move_call
from services.errors import Conflict, FieldError, InvalidInput
from services.moving import MoveChoice, load_move_choice
from services.rules import DeskRules
from services.week import load_week, monday_of
from shared.clock import Clock
from webapp.forms import FormErrors, Submitted, form_errors, read_date, read_time, words_of

FIELD_IDS = {"geplantes_datum": "datum", "geplante_zeit": "zeit"}


@dataclass
class MoveForm:
    """The form that moves a call; `slot` is a suggested time, else date and time are given."""

    version: int = 0
    slot: str = ""
    datum: str = ""
    zeit: str = ""


class WeekController(Controller):
    """The week's grid and the form that moves a call."""

    include_in_schema = False

    @get("/week")
    async def show(
        self,
        session: NamedDependency[AsyncSession],
        clock: NamedDependency[Clock],
        rules: NamedDependency[DeskRules],
        start: FromQuery[date | None] = None,
    ) -> Template:
        """Show the week of a day, by default the running one."""
        today = rules.today(clock())
        monday = monday_of(start or today)
        week = await load_week(session, monday, rules=rules)
        return Template(
            "week/page.html",
            context={
                "active_page": "week",
                "week": week,
                "today": today,
                "before": monday - timedelta(days=7),
                "after": monday + timedelta(days=7),
            },
        )

    @get("/calls/{call_id:int}/move")
    async def choose(
        self,
        call_id: FromPath[int],
        session: NamedDependency[AsyncSession],
        clock: NamedDependency[Clock],
        rules: NamedDependency[DeskRules],
        day: FromQuery[date | None] = None,
    ) -> Template:
        """Offer the free times of a day, by default the next with one."""
        choice = await load_move_choice(session, call_id, day, now=clock(), rules=rules)
        return _form(choice, MoveForm(version=choice.call.version))

    @post("/calls/{call_id:int}/move")
    async def move(
        self,
        request: Request[Any, Any, Any],
        call_id: FromPath[int],
        data: Submitted[MoveForm],
        session: NamedDependency[AsyncSession],
        clock: NamedDependency[Clock],
        rules: NamedDependency[DeskRules],
        actor: NamedDependency[Actor],
    ) -> Response[Any]:
        """Move the call; show the form again with what is wrong."""
        try:
            day, at = read_moment(data)
            call = await move_call(
                session, call_id, day, at, version=data.version, now=clock(), actor=actor, rules=rules
            )
        except InvalidInput as error:
            choice = await load_move_choice(session, call_id, None, now=clock(), rules=rules)
            return _form(choice, data, form_errors(error.fields, FIELD_IDS), 422)
        except Conflict as error:
            choice = await load_move_choice(session, call_id, None, now=clock(), rules=rules)
            data.version = choice.call.version
            return _form(choice, data, [("datum", words_of(error))], 409)
        return Redirect(f"/week?start={monday_of(call.geplantes_datum)}", status_code=303)


def read_moment(form: MoveForm) -> tuple[date, time]:
    """Return the day and time a form names.

    Raises:
        InvalidInput: one of them can't be read.
    """
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


def _form(
    choice: MoveChoice, form: MoveForm, errors: FormErrors | None = None, status: int = 200
) -> Template:
    return Template(
        "week/move.html",
        context={"active_page": "week", "choice": choice, "form": form, "errors": errors or []},
        status_code=status,
    )
