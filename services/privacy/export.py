"""All that is held about one therapist, as rows stand in the tables (GDPR Art. 15)."""

from enum import Enum
from typing import Any

from sqlalchemy import ColumnElement, select

from services.models import (
    Activity,
    Base,
    Draft,
    Email,
    EmailVersuch,
    Incoming,
    OutboxEvent,
    PhoneCall,
    StopEntry,
    Therapist,
)
from services.privacy.holdings import holdings_of
from services.work import Action, Transaction, Work

Row = dict[str, Any]


async def export_therapist(work: Work, therapist_id: int) -> Row:
    """Return all that is held about a therapist, ready to be written as JSON, and note that it was asked for.

    Members of staff appear by their ids only: their names are not the therapist's to have (Art. 15(4)).

    Raises:
        NothingHeld: nothing is.
    """
    async with work.transaction() as tx:
        about = await holdings_of(tx, therapist_id)
        attempts: dict[int, list[Row]] = {}
        for attempt in await _rows(tx, EmailVersuch, EmailVersuch.email_id.in_(about.emails)):
            attempts.setdefault(attempt["email_id"], []).append(attempt)
        emails = await _rows(tx, Email, Email.id.in_(about.emails))
        found = {
            "therapist_id": therapist_id,
            "exported_at": tx.now,
            "therapist": next(iter(await _rows(tx, Therapist, Therapist.id == therapist_id)), None),
            "emails": [{**email, "attempts": attempts.get(email["id"], [])} for email in emails],
            "incoming": await _rows(tx, Incoming, Incoming.id.in_(about.incoming)),
            "calls": await _rows(tx, PhoneCall, PhoneCall.id.in_(about.calls)),
            "drafts": await _rows(tx, Draft, about.drafts),
            "stop_list": await _rows(tx, StopEntry, about.stop_entries),
            "events": await _rows(tx, OutboxEvent, about.events),
            "activity": await _rows(tx, Activity, about.activity),
        }
        tx.record_id(Action.THERAPIST_EXPORTED, Therapist, therapist_id)
    return found


async def _rows(tx: Transaction, model: type[Base], which: ColumnElement[bool]) -> list[Row]:
    columns = model.__table__.c
    rows = await tx.session.execute(select(*columns).where(which).order_by(columns.id))
    return [{name: _plain(value) for name, value in row._mapping.items()} for row in rows]  # pyright: ignore[reportPrivateUsage]


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    return value.value if isinstance(value, Enum) else value
