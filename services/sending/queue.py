"""The e-mail queue in the database: claiming, leases, the pause all workers share, slow domains.

An e-mail whose `expires_at` has come is neither claimed nor handed over: it fails.

A claim is a lease: a token per e-mail and an end. Every later write names the token; when somebody else has
taken the e-mail over in the meantime, it changes nothing. An unclear e-mail keeps the token, so that a sender
that was only cut off can still say what the mail server answered.
"""

import json
from dataclasses import dataclass
from datetime import datetime

import structlog

from services.events.report import REPORT, REPORTED
from services.models import SCHEMA, EmailStatus, Ending, ReplyKind, Unsent
from services.sending.deliveries import ClaimedEmail
from services.sending.verdict import ENDING_WORDS, RefusalHistory
from shared.direct_connection import DirectConnection

EXPIRED_AT_ONCE = 1_000

log = structlog.get_logger(__name__)

DOMAIN = "lower(split_part(e.empfaenger_email, '@', -1))"

DUE = f"""
    e.status = 'QUEUED' AND e.naechster_versuch_at <= $1 AND (e.expires_at IS NULL OR e.expires_at > $1)
    AND NOT EXISTS (SELECT FROM {SCHEMA}.mail_domains d WHERE d.domain = {DOMAIN} AND d.slow_until > $1)
"""

TAKE = f"""
    UPDATE {SCHEMA}.emails e
    SET status = 'SENDING', anspruch = gen_random_uuid(), anspruch_bis = $2,
        uebergabe_begonnen_at = NULL, updated_at = $1
    FROM due WHERE e.id = due.id
    RETURNING e.id, e.anspruch AS token, e.anspruch_bis AS lease_end, e.betreff, e.body_html, e.body_text,
        e.empfaenger_email, e.empfaenger_name, e.absender_email, e.absender_name, e.antwort_an, e.message_id,
        greatest(coalesce(e.queued_at, e.created_at), e.send_at) AS queued_at,
        e.wiederholungsanzahl AS retries, e.anfrage_id AS request_id, e.traceparent, {DOMAIN} AS domain,
        due.queue_failures,
        coalesce((SELECT d.failures FROM {SCHEMA}.mail_domains d WHERE d.domain = {DOMAIN}), 0)
            AS domain_failures
"""  # noqa: S608

CLAIM = f"""
    WITH due AS (
        SELECT e.id, 0 AS queue_failures FROM {SCHEMA}.emails e
        WHERE {DUE} AND NOT EXISTS (
            SELECT FROM {SCHEMA}.mail_queue_state WHERE failures > 0 OR held_at IS NOT NULL)
        ORDER BY e.naechster_versuch_at, e.id LIMIT $3 FOR UPDATE SKIP LOCKED
    ) {TAKE}
"""  # noqa: S608

PROBE = f"""
    WITH probe AS (
        UPDATE {SCHEMA}.mail_queue_state SET paused_until = $3
        WHERE id = 1 AND failures > 0 AND paused_until <= $1 AND held_at IS NULL
          AND EXISTS (SELECT FROM {SCHEMA}.emails e WHERE {DUE})
        RETURNING failures
    ), due AS (
        SELECT e.id, probe.failures AS queue_failures FROM {SCHEMA}.emails e, probe
        WHERE {DUE}
        ORDER BY e.naechster_versuch_at, e.id LIMIT 1 FOR UPDATE OF e SKIP LOCKED
    ) {TAKE}
"""  # noqa: S608

ARRIVED = f"(e.antwort_erhalten OR e.antwort_art <> '{ReplyKind.UNDELIVERABLE}')"
"""Whether what came back for an e-mail says that it has arrived; unknown where nothing came back."""

UNWANTED = f"""
    CASE WHEN e.antwort_erhalten THEN '{Unsent.ANSWERED}' WHEN EXISTS (
        SELECT FROM {SCHEMA}.sperrliste s
        WHERE s.adresse = lower(e.empfaenger_email) AND s.aufgehoben_at IS NULL
    ) THEN '{Unsent.STOPPED}' WHEN e.expires_at <= $1 THEN '{Unsent.EXPIRED}' END
"""
"""Why an e-mail is not sent (any more), though no mail server has refused it, or NULL. $1 is now."""

BACK = f"CASE WHEN {UNWANTED} IS NULL THEN 'QUEUED' ELSE 'FAILED' END"
"""Where a claim that ends without a delivery leads."""

HELD = f"EXISTS (SELECT FROM {SCHEMA}.mail_queue_state WHERE held_at IS NOT NULL)"
"""Whether an operator holds the queue."""

NEXT_NUMBER = (
    f"1 + coalesce((SELECT max(v.nummer) FROM {SCHEMA}.email_versuche v WHERE v.email_id = c.id), 0)"  # noqa: S608
)
"""The number of the next attempt at `changed c`."""

SWEEP = f"""
    WITH expired AS (
        SELECT e.id, begun, CASE WHEN e.uebergabe_begonnen_at IS NULL THEN '{Ending.HELD}'
                ELSE '{Ending.WORKER_ENDED}' END AS ending,
            CASE WHEN begun IS NULL THEN {BACK} WHEN {ARRIVED} THEN 'SENT'
                ELSE 'SENDING' END::{SCHEMA}.emailstatus AS status
        FROM {SCHEMA}.emails e, LATERAL (
            SELECT coalesce(e.uebergabe_begonnen_at, CASE WHEN {HELD} THEN e.updated_at END) AS begun) b
        WHERE e.status = 'SENDING' AND e.anspruch_bis < $1
        FOR UPDATE OF e SKIP LOCKED
    ), changed AS (
        UPDATE {SCHEMA}.emails e
        SET status = expired.status, anspruch_bis = NULL, updated_at = $1,
            anspruch = CASE WHEN expired.status = 'SENDING' THEN e.anspruch END,
            sent_at = CASE WHEN expired.status = 'SENT' THEN begun END,
            uebergabe_begonnen_at = begun,
            naechster_versuch_at = CASE expired.status
                WHEN 'QUEUED' THEN $1 WHEN 'SENDING' THEN e.naechster_versuch_at END,
            fehlermeldung = CASE expired.status WHEN 'QUEUED' THEN e.fehlermeldung
                WHEN 'SENDING' THEN $2::json->>ending WHEN 'FAILED' THEN {UNWANTED} END
        FROM expired WHERE e.id = expired.id
        RETURNING {REPORTED}, begun, ending
    ), attempts AS (
        INSERT INTO {SCHEMA}.email_versuche
            (email_id, nummer, begonnen_at, beendet_at, stufe, ergebnis, ende)
        SELECT id, {NEXT_NUMBER}, begun, $1, 'data', 'unclear', ending
        FROM changed c WHERE begun IS NOT NULL
    ), events AS (
        {REPORT}
    )
    SELECT id, status, anfrage_id FROM changed
"""  # noqa: S608

EXPIRE = f"""
    WITH late AS (
        SELECT e.id FROM {SCHEMA}.emails e WHERE e.status = 'QUEUED' AND e.expires_at <= $1
        ORDER BY e.expires_at LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED
    ), changed AS (
        UPDATE {SCHEMA}.emails e
        SET status = 'FAILED', naechster_versuch_at = NULL, fehlermeldung = {UNWANTED}, updated_at = $1
        FROM late WHERE e.id = late.id
        RETURNING {REPORTED}
    ), events AS (
        {REPORT}
    )
    SELECT id, anfrage_id FROM changed
"""  # noqa: S608

NOTE_REFUSAL = f"""
    WITH before AS (
        SELECT refused_id, refused_at, refused_all FROM {SCHEMA}.mail_queue_state WHERE id = 1 FOR UPDATE
    ), comparison AS (
        SELECT EXISTS (
            SELECT FROM before JOIN {SCHEMA}.emails o ON o.id = before.refused_id
            JOIN {SCHEMA}.emails e ON e.id = $2
            WHERE (refused_all OR lower(o.empfaenger_email) <> lower(e.empfaenger_email))
              AND coalesce((SELECT max(sent_at) FROM {SCHEMA}.emails) <= before.refused_at, true)
        ) AS meets_all
    ), noted AS (
        INSERT INTO {SCHEMA}.mail_queue_state (id, refused_id, refused_at, refused_all)
        SELECT 1, $2, $1, meets_all FROM comparison
        ON CONFLICT (id) DO UPDATE SET refused_id = $2, refused_at = $1, refused_all = excluded.refused_all
    ), refusals AS (
        SELECT beendet_at AS refused, lead(begonnen_at, 1, $1) OVER (ORDER BY nummer) AS again
        FROM {SCHEMA}.email_versuche
        WHERE email_id = $2 AND begonnen_at >= $3 AND smtp_code >= 500 AND ergebnis = 'retry'
    )
    SELECT
        (SELECT meets_all FROM comparison) AS meets_all,
        count(*) AS earlier,
        count(*) FILTER (WHERE (SELECT min(sent_at) FROM {SCHEMA}.emails WHERE sent_at > refused) <= again)
            AS alone
    FROM refusals
"""  # noqa: S608
"""Attempts that ended in `retry` with a code from 500 on are refusals that did not meet all."""

PAUSE = f"""
    INSERT INTO {SCHEMA}.mail_queue_state AS s (id, failures, paused_until, reason) VALUES (1, 1, $2, $3)
    ON CONFLICT (id) DO UPDATE SET failures = s.failures + 1, paused_until = $2, reason = $3
    WHERE s.failures = $1
    RETURNING failures
"""  # noqa: S608

RESUME = f"""
    UPDATE {SCHEMA}.mail_queue_state SET failures = 0, paused_until = NULL, reason = NULL
    WHERE id = 1 AND failures = $1
    RETURNING failures
"""  # noqa: S608

SLOW_DOWN = f"""
    INSERT INTO {SCHEMA}.mail_domains AS d (domain, slow_until, failures) VALUES ($1, $3, 1)
    ON CONFLICT (domain) DO UPDATE SET failures = d.failures + 1, slow_until = $3
    WHERE d.failures = $2
"""  # noqa: S608

ACCEPTED_SINCE = f"SELECT FROM {SCHEMA}.emails WHERE sent_at > $1 LIMIT 1"

SPEED_UP = f"DELETE FROM {SCHEMA}.mail_domains WHERE domain = $1 AND failures = $2"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Swept:
    """What became of e-mails whose lease had ended: `sent` are those whose delivery an answer proves.

    `unwanted` are those not to be sent any more, because of an answer, the stop list or their time.
    """

    requeued: list[int]
    unclear: list[int]
    sent: list[int]
    unwanted: list[int]


class EmailQueue:
    """The senders' side of the queue. All methods raise `UNREACHABLE` errors.

    Its commits need not wait for the disk: a lost claim fails at the guarded write before DATA.
    """

    def __init__(self, connection: DirectConnection) -> None:
        self._connection = connection

    async def claim(self, limit: int, *, now: datetime, lease_end: datetime) -> list[ClaimedEmail]:
        """Take up to `limit` due e-mails, longest due first; none while the queue is paused or held."""
        rows = await self._connection.fetch(CLAIM, now, lease_end, limit)
        return _in_order([ClaimedEmail(**row) for row in rows])

    async def probe(
        self, *, now: datetime, lease_end: datetime, next_probe_at: datetime
    ) -> list[ClaimedEmail]:
        """Take one e-mail to find out whether a pause that is over can end; nobody else may for a while."""
        rows = await self._connection.fetch(PROBE, now, lease_end, next_probe_at)
        return [ClaimedEmail(**row) for row in rows]

    async def sweep(self, *, now: datetime) -> Swept:
        """End expired leases: before DATA the e-mail is queued again, after it the delivery is unclear.

        It is not where somebody has answered: that e-mail counts as sent, or before DATA as failed; so does
        one to an address on the stop list, or whose time is over. While the queue is held, all of them are
        unclear, those before DATA too: in an older state restored, nobody knows what came after.
        """
        rows = await self._connection.fetch(SWEEP, now, json.dumps(ENDING_WORDS))
        for row in rows:
            log.warning(
                "email_lease_ended", email_id=row["id"], request_id=row["anfrage_id"], status=row["status"]
            )

        def became(status: EmailStatus) -> list[int]:
            return [row["id"] for row in rows if row["status"] == status]

        return Swept(
            requeued=became(EmailStatus.QUEUED),
            unclear=became(EmailStatus.SENDING),
            sent=became(EmailStatus.SENT),
            unwanted=became(EmailStatus.FAILED),
        )

    async def expire(self, *, now: datetime) -> list[int]:
        """Let what waits and was to be sent before now fail, some at a time, held or paused or not."""
        rows = await self._connection.fetch(EXPIRE, now, EXPIRED_AT_ONCE)
        for row in rows:
            log.warning("email_expired", email_id=row["id"], request_id=row["anfrage_id"])
        return sorted(row["id"] for row in rows)

    async def pause(self, seen: int, *, until: datetime, reason: str) -> bool:
        """Pause sending for all workers, unless the number of failures is no longer the one seen."""
        return bool(await self._connection.fetch(PAUSE, seen, until, reason))

    async def accepted_since(self, instant: datetime) -> bool:
        """Say whether the mail server has taken an e-mail from any worker since an instant."""
        return bool(await self._connection.fetch(ACCEPTED_SINCE, instant))

    async def note_refusal(self, email: ClaimedEmail, *, now: datetime) -> RefusalHistory:
        """Note that an e-mail was refused, but for its mailbox or size; return what the others have met."""
        (row,) = await self._connection.fetch(NOTE_REFUSAL, now, email.id, email.queued_at)
        return RefusalHistory(**row)

    async def is_held(self) -> bool:
        """Say whether an operator holds the queue."""
        (row,) = await self._connection.fetch(f"SELECT {HELD} AS held")
        return row["held"]

    async def resume(self, seen: int) -> bool:
        """End the pause after a probe got through, unless it is no longer the pause that was seen."""
        return bool(await self._connection.fetch(RESUME, seen))

    async def slow_down(self, domain: str, seen: int, *, until: datetime) -> None:
        """Send nothing to a recipient domain until an instant."""
        await self._connection.fetch(SLOW_DOWN, domain, seen, until)

    async def speed_up(self, domain: str, seen: int) -> None:
        """Forget that a domain asked for patience."""
        await self._connection.fetch(SPEED_UP, domain, seen)


def _in_order(emails: list[ClaimedEmail]) -> list[ClaimedEmail]:
    return sorted(emails, key=lambda email: (email.queued_at, email.id))
