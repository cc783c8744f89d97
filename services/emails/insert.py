"""Storing an e-mail that was checked and composed, by one statement, with its event."""

from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import ClassVar

import msgspec
from msgspec import UNSET

from services import idempotency
from services.emails.schedule import first_attempt_at
from services.emails.stop_list import spelling, stopped_error
from services.errors import InvalidInput
from services.events.report import CREATED
from services.events.types import EmailPayload
from services.idempotency import RESERVED, RepeatableRequest
from services.models import SCHEMA, EmailStatus
from services.therapists.directory import ErasedTherapist
from services.work import Actor
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
    "aktenzeichen",
    "antwort_an",
    "extern_id",
    "send_at",
    "expires_at",
    "anfrage_id",
    "traceparent",
)

ERASED = "geloescht"
"""Why nothing was stored, where it is not for the stop list's reasons."""

_GIVEN = ", ".join(f"${number}" for number, _ in enumerate(COLUMNS, start=10))

INSERT = f"""
    WITH stopped AS (
        SELECT grund, seit FROM {SCHEMA}.sperrliste WHERE adresse = $9 AND aufgehoben_at IS NULL
    ), erased AS (
        SELECT geloescht_at FROM {SCHEMA}.therapists WHERE id = $10 AND geloescht_at IS NOT NULL
    ), numbered AS (
        SELECT nextval('{SCHEMA}.emails_id_seq')::int AS id
        WHERE NOT EXISTS (SELECT FROM stopped) AND NOT EXISTS (SELECT FROM erased)
    ), reserved AS ({RESERVED}
    ), email AS (
        INSERT INTO {SCHEMA}.emails (id, created_at, updated_at, status, {", ".join(COLUMNS)})
        SELECT id, $1, $1, $8::text::{SCHEMA}.emailstatus, {_GIVEN}
        FROM numbered WHERE $3::text IS NULL OR EXISTS (SELECT FROM reserved)
        RETURNING id, anfrage_id, traceparent
    ), event AS ({CREATED}
    ), activity AS (
        INSERT INTO {SCHEMA}.activity (at, staff_id, actor, action, object_type, object_id, details)
        SELECT $1, $6::int, $7::text, 'email_created', 'email', id, '{{}}' FROM email WHERE $7::text = 'staff'
    )
    SELECT id, NULL AS grund, NULL AS seit FROM email
    UNION ALL (SELECT NULL::int, '{ERASED}', geloescht_at FROM erased
        UNION ALL SELECT NULL, grund, seit FROM stopped LIMIT 1)
"""  # noqa: S608
"""Stores nothing for who was erased or is on the stop list; $9 and $10 are recipient and therapist."""

REPEATED = f"SELECT created_at, message_id FROM {SCHEMA}.emails WHERE id = $1"  # noqa: S608

LONGEST_TOGETHER = 64 * 1024
"""Longer e-mails hold up nobody else's."""


@dataclass(slots=True, kw_only=True)
class MadeEmail:
    """An e-mail as it was made: what its row holds, as `Email` has it."""

    therapist_id: int
    betreff: str
    body_html: str
    body_text: str
    empfaenger_email: str
    empfaenger_name: str
    absender_email: str
    absender_name: str
    nachverfolgung_erforderlich: bool
    nachverfolgung_notizen: str | None
    message_id: str
    status: EmailStatus
    queued_at: datetime | None
    naechster_versuch_at: datetime | None
    aktenzeichen: str | None
    antwort_an: str | None
    extern_id: str | None
    send_at: datetime | None
    expires_at: datetime | None
    anfrage_id: str | None
    traceparent: str | None
    created_at: datetime
    updated_at: datetime
    id: int = 0

    version: ClassVar[int] = 1
    wiederholungsanzahl: ClassVar[int] = 0
    antwort_erhalten: ClassVar[bool] = False
    nachgefasst: ClassVar[bool] = False
    zustellung_unklar: ClassVar[bool] = False
    antwortdatum: ClassVar[None] = None
    antwortinhalt: ClassVar[None] = None
    antwort_art: ClassVar[None] = None
    anspruch: ClassVar[None] = None
    anspruch_bis: ClassVar[None] = None
    uebergabe_begonnen_at: ClassVar[None] = None
    sent_at: ClassVar[None] = None
    fehlermeldung: ClassVar[None] = None
    nachverfolgung_ab: ClassVar[None] = None
    nachverfolgung_hindernis: ClassVar[None] = None
    geloescht_at: ClassVar[None] = None


_values = attrgetter(*COLUMNS)


async def insert_email(
    statements: DirectPool, email: MadeEmail, *, actor: Actor, repeatable: RepeatableRequest | None
) -> bool:
    """Store a composed e-mail under a new id, its event, and who wrote it where that was staff.

    Of two requests with one key, the second waits for the first, and takes its place if that fails. What
    waits for nobody is stored together with others of this moment.

    Returns:
        False when the key has made an e-mail before; `email` then is as that request was answered.

    Raises:
        InvalidInput: the recipient is on the stop list.
        ErasedTherapist: an InvalidInput as well.
        IdempotencyConflict: the key was used with another body.
    """
    arguments = (
        email.created_at,
        *idempotency.reserving(SCOPE, repeatable),
        _payload(email),
        actor.staff_id,
        actor.kind,
        email.status,
        spelling(email.empfaenger_email),
        *_values(email),
    )
    if repeatable is None and len(email.body_html) + len(email.body_text) <= LONGEST_TOGETHER:
        rows = [await statements.fetch_together(INSERT, *arguments)]
    else:
        rows = await statements.fetch(INSERT, *arguments)
    if rows and rows[0]["id"] is not None:
        email.id = rows[0]["id"]
        return True
    earlier_id = await idempotency.made_before(statements, SCOPE, repeatable)
    if earlier_id is None:
        [refused] = rows
        if refused["grund"] == ERASED:
            raise ErasedTherapist
        raise InvalidInput(stopped_error("empfaenger_email", refused["grund"], refused["seit"]))
    [earlier] = await statements.fetch(REPEATED, earlier_id)
    email.id, email.message_id = earlier_id, earlier["message_id"]
    email.created_at = email.updated_at = earlier["created_at"]
    if email.queued_at is not None:
        email.queued_at = earlier["created_at"]
        email.naechster_versuch_at = first_attempt_at(email.created_at, email.send_at)
    return False


def _payload(email: MadeEmail) -> str:
    """Return the event's payload as `report_email` writes it, but for the id that is not known yet."""
    payload = EmailPayload(
        email_id=email.id,
        therapist_id=email.therapist_id,
        status=email.status,
        sent_at=email.sent_at,
        antwort_erhalten=email.antwort_erhalten,
        antwortdatum=email.antwortdatum,
        antwort_art=email.antwort_art,
        extern_id=email.extern_id or UNSET,
    )
    return msgspec.json.encode(payload).decode()
