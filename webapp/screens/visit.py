"""What nearly every handler of a page needs, as one dependency."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from litestar.di import NamedDependency, Provide
from litestar.plugins.htmx import HTMXRequest
from sqlalchemy.ext.asyncio import AsyncSession

from services.models import Staff
from services.rules import DeskRules
from services.work import Actor
from shared.clock import Clock


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a member of staff: who, when, by which rules, over which session."""

    request: HTMXRequest
    session: AsyncSession
    now: datetime
    rules: DeskRules
    actor: Actor
    staff: Staff

    @property
    def swapped(self) -> str | None:
        """The id of the element HTMX is going to swap; None when a whole page is wanted."""
        return (self.request.htmx.target or "") if self.request.htmx else None

    @property
    def act(self) -> dict[str, Any]:
        """The keywords of every use case that changes something."""
        return {"now": self.now, "actor": self.actor}


async def provide_visit(
    request: HTMXRequest,
    session: NamedDependency[AsyncSession],
    clock: NamedDependency[Clock],
    rules: NamedDependency[DeskRules],
) -> Visit:
    """Gather a request's surroundings."""
    return Visit(request, session, clock(), rules, request.auth, request.user)


VISIT = {"visit": Provide(provide_visit)}
