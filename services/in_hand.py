"""The call somebody has in hand: whose it is, and whether a note was typed for it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.drafts import CALL
from services.models import CallStatus, Draft, PhoneCall, Therapist


@dataclass(frozen=True, slots=True)
class InHand:
    """A call in hand; `noted` says that its note has been begun."""

    call_id: int
    name: str | None
    noted: bool


async def load_in_hand(session: AsyncSession, staff_id: int, now: datetime) -> InHand | None:
    """Return the call somebody has in hand, planned for whatever day. Runs in the caller's transaction."""
    typed = and_(Draft.staff_id == staff_id, Draft.gegenstand == CALL, Draft.gegenstand_id == PhoneCall.id)
    query = (
        select(PhoneCall.id, Therapist, Draft.felder["ergebnis"].as_string().label("note"))
        .outerjoin(Therapist, Therapist.id == PhoneCall.therapist_id)
        .outerjoin(Draft, typed)
        .where(
            PhoneCall.status == CallStatus.SCHEDULED,
            PhoneCall.bearbeitet_von == staff_id,
            PhoneCall.bearbeitet_bis > now,
        )
    )
    found = (await session.execute(query)).first()
    if found is None:
        return None
    name = found.Therapist.display_name if found.Therapist else None
    return InHand(found.id, name, noted=bool((found.note or "").strip()))
