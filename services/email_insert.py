"""Storing a new e-mail with all that belongs to it in one statement, so in one round trip and one commit.

The session way (BEGIN, three INSERTs, COMMIT) took most of the time of a `POST /api/emails`.
"""

from uuid import uuid4

import msgspec

from services.activity import Actor
from services.errors import IdempotencyConflict
from services.event_types import EmailPayload
from services.events import TOPIC, EventType
from services.idempotency import RepeatableRequest
from services.models import SCHEMA, Email
from shared.direct_connection import DirectPool

SCOPE = "email"
COLUMNS = (
    "therapist_id",
    "betreff",
    "body_html",
    "body_text",
    "empfaenger_email",
    "empfaenger_name",
    "absender_email",
    "absender_name",
    "nachverfolgung_erforderlich",
    "nachverfolgung_notizen",
    "message_id",
    "queued_at",
    "naechster_versuch_at",
)
_GIVEN = ", ".join(f"${number}" for number, _ in enumerate(COLUMNS, start=10))

INSERT = f"""
    WITH numbered AS (
        SELECT nextval('{SCHEMA}.emails_id_seq')::int AS id
    ), reserved AS (
        INSERT INTO {SCHEMA}.idempotency_keys (scope, key, request_hash, resource_id)
        SELECT $9::text, $2::text, $3::bytea, id FROM numbered WHERE $2::text IS NOT NULL
        ON CONFLICT DO NOTHING
        RETURNING resource_id
    ), email AS (
        INSERT INTO {SCHEMA}.emails (id, created_at, updated_at, status, {", ".join(COLUMNS)})
        SELECT id, $1, $1, $4::text::{SCHEMA}.emailstatus, {_GIVEN}
        FROM numbered WHERE $2::text IS NULL OR EXISTS (SELECT FROM reserved)
        RETURNING id
    ), event AS (
        INSERT INTO {SCHEMA}.event_outbox
            (event_id, event_type, topic, key, payload, created_at, available_at)
        SELECT $5, '{EventType.EMAIL_CREATED}', '{TOPIC}', 'email:' || id,
            $6::text::jsonb || jsonb_build_object('email_id', id), $1, $1
        FROM email
    ), activity AS (
        INSERT INTO {SCHEMA}.activity (at, staff_id, actor, action, object_type, object_id, details)
        SELECT $1, $7::int, $8::text, 'email_created', 'email', id, '{{}}' FROM email WHERE $8::text = 'staff'
    )
    SELECT id FROM email
"""  # noqa: S608

EARLIER = f"""
    SELECT key.request_hash, email.id, email.created_at, email.message_id
    FROM {SCHEMA}.idempotency_keys key JOIN {SCHEMA}.emails email ON email.id = key.resource_id
    WHERE key.scope = $1 AND key.key = $2
"""  # noqa: S608


async def insert_email(
    statements: DirectPool, email: Email, *, actor: Actor, repeatable: RepeatableRequest | None
) -> bool:
    """Store a composed e-mail under a new id, its event, and who wrote it where that was staff.

    Of two requests with one key, the second waits for the first, and takes its place if that fails.

    Returns:
        False when the key has made an e-mail before; `email` then is as that request was answered.

    Raises:
        IdempotencyConflict: the key was used with another body.
    """
    rows = await statements.fetch(
        INSERT,
        email.created_at,
        repeatable and repeatable.key,
        repeatable and repeatable.request_hash,
        email.status,
        uuid4(),
        _payload(email),
        actor.staff_id,
        actor.kind,
        repeatable and repeatable.scope(SCOPE),
        *[getattr(email, column) for column in COLUMNS],
    )
    if rows:
        email.id = rows[0]["id"]
        return True
    assert repeatable
    [earlier] = await statements.fetch(EARLIER, repeatable.scope(SCOPE), repeatable.key)
    if earlier["request_hash"] != repeatable.request_hash:
        raise IdempotencyConflict(resource_id=earlier["id"])
    email.id, email.message_id = earlier["id"], earlier["message_id"]
    email.created_at = email.updated_at = earlier["created_at"]
    if email.queued_at is not None:
        email.queued_at = email.naechster_versuch_at = earlier["created_at"]
    return False


def _payload(email: Email) -> str:
    """Return the event's payload as `report_email` writes it, but for the id that is not known yet."""
    return msgspec.json.encode(EmailPayload.of(email)).decode()
