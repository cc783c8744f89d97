"""Events in statements of SQL, beside `Transaction.report`: taking them back, and writing many at once."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete

from services.events.types import TOPIC, EmailFailure, EventType
from services.models import SCHEMA, OutboxEvent, PhoneCall, ReplyKind, Unsent
from services.work import Transaction

_INSTANT = """
    to_char(c.{0} AT TIME ZONE 'UTC', CASE WHEN date_trunc('second', c.{0}) = c.{0}
        THEN 'YYYY-MM-DD"T"HH24:MI:SS"Z"' ELSE 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"' END)
"""
"""As `EmailPayload` writes instants."""

_REASON = f"""
    CASE WHEN c.antwort_erhalten THEN '{EmailFailure.ANSWERED}'
        WHEN c.fehlermeldung = '{Unsent.STOPPED}' THEN '{EmailFailure.STOPPED}'
        WHEN c.fehlermeldung = '{Unsent.EXPIRED}' THEN '{EmailFailure.EXPIRED}'
        WHEN c.antwort_art = '{ReplyKind.UNDELIVERABLE}' THEN '{EmailFailure.BOUNCED}'
        ELSE '{EmailFailure.REFUSED}' END
"""
"""As `EmailFailure.of` says it."""

REPORTED = """
    e.id, e.therapist_id, e.status, e.sent_at, e.antwort_erhalten, e.antwortdatum, e.antwort_art,
    e.fehlermeldung, e.extern_id, e.anfrage_id, e.traceparent
"""
"""What `changed` returns for `REPORT`."""

REPORT = f"""
    INSERT INTO {SCHEMA}.event_outbox
        (event_id, event_type, topic, key, payload, created_at, available_at, anfrage_id, traceparent)
    SELECT gen_random_uuid(),
        CASE WHEN c.status = 'SENT' THEN '{EventType.EMAIL_SENT}' ELSE '{EventType.EMAIL_FAILED}' END,
        '{TOPIC}', 'email:' || c.id,
        jsonb_build_object(
            'email_id', c.id, 'therapist_id', c.therapist_id, 'status', c.status,
            'sent_at', {_INSTANT.format("sent_at")}, 'antwort_erhalten', c.antwort_erhalten,
            'antwortdatum', {_INSTANT.format("antwortdatum")}, 'antwort_art', c.antwort_art)
        || CASE WHEN c.extern_id IS NULL THEN '{{}}' ELSE jsonb_build_object('extern_id', c.extern_id) END
        || CASE WHEN c.status = 'SENT' THEN '{{}}' ELSE jsonb_build_object('reason', {_REASON}) END,
        $1, $1, c.anfrage_id, c.traceparent
    FROM changed c WHERE c.status IN ('SENT', 'FAILED') ORDER BY c.id
"""  # noqa: S608
"""Writes, in the statement that settles many deliveries, what `Transaction.report` would of each."""

CREATED = f"""
    INSERT INTO {SCHEMA}.event_outbox
        (event_id, event_type, topic, key, payload, created_at, available_at, anfrage_id, traceparent)
    SELECT gen_random_uuid(), '{EventType.EMAIL_CREATED}', '{TOPIC}', 'email:' || id,
        $5::text::jsonb || jsonb_build_object('email_id', id), $1, $1, anfrage_id, traceparent
    FROM email
"""  # noqa: S608
"""Writes, in the statement that stores a new e-mail, its event: $5 is its payload."""


async def retract(tx: Transaction, event_ids: Sequence[UUID]) -> int:
    """Take back events nobody has been told of.

    Returns:
        How many were still waiting; fewer than given means that some are out.
    """
    retracted = await tx.session.scalars(
        delete(OutboxEvent)
        .where(OutboxEvent.event_id.in_(event_ids), OutboxEvent.published_at.is_(None))
        .returning(OutboxEvent.id)
    )
    return len(retracted.all())


async def retract_all(tx: Transaction, call: PhoneCall) -> None:
    """Take back whatever nobody has been told yet of a call that is going to be deleted."""
    await tx.session.execute(
        delete(OutboxEvent).where(
            OutboxEvent.key == f"call:{call.id}",
            OutboxEvent.published_at.is_(None),
            OutboxEvent.set_aside_at.is_(None),
        )
    )
