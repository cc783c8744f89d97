"""The events this service reports, and the one way to report them: a row in the change's transaction."""

from datetime import datetime
from enum import StrEnum
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from services.models import Email, OutboxEvent, PhoneCall
from services.subjects import OUTBOX
from shared.database import wake

TOPIC = "communication-events"


class EventType(StrEnum):
    """What happened."""

    EMAIL_CREATED = "communication.email_created"
    EMAIL_SENT = "communication.email_sent"
    EMAIL_FAILED = "communication.email_failed"
    EMAIL_REPLIED = "communication.email_replied"
    CALL_SCHEDULED = "communication.call_scheduled"
    CALL_COMPLETED = "communication.call_completed"
    CALL_FAILED = "communication.call_failed"
    CALL_CANCELED = "communication.call_canceled"


def report_email(session: AsyncSession, event_type: EventType, email: Email, *, now: datetime) -> OutboxEvent:
    """Report a change of a flushed e-mail in the running transaction."""
    payload: dict[str, object] = {
        "email_id": email.id,
        "therapist_id": email.therapist_id,
        "status": email.status.value,
        "sent_at": _iso(email.sent_at),
        "antwort_erhalten": email.antwort_erhalten,
        "antwortdatum": _iso(email.antwortdatum),
        "antwort_art": email.antwort_art,
    }
    return _append(session, event_type, f"email:{email.id}", payload, now=now, available_at=now)


def report_call(
    session: AsyncSession,
    event_type: EventType,
    call: PhoneCall,
    *,
    now: datetime,
    available_at: datetime | None = None,
) -> OutboxEvent:
    """Report a change of a flushed call; not published before `available_at`, so it can be taken back."""
    payload: dict[str, object] = {
        "phone_call_id": call.id,
        "therapist_id": call.therapist_id,
        "email_id": call.email_id,
        "status": call.status,
        "geplantes_datum": call.geplantes_datum.isoformat(),
        "geplante_zeit": f"{call.geplante_zeit:%H:%M}",
        "dauer_minuten": call.dauer_minuten,
        "grund": call.grund,
        "versuch": call.versuch,
        "ergebnis_art": call.ergebnis_art,
        "vorheriger_anruf_id": call.vorheriger_anruf_id,
    }
    return _append(session, event_type, f"call:{call.id}", payload, now=now, available_at=available_at or now)


def _append(
    session: AsyncSession,
    event_type: EventType,
    key: str,
    payload: dict[str, object],
    *,
    now: datetime,
    available_at: datetime,
) -> OutboxEvent:
    event = OutboxEvent(
        event_id=uuid4(),
        event_type=event_type,
        topic=TOPIC,
        key=key,
        payload=payload,
        created_at=now,
        available_at=available_at,
    )
    session.add(event)
    wake(session, OUTBOX)
    return event


def _iso(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant else None
