"""What nearly every handler of a page needs, as one dependency."""

from dataclasses import dataclass
from datetime import datetime

from litestar.di import NamedDependency, Provide
from litestar.plugins.htmx import HTMXRequest

from services.models import Staff
from services.rules import DeskRules
from services.work import Work


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a member of staff, and the unit of work it opens."""

    request: HTMXRequest
    work: Work
    staff: Staff

    @property
    def now(self) -> datetime:
        """When the request came."""
        return self.work.now

    @property
    def rules(self) -> DeskRules:
        """The desk's rules."""
        return self.work.rules

    @property
    def swapped(self) -> str | None:
        """The id of the element HTMX is going to swap; None when a whole page is wanted."""
        return (self.request.htmx.target or "") if self.request.htmx else None


async def provide_visit(request: HTMXRequest, work: NamedDependency[Work]) -> Visit:
    """Gather a request's surroundings."""
    return Visit(request, work, request.user)


VISIT = {"visit": Provide(provide_visit)}
