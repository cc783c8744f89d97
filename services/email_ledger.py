"""Group commit for the senders: what is waiting is written together, in one statement and one commit.

Two marks per e-mail: "DATA begins", durable before the server hears DATA, and how the attempt ended.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg
import structlog

from services.email_queue import NEXT_NUMBER, ClaimedEmail
from services.events import TOPIC, EventType
from services.models import SCHEMA, AttemptOutcome, AttemptStage, EmailStatus
from services.subjects import EMAILS, OUTBOX
from shared.clock import Clock
from shared.direct_connection import UNREACHABLE, DirectConnection
from shared.notifications import Notifier

RETRY_SECONDS = (0.1, 2.0)
log = structlog.get_logger(__name__)

UNWRITABLE = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, ValueError)
"""This entry will never be written, however often it is tried."""

ISO_INSTANT = """
    to_char(c.{0} AT TIME ZONE 'UTC', CASE WHEN date_trunc('second', c.{0}) = c.{0}
        THEN 'YYYY-MM-DD"T"HH24:MI:SS"Z"' ELSE 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"' END)
"""
"""As `services.events` writes instants, so that the event is the one `report_email` would have written."""

WRITE = f"""
    WITH begun AS (
        UPDATE {SCHEMA}.emails e SET uebergabe_begonnen_at = $3, anspruch_bis = $4
        FROM unnest($1::int[], $2::uuid[]) AS b(id, token)
        WHERE e.id = b.id AND e.anspruch = b.token
        RETURNING e.id
    ), entry AS (
        SELECT * FROM json_to_recordset($5::json) AS t(
            id int, token uuid, status {SCHEMA}.emailstatus, sent_at timestamptz, next_at timestamptz,
            retries int, error text, begun timestamptz, ended timestamptz, stage text, code int, text text,
            outcome text)
    ), changed AS (
        UPDATE {SCHEMA}.emails e
        SET status = entry.status, anspruch = NULL, anspruch_bis = NULL, sent_at = entry.sent_at,
            naechster_versuch_at = coalesce(entry.next_at, e.naechster_versuch_at),
            wiederholungsanzahl = entry.retries, updated_at = $3,
            fehlermeldung = CASE WHEN entry.outcome IS NULL THEN e.fehlermeldung ELSE entry.error END,
            uebergabe_begonnen_at = CASE WHEN entry.status IN ('SENT', 'SENDING')
                THEN coalesce(e.uebergabe_begonnen_at, $3) END
        FROM entry WHERE e.id = entry.id AND e.anspruch = entry.token
        RETURNING e.id, e.therapist_id, e.status, e.sent_at,
            e.antwort_erhalten, e.antwortdatum, e.antwort_art,
            entry.begun, entry.ended, entry.stage, entry.code, entry.text, entry.outcome
    ), attempts AS (
        INSERT INTO {SCHEMA}.email_versuche
            (email_id, nummer, begonnen_at, beendet_at, stufe, smtp_code, smtp_text, ergebnis)
        SELECT id, {NEXT_NUMBER}, begun, ended, stage, code, text, outcome
        FROM changed c WHERE outcome IS NOT NULL
    ), events AS (
        INSERT INTO {SCHEMA}.event_outbox
            (event_id, event_type, topic, key, payload, created_at, available_at)
        SELECT gen_random_uuid(),
            CASE WHEN c.status = 'SENT' THEN '{EventType.EMAIL_SENT}' ELSE '{EventType.EMAIL_FAILED}' END,
            '{TOPIC}', 'email:' || c.id,
            jsonb_build_object(
                'email_id', c.id, 'therapist_id', c.therapist_id, 'status', c.status,
                'sent_at', {ISO_INSTANT.format("sent_at")}, 'antwort_erhalten', c.antwort_erhalten,
                'antwortdatum', {ISO_INSTANT.format("antwortdatum")}, 'antwort_art', c.antwort_art),
            $3, $3
        FROM changed c WHERE c.status IN ('SENT', 'FAILED') ORDER BY c.id
    )
    SELECT id FROM begun UNION ALL SELECT id FROM changed
"""  # noqa: S608


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One row of `email_versuche`."""

    begun: datetime
    ended: datetime
    stage: AttemptStage
    code: int | None
    text: str
    outcome: AttemptOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """How a claim ends. `SENDING` means unclear; without an attempt the e-mail just goes back."""

    email: ClaimedEmail
    status: EmailStatus
    retries: int
    error: str | None = None
    sent_at: datetime | None = None
    next_at: datetime | None = None
    attempt: Attempt | None = None

    def as_json(self) -> dict[str, object]:
        """Return the entry as the statement reads it."""
        attempt = self.attempt
        return {
            "id": self.email.id,
            "token": str(self.email.token),
            "status": self.status.value,
            "sent_at": self.sent_at and self.sent_at.isoformat(),
            "next_at": self.next_at and self.next_at.isoformat(),
            "retries": self.retries,
            "error": self.error,
            "begun": attempt and attempt.begun.isoformat(),
            "ended": attempt and attempt.ended.isoformat(),
            "stage": attempt and attempt.stage.value,
            "code": attempt and attempt.code,
            "text": attempt and attempt.text,
            "outcome": attempt and attempt.outcome.value,
        }


class _Begin:
    """A sender waiting for its mark."""

    def __init__(self, email: ClaimedEmail) -> None:
        self.email = email
        self.answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def resolve(self, answer: bool) -> None:
        """Answer, unless nobody waits any more."""
        if not self.answer.done():
            self.answer.set_result(answer)


class Ledger:
    """Writes what is waiting together, and at once when a connection is free.

    With two connections, the marks that arrive while a commit waits for the disk don't wait for it as well.
    """

    def __init__(
        self,
        connections: Sequence[DirectConnection],
        notifier: Notifier,
        clock: Clock,
        lease: timedelta,
    ) -> None:
        self._connections = connections
        self._notifier = notifier
        self._clock = clock
        self._lease = lease
        self._begins: list[_Begin] = []
        self._entries: list[Entry] = []
        self._writing = 0
        self._wanted = asyncio.Event()
        self._written = asyncio.Event()
        self._written.set()

    async def begin(self, email: ClaimedEmail) -> bool:
        """Make "DATA begins" durable and renew the lease; False when the lease is no longer ours."""
        begin = _Begin(email)
        self._begins.append(begin)
        self._want()
        return await begin.answer

    def finish(self, entry: Entry) -> None:
        """Hand in how a claim ends; it is written even if that takes the database's return."""
        self._entries.append(entry)
        self._want()

    async def flush(self) -> None:
        """Wait until all that was handed in is written."""
        await self._written.wait()

    async def run(self) -> None:
        """Write until cancelled."""
        async with asyncio.TaskGroup() as group:
            for connection in self._connections:
                group.create_task(self._write_for_ever(connection))

    async def _write_for_ever(self, connection: DirectConnection) -> None:
        delay, cap = RETRY_SECONDS
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            begins = [begin for begin in self._begins if not begin.answer.done()]
            entries, self._begins, self._entries = self._entries, [], []
            self._writing += 1
            try:
                await self._write(connection, begins, entries)
            except UNREACHABLE as error:
                log.warning("ledger_waits", error=type(error).__name__, retry_seconds=delay)
                self._begins[:0], self._entries[:0] = begins, entries
                await asyncio.sleep(delay)
                delay = min(delay * 2, cap)
                self._want()
            else:
                delay = RETRY_SECONDS[0]
            finally:
                self._writing -= 1
            if not (self._begins or self._entries or self._writing):
                self._written.set()

    def _want(self) -> None:
        self._wanted.set()
        self._written.clear()

    async def _write(self, connection: DirectConnection, begins: list[_Begin], entries: list[Entry]) -> None:
        if not begins and not entries:
            return
        try:
            changed = await self._statement(connection, begins, entries)
        except UNWRITABLE as error:
            if len(begins) + len(entries) > 1:
                await self._write_singly(connection, begins, entries)
                return
            for email in [begin.email for begin in begins] + [entry.email for entry in entries]:
                log.error("ledger_entry_refused", email_id=email.id, error=type(error).__name__)
            changed = frozenset[int]()
        for begin in begins:
            begin.resolve(begin.email.id in changed)
        self._tell(entries, changed)

    async def _write_singly(
        self, connection: DirectConnection, begins: list[_Begin], entries: list[Entry]
    ) -> None:
        for begin in begins:
            await self._write(connection, [begin], [])
        for entry in entries:
            await self._write(connection, [], [entry])

    async def _statement(
        self, connection: DirectConnection, begins: list[_Begin], entries: list[Entry]
    ) -> frozenset[int]:
        now = self._clock()
        rows = await connection.fetch(
            WRITE,
            [begin.email.id for begin in begins],
            [begin.email.token for begin in begins],
            now,
            now + self._lease,
            json.dumps([entry.as_json() for entry in entries]),
        )
        return frozenset(row["id"] for row in rows)

    def _tell(self, entries: list[Entry], changed: frozenset[int]) -> None:
        stale = [entry.email.id for entry in entries if entry.email.id not in changed]
        if stale:
            log.warning("lease_lost", email_ids=stale)
        if len(stale) < len(entries):
            self._notifier.send({EMAILS, OUTBOX})
