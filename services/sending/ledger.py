"""What senders know of their e-mails, written by group commit.

Two marks per e-mail: "DATA begins", durable before the server hears DATA, and how the attempt ended.
"""

import asyncio
from datetime import timedelta

import asyncpg
import msgspec
import structlog

from services.events.report import REPORT, REPORTED
from services.hints import EMAILS, OUTBOX
from services.models import SCHEMA
from services.sending.deliveries import ClaimedEmail, Entry
from services.sending.group_commit import GroupCommit
from services.sending.queue import ARRIVED, HELD, NEXT_NUMBER, UNWANTED
from shared.clock import Clock
from shared.direct_connection import DirectConnection
from shared.notifications import Notifier
from shared.reasons import reason_of

MOST_UNWRITTEN = 16
GATHER_SECONDS = 0.01
GATHER_TURNS = 5

log = structlog.get_logger(__name__)

UNWRITABLE = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, ValueError)
"""This entry will never be written, however often it is tried, unless only its number was taken."""

BEGIN = f"""
    WITH ours AS (
        SELECT e.id FROM {SCHEMA}.emails e JOIN unnest($2::int[], $3::uuid[]) AS b(id, token) ON e.id = b.id
        WHERE e.anspruch = b.token AND {UNWANTED} IS NULL AND NOT {HELD}
        FOR NO KEY UPDATE OF e SKIP LOCKED
    )
    UPDATE {SCHEMA}.emails e SET uebergabe_begonnen_at = $1, anspruch_bis = $4
    FROM ours WHERE e.id = ours.id
    RETURNING e.id
"""  # noqa: S608

FINISH = f"""
    WITH entry AS (
        SELECT * FROM json_to_recordset($2::json) AS t(
            id int, token uuid, status {SCHEMA}.emailstatus, sent_at timestamptz, next_at timestamptz,
            retries int, error text, begun timestamptz, ended timestamptz, stage text, code int, text text,
            outcome text, ending text)
    ), ours AS (
        SELECT e.id,
            CASE WHEN entry.status = 'SENDING' AND {ARRIVED} THEN 'SENT'
                WHEN unwanted IS NOT NULL THEN 'FAILED'
                ELSE entry.status END AS status,
            unwanted
        FROM {SCHEMA}.emails e JOIN entry ON e.id = entry.id,
            LATERAL (SELECT CASE WHEN entry.status = 'QUEUED' THEN {UNWANTED} END AS unwanted) u
        WHERE e.anspruch = entry.token
        FOR NO KEY UPDATE OF e SKIP LOCKED
    ), changed AS (
        UPDATE {SCHEMA}.emails e
        SET status = ours.status, anspruch = NULL, anspruch_bis = NULL,
            sent_at = CASE WHEN ours.status = 'SENT'
                THEN coalesce(entry.sent_at, e.uebergabe_begonnen_at, $1) END,
            naechster_versuch_at = CASE WHEN ours.status IN ('QUEUED', 'SENDING')
                THEN coalesce(entry.next_at, e.naechster_versuch_at) END,
            wiederholungsanzahl = entry.retries, updated_at = $1,
            fehlermeldung = CASE WHEN unwanted IS NOT NULL THEN unwanted
                WHEN entry.outcome IS NULL THEN e.fehlermeldung
                WHEN ours.status <> 'SENT' THEN entry.error END,
            uebergabe_begonnen_at = CASE WHEN ours.status IN ('SENT', 'SENDING')
                THEN coalesce(e.uebergabe_begonnen_at, $1) END
        FROM entry JOIN ours ON ours.id = entry.id WHERE e.id = entry.id
        RETURNING {REPORTED},
            entry.begun, entry.ended, entry.stage, entry.code, entry.text, entry.outcome, entry.ending
    ), attempts AS (
        INSERT INTO {SCHEMA}.email_versuche
            (email_id, nummer, begonnen_at, beendet_at, stufe, smtp_code, smtp_text, ergebnis, ende)
        SELECT id, {NEXT_NUMBER}, begun, ended, stage, code, text, outcome, ending
        FROM changed c WHERE outcome IS NOT NULL
    ), events AS (
        {REPORT}
    )
    SELECT e.id, changed.id IS NOT NULL AS written
    FROM entry JOIN {SCHEMA}.emails e ON e.id = entry.id AND e.anspruch = entry.token
    LEFT JOIN changed ON changed.id = e.id
"""  # noqa: S608


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
    """Writes what is waiting together.

    The two marks go over a connection each: a sender waits for "DATA begins" only, which is written at once,
    together with those of the same moment.
    The heavier account of what is over gathers for a moment; how much of it may be unwritten is bounded, for
    it is unclear after a crash.
    """

    def __init__(
        self,
        begins: DirectConnection,
        ends: DirectConnection,
        notifier: Notifier,
        clock: Clock,
        lease: timedelta,
    ) -> None:
        self._notifier = notifier
        self._clock = clock
        self._lease = lease
        self._begins = GroupCommit[_Begin](
            begins, self._write_begins, name="begins", gather_turns=GATHER_TURNS
        )
        self._ends = GroupCommit[Entry](ends, self._write_ends, name="ends", gather_seconds=GATHER_SECONDS)

    async def begin(self, email: ClaimedEmail) -> bool:
        """Make "DATA begins" durable and renew the lease.

        False when the lease is no longer ours, somebody has answered, the address is on the stop list, the
        time to send it is over, or the queue is held.
        """
        await self._ends.at_most(MOST_UNWRITTEN)
        begin = _Begin(email)
        self._begins.add(begin)
        return await begin.answer

    @property
    def waits_for_database(self) -> bool:
        """Whether it knows how deliveries ended and could not write it yet."""
        return self._ends.failing

    def finish(self, entry: Entry) -> None:
        """Hand in how a claim ends; it is written even if that takes the database's return."""
        self._ends.add(entry)

    async def flush(self) -> None:
        """Wait until all that was handed in with `finish` is written."""
        await self._ends.at_most(0)

    async def run(self) -> None:
        """Write until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._begins.run())
            group.create_task(self._ends.run())

    async def _write_begins(self, connection: DirectConnection, begins: list[_Begin]) -> list[_Begin]:
        """Write marks; a row that somebody else locks is as good as lost: its e-mail has its turn later."""
        waiting = [begin for begin in begins if not begin.answer.done()]
        if not waiting:
            return []
        now = self._clock()
        rows = await connection.fetch(
            BEGIN,
            now,
            [begin.email.id for begin in waiting],
            [begin.email.token for begin in waiting],
            now + self._lease,
        )
        ours = {row["id"] for row in rows}
        for begin in waiting:
            begin.resolve(begin.email.id in ours)
        return []

    async def _write_ends(self, connection: DirectConnection, entries: list[Entry]) -> list[Entry]:
        """Write how claims end, or return those to be tried again a moment later.

        These are of rows that somebody else locks, and of attempts whose number a sweep has just taken.
        """
        try:
            told = msgspec.json.encode([entry.as_json() for entry in entries]).decode()
            rows = await connection.fetch(FINISH, self._clock(), told)
        except UNWRITABLE as error:
            if len(entries) > 1:
                return [left for entry in entries for left in await self._write_ends(connection, [entry])]
            if isinstance(error, asyncpg.UniqueViolationError):
                log.warning("ledger_entry_blocked", **entries[0].email.in_log)
                return entries
            log.error("ledger_entry_refused", **entries[0].email.in_log, reason=reason_of(error))
            return []
        written = {row["id"] for row in rows if row["written"]}
        blocked = {row["id"] for row in rows if not row["written"]}
        for entry in entries:
            if entry.email.id in blocked:
                log.warning("ledger_entry_blocked", **entry.email.in_log)
            elif entry.email.id not in written:
                log.warning("lease_lost", **entry.email.in_log)
        if written:
            self._notifier.send({EMAILS, OUTBOX})
        return [entry for entry in entries if entry.email.id in blocked]
