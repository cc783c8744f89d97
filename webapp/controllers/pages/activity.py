"""Activity: who did what when, for administrators."""

from dataclasses import dataclass
from urllib.parse import urlencode

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Template

from services.accounts.staff import list_staff
from services.desk.activity import ActivityFilter, activity_page
from services.models import is_possible_id
from services.work import OBJECTS, Action, Work
from webapp.auth import admins_only
from webapp.screens import activity_words
from webapp.screens.forms import asked_day, read_number

PAGE = "/activity"
BESIDES_STAFF = ("api", "system")


@dataclass(frozen=True)
class ActivityQuery:
    """The page's form: ids, kinds and days, nothing that is typed as text."""

    who: str = ""
    action: str = ""
    object: str = ""
    number: str = ""
    von: str = ""
    bis: str = ""

    def url(self, after: int | None = None) -> str:
        """Return the address of the page after an id, or of the first."""
        given = vars(self) | {"after": after}
        return f"{PAGE}?{urlencode({name: value for name, value in given.items() if value})}"

    def wanted(self) -> ActivityFilter:
        """Return what is asked for; what can't be is passed over.

        Raises:
            InvalidInput: a day can't be read.
        """
        return ActivityFilter(
            staff_id=_id(self.who),
            actor=self.who if self.who in BESIDES_STAFF else None,
            action=Action(self.action) if self.action in set(Action) else None,
            object_type=self.object if self.object in OBJECTS.values() else None,
            object_id=_id(self.number),
            since=asked_day("von", self.von),
            until=asked_day("bis", self.bis),
        )


class ActivityController(Controller):
    """Content is in no activity, so none is here."""

    include_in_schema = False
    guards = (admins_only,)
    path = PAGE

    @get()
    async def show(
        self,
        work: NamedDependency[Work],
        who: FromQuery[str] = "",
        action: FromQuery[str] = "",
        object: FromQuery[str] = "",
        number: FromQuery[str] = "",
        von: FromQuery[str] = "",
        bis: FromQuery[str] = "",
        after: FromQuery[str] = "",
    ) -> Template:
        """Show a page of it."""
        query = ActivityQuery(who, action, object, number, von, bis)
        page = await activity_page(work, query.wanted(), after=_id(after))
        context = {
            "active_page": "system",
            "now": work.now,
            "page": page,
            "query": query,
            "later": bool(after),
            "people": await list_staff(work),
            "words": activity_words,
            "errors": [],
        }
        return Template("activity/page.html", context=context)


def _id(text: str) -> int | None:
    number = read_number(text)
    return number if number is not None and (number == 0 or is_possible_id(number)) else None
