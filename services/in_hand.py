"""The call somebody has in hand: whose it is, and whether a note was typed for it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.drafts import CALL, load_draft
from services.models import CallStatus, PhoneCall, Therapist


@dataclass(frozen=True, slots=True)
class InHand:
    """A call in hand; `noted` says that its note has been begun."""

    call_id: int
    name: str | None
    noted: bool


async def load_in_hand(session: AsyncSession, staff_id: int, now: datetime) -> InHand | None:
    """Return the call somebody has in hand, planned for whatever day."""
    query = (
        select(PhoneCall.id, Therapist)
        .outerjoin(Therapist, Therapist.id == PhoneCall.therapist_id)
        .where(
            PhoneCall.status == CallStatus.SCHEDULED,
            PhoneCall.bearbeitet_von == staff_id,
            PhoneCall.bearbeitet_bis > now,
        )
    )
    async with session.begin():
        found = (await session.execute(query)).first()
    if found is None:
        return None
    draft = await load_draft(session, CALL, found.id, staff_id=staff_id) or {}
    name = found.Therapist.display_name if found.Therapist else None
    return InHand(found.id, name, noted=bool(draft.get("ergebnis", "").strip()))
