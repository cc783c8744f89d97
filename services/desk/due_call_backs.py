"""Calls back that somebody agreed and that are due: said to them on every page, shortly before."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select

from services.models import CallBackBy, CallStatus, PhoneCall, Therapist
from services.work import Work

AHEAD = timedelta(minutes=10)
"""So long before its minute a call back is said to who agreed it."""

BEYOND = timedelta(minutes=10)
"""So long it goes on being said while nobody takes it in hand."""


@dataclass(frozen=True, slots=True)
class DueCallBack:
    """A call back about to be due."""

    call_id: int
    name: str | None
    at: datetime
    by: CallBackBy


@dataclass(frozen=True, slots=True)
class DueCallBacks:
    """What to say now, and when there will be something else to say; None for not today."""

    due: list[DueCallBack]
    change_at: datetime | None


async def load_due_call_backs(work: Work) -> DueCallBacks:
    """Return the calls back of this member of staff that are due about now and in nobody's hands."""
    agreed = PhoneCall.geplantes_datum, PhoneCall.geplante_zeit
    query = (
        select(PhoneCall.id, *agreed, PhoneCall.rueckruf_durch, Therapist)
        .outerjoin(Therapist, Therapist.id == PhoneCall.therapist_id)
        .where(
            PhoneCall.status == CallStatus.SCHEDULED,
            PhoneCall.vereinbart_von == work.staff_id,
            PhoneCall.geplantes_datum == work.today,
            or_(PhoneCall.bearbeitet_bis.is_(None), PhoneCall.bearbeitet_bis <= work.now),
        )
        .order_by(*agreed)
    )
    async with work.transaction() as tx:
        rows = (await tx.session.execute(query)).all()
    calls = [
        DueCallBack(
            row.id,
            row.Therapist.display_name if row.Therapist else None,
            work.rules.instant(row.geplantes_datum, row.geplante_zeit),
            CallBackBy(row.rueckruf_durch),
        )
        for row in rows
    ]
    changes = [at for call in calls for at in (call.at - AHEAD, call.at + BEYOND) if at > work.now]
    due = [call for call in calls if call.at - AHEAD <= work.now < call.at + BEYOND]
    return DueCallBacks(due, min(changes, default=None))
