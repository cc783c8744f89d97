"""Pieces that the statements of the queue and of the ledger share.

In the statement an e-mail is `e`, what it changed is the common table `changed`, and `$1` is now.
"""

from services.events import TOPIC, EventType
from services.models import SCHEMA, ReplyKind

ARRIVED = f"(e.antwort_erhalten OR e.antwort_art <> '{ReplyKind.UNDELIVERABLE}')"
"""Whether what came back for an e-mail says that it has arrived; unknown where nothing came back."""

NEXT_NUMBER = (
    f"1 + coalesce((SELECT max(v.nummer) FROM {SCHEMA}.email_versuche v WHERE v.email_id = c.id), 0)"  # noqa: S608
)
"""The number of the next attempt at `changed c`."""

_INSTANT = """
    to_char(c.{0} AT TIME ZONE 'UTC', CASE WHEN date_trunc('second', c.{0}) = c.{0}
        THEN 'YYYY-MM-DD"T"HH24:MI:SS"Z"' ELSE 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"' END)
"""
"""As `services.events` writes instants, so that the event is the one `report_email` would have written."""

REPORTED = "e.id, e.therapist_id, e.status, e.sent_at, e.antwort_erhalten, e.antwortdatum, e.antwort_art"
"""What `changed` returns for `REPORT`."""

REPORT = f"""
    INSERT INTO {SCHEMA}.event_outbox
        (event_id, event_type, topic, key, payload, created_at, available_at)
    SELECT gen_random_uuid(),
        CASE WHEN c.status = 'SENT' THEN '{EventType.EMAIL_SENT}' ELSE '{EventType.EMAIL_FAILED}' END,
        '{TOPIC}', 'email:' || c.id,
        jsonb_build_object(
            'email_id', c.id, 'therapist_id', c.therapist_id, 'status', c.status,
            'sent_at', {_INSTANT.format("sent_at")}, 'antwort_erhalten', c.antwort_erhalten,
            'antwortdatum', {_INSTANT.format("antwortdatum")}, 'antwort_art', c.antwort_art),
        $1, $1
    FROM changed c WHERE c.status IN ('SENT', 'FAILED') ORDER BY c.id
"""  # noqa: S608
"""Writes the events of all that was sent or has failed."""
