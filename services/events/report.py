"""The one way to report an event: a row in the outbox, in the transaction of the change it reports."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from services.events.types import CallPayload, EmailPayload, EventType
from services.hints import OUTBOX
from services.models import Email, OutboxEvent, PhoneCall
from shared.database import wake

__all__ = ["SERVICE_NAME", "TOPIC", "EventType", "report_call", "report_email", "retract"]

SERVICE_NAME = "communication-service"
TOPIC = "communication-events"


def report_email(session: AsyncSession, event_type: EventType, email: Email, *, now: datetime) -> OutboxEvent:
    """Report a change of a flushed e-mail. Runs in the caller's transaction.

    The flush before is what keeps order: it holds the e-mail's row lock while the event takes its number.
    """
    return _append(session, event_type, f"email:{email.id}", EmailPayload.of(email), now, now)


def report_call(
    session: AsyncSession,
    event_type: EventType,
    call: PhoneCall,
    *,
    now: datetime,
    available_at: datetime | None = None,
) -> OutboxEvent:
    """Report a change of a flushed call. Runs in the caller's transaction.

    It is not published before `available_at`, so until then it can be taken back with `retract`.
    """
    return _append(session, event_type, f"call:{call.id}", CallPayload.of(call), now, available_at or now)


async def retract(session: AsyncSession, event_ids: Sequence[UUID]) -> int:
    """Take back events nobody has been told of. Runs in the caller's transaction.

    Returns:
        How many were still waiting; fewer than given means that some are out.
    """
    retracted = await session.scalars(
        delete(OutboxEvent)
        .where(OutboxEvent.event_id.in_(event_ids), OutboxEvent.published_at.is_(None))
        .returning(OutboxEvent.id)
    )
    return len(retracted.all())


def _append(
    session: AsyncSession,
    event_type: EventType,
    key: str,
    payload: EmailPayload | CallPayload,
    now: datetime,
    available_at: datetime,
) -> OutboxEvent:
    event = OutboxEvent(
        event_id=uuid4(),
        event_type=event_type,
        topic=TOPIC,
        key=key,
        payload=msgspec.to_builtins(payload),
        created_at=now,
        available_at=available_at,
    )
    session.add(event)
    wake(session, OUTBOX)
    return event
