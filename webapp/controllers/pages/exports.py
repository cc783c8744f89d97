"""Lists to take along as CSV, with the screen's filters: for administrators, numbers for all."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from datetime import timedelta

from litestar import Controller, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Stream

from services.calls.lists import CallFilters
from services.desk.email_list import narrowed_to
from services.desk.export import CALL_COLUMNS, EMAIL_COLUMNS, call_rows, email_rows, note_export
from services.desk.statistics import load_statistics
from services.desk.week import monday_of
from webapp import i18n
from webapp.auth import admins_only
from webapp.controllers.pages.emails import ListQuery
from webapp.controllers.pages.statistics import period_of
from webapp.csv_files import Lot, csv_of
from webapp.screens.forms import asked_day
from webapp.screens.visit import VISIT, Visit

NUMBERS = ("sent", "answered", "calls", "reached")


class ExportController(Controller):
    """CSV files."""

    include_in_schema = False
    dependencies = VISIT

    @get("/emails/export", guards=[admins_only])
    async def emails(
        self,
        visit: NamedDependency[Visit],
        state: State,
        show: FromQuery[str] = "",
        q: FromQuery[str] = "",
        von: FromQuery[str] = "",
        bis: FromQuery[str] = "",
        therapist: FromQuery[str] = "",
    ) -> Stream:
        """Answer with all e-mails of the list, without their texts."""
        query = ListQuery.read(show, q, von, bis, therapist)
        await note_export(visit.work, "emails")
        rows = email_rows(state.workplace, narrowed_to(query.show, query.filters(visit.rules)))
        return _file(visit, "emails", EMAIL_COLUMNS, rows)

    @get("/week/export", guards=[admins_only])
    async def calls(self, visit: NamedDependency[Visit], state: State, start: FromQuery[str] = "") -> Stream:
        """Answer with all calls of a week, by default the running one, without their notes."""
        monday = monday_of(asked_day("start", start) or visit.work.today)
        wanted = CallFilters(geplantes_datum_von=monday, geplantes_datum_bis=monday + timedelta(days=6))
        await note_export(visit.work, "calls")
        return _file(visit, f"calls-{monday}", CALL_COLUMNS, call_rows(state.workplace, wanted))

    @get("/statistics/export")
    async def statistics(self, visit: NamedDependency[Visit], days: FromQuery[int] = 0) -> Stream:
        """Answer with a period's numbers by day; there is nobody's name in them."""
        last = visit.work.today
        first = last - timedelta(days=period_of(days) - 1)
        found = await load_statistics(visit.work, first=first, last=last)

        async def rows() -> AsyncGenerator[Lot]:
            yield [
                [day.isoformat(), *(getattr(numbers, name) for name in NUMBERS)]
                for day, numbers in found.days.items()
            ]

        return _file(visit, "statistics", ("day", *NUMBERS), rows())


def _file(visit: Visit, name: str, columns: Sequence[str], rows: AsyncIterator[Lot]) -> Stream:
    return Stream(
        csv_of(columns, rows, language=i18n.language.get(), tz=visit.rules.tz),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )
