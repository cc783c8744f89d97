"""Who did what when. Entries hold ids, kinds and times, never message content, names or addresses."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeVar

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.errors import NotFound
from services.models import Activity, Base

M = TypeVar("M", bound=Base)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who carries out a use case; `key_id` is the API key a service has shown."""

    kind: Literal["staff", "api", "system"]
    staff_id: int | None = None
    key_id: int | None = None


SYSTEM = Actor("system")
API = Actor("api")


def record(
    session: AsyncSession,
    actor: Actor,
    action: str,
    object_type: Literal["email", "call", "therapist", "staff", "api_key", "event"],
    object_id: int,
    *,
    now: datetime,
    **details: object,
) -> None:
    """Note an action in the running transaction."""
    session.add(
        Activity(
            at=now,
            staff_id=actor.staff_id,
            actor=actor.kind,
            action=action,
            object_type=object_type,
            object_id=object_id,
            details=details,
        )
    )


async def existing(session: AsyncSession, model: type[M], object_id: int, *, lock: bool = False) -> M:
    """Return the row of a table with an id, as the database has it now.

    Raises:
        NotFound: there is none.
    """
    query = select(model).where(model.__table__.c.id == object_id).execution_options(populate_existing=True)
    row = await session.scalar(query.with_for_update() if lock else query)
    if row is None:
        raise NotFound
    return row
