"""Calls back that somebody agreed and that are due: said to them on every page, shortly before."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Date, DateTime, Integer, Select, bindparam, or_, select

from services.models import CallBackBy, CallStatus, PhoneCall, Therapist
from services.models.therapists import display_name
from services.work import Transaction, Work
from shared.plain_rows import PlainQuery

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


NAMED = (Therapist.titel, Therapist.vorname, Therapist.nachname)


def _agreed() -> Select[*tuple[Any, ...]]:
    planned = PhoneCall.geplantes_datum, PhoneCall.geplante_zeit
    free = PhoneCall.bearbeitet_bis <= bindparam("now", type_=DateTime(timezone=True))
    return (
        select(PhoneCall.id, *planned, PhoneCall.rueckruf_durch, *NAMED)
        .outerjoin(Therapist, Therapist.id == PhoneCall.therapist_id)
        .where(
            PhoneCall.status == CallStatus.SCHEDULED,
            PhoneCall.vereinbart_von == bindparam("staff_id", type_=Integer),
            PhoneCall.geplantes_datum == bindparam("today", type_=Date),
            or_(PhoneCall.bearbeitet_bis.is_(None), free),
        )
        .order_by(*planned)
    )


AGREED = PlainQuery(_agreed())


async def load_due_call_backs(work: Work) -> DueCallBacks:
    """Return the calls back of this member of staff that are due about now and in nobody's hands."""
    async with work.transaction() as tx:
        return await read_due_call_backs(tx)


async def read_due_call_backs(tx: Transaction) -> DueCallBacks:
    """Return the same in a transaction that has begun."""
    rows = await tx.rows(AGREED, staff_id=tx.staff_id, today=tx.today, now=tx.now)
    calls = [
        DueCallBack(call_id, display_name(*name), tx.rules.instant(day, at), CallBackBy(by))
        for call_id, day, at, by, *name in rows
    ]
    changes = [at for call in calls for at in (call.at - AHEAD, call.at + BEYOND) if at > tx.now]
    due = [call for call in calls if call.at - AHEAD <= tx.now < call.at + BEYOND]
    return DueCallBacks(due, min(changes, default=None))
