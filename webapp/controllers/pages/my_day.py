"""My day, which nobody else sees, and the notes for the next shift, which everybody does."""

from dataclasses import dataclass
from typing import Any

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template

from services.desk.my_day import load_my_day
from services.errors import InvalidInput
from services.shifts.notes import leave_note, list_notes, take_down
from webapp.screens.desk import is_fragment
from webapp.screens.forms import Submitted, form_errors
from webapp.screens.visit import VISIT, Visit


@dataclass
class NoteForm:
    """A note for the next shift."""

    uebergabe: str = ""


class MyDayController(Controller):
    """What a person has done and left, and what they tell the next shift."""

    include_in_schema = False
    dependencies = VISIT

    @get("/my-day")
    async def my_day(self, visit: NamedDependency[Visit]) -> Template:
        """Show the day of whoever asks."""
        return await _page(visit)

    @post("/shift-notes")
    async def leave(self, visit: NamedDependency[Visit], data: Submitted[NoteForm]) -> Response[Any]:
        """Leave a note to the next shift."""
        try:
            await leave_note(visit.work, data.uebergabe)
        except InvalidInput as error:
            return await _page(visit, data, error)
        return Redirect("/my-day", status_code=303)

    @get("/shift-notes")
    async def notes(self, visit: NamedDependency[Visit]) -> Template:
        """Show an open page the notes as they are now."""
        return Template("shifts/notes.html", context={"notes": await list_notes(visit.work)})

    @post("/shift-notes/{note_id:int}/take-down", status_code=200)
    async def remove(self, visit: NamedDependency[Visit], note_id: FromPath[int]) -> Response[Any]:
        """Take a note down for everybody."""
        await take_down(visit.work, note_id)
        if not is_fragment(visit.request):
            return Redirect("/", status_code=303)
        return Template("shifts/notes.html", context={"notes": await list_notes(visit.work)})


async def _page(visit: Visit, form: NoteForm = NoteForm(), refused: InvalidInput | None = None) -> Template:
    context = {
        "active_page": "my-day",
        "day": await load_my_day(visit.work),
        "notes": await list_notes(visit.work),
        "form": form,
        "errors": form_errors(refused.fields) if refused else [],
        "now": visit.now,
    }
    return Template("shifts/my_day.html", context=context, status_code=422 if refused else 200)
