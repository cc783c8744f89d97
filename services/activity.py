"""Who did what when. Entries hold ids, kinds and times, never message content, names or addresses."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncSession

from services.models import Activity


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
