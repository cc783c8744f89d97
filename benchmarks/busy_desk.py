"""A desk that has been busy for months: therapists, e-mails, calls and events, as many as asked for."""

import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Self

from sqlalchemy import URL, insert, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from services.models import SCHEMA, Therapist
from services.reach.patterns import learn_pattern
from shared.database import SessionFactory, create_session_factory
from shared.postgresql import Connection, connect
from tests.work import work_of

NOW = datetime(2026, 10, 14, 8, 42, tzinfo=UTC)
TODAY = date(2026, 10, 14)
LINES = 5
SLOTS = 100
"""Five-minute slots from 08:00 on; `LINES` calls at each."""

HOURS: tuple[dict[str, Any], ...] = (
    {day: ["09:00-12:00", "14:00-16:00"] for day in ("mo", "di", "mi", "do", "fr")},
    {"monday": [{"start": "10:00", "end": "11:00"}], "wednesday": [{"start": "10:30", "end": "13:00"}]},
    {"mi": ["08:00-10:00"], "do": ["12:00-13:00"]},
    {"wednesday": [{"start": "15:00", "end": "15:30"}], "freitag": ["08:30-09:30"]},
)
WORDS = random.Random(1)
BODY = " ".join("".join(WORDS.choices("abdefghiklmnoprstuwzäöü", k=WORDS.randint(3, 11))) for _ in range(450))
"""As long as a mail, about 3.5 KB, and no easier to compress."""

EMAILS = f"""
    INSERT INTO {SCHEMA}.emails (therapist_id, betreff, body_html, body_text, empfaenger_email,
        empfaenger_name, absender_email, absender_name, status, created_at, queued_at, naechster_versuch_at,
        sent_at, message_id, antwort_erhalten, antwortdatum, antwort_art, antwortinhalt,
        nachverfolgung_erforderlich, fehlermeldung)
    SELECT 1 + n % :therapists, 'Anfrage für ' || (n % 7) || ' Patientinnen, Bündel ' || n, :body, :body,
        'praxis' || (n % :therapists) || '@example.org', 'Dr. Jürgen Muster ' || (n % :therapists),
        'kontakt@therapieplatz.example', 'Therapieplatz-Vermittlung', status::{SCHEMA}.emailstatus, at,
        CASE WHEN status <> 'DRAFT' THEN at END, CASE WHEN status = 'QUEUED' THEN at END,
        CASE WHEN status = 'SENT' THEN at + interval '3 s' END, '<' || n || '@bench>',
        answered, CASE WHEN answered THEN at + interval '2 days' END,
        CASE WHEN answered THEN 'antwort' END,
        CASE WHEN answered THEN 'Zwei Plätze ab November.' END, n % 211 = 0,
        CASE WHEN status = 'FAILED' THEN '550 5.1.1 no such user' END
    FROM (
        SELECT n,
            CAST(:now AS timestamptz) - interval '200 days' * (:emails - n) / :emails AS at,
            n % 10 < 3 AND n % :failed <> 0 AS answered,
            CASE WHEN n > :emails - 40 THEN 'QUEUED' WHEN n % :failed = 0 THEN 'FAILED'
                WHEN n % 97 = 0 AND n % 10 > 2 THEN 'DRAFT' ELSE 'SENT' END AS status
        FROM generate_series(1, :emails) AS n
    ) AS mail
"""
ATTEMPTS = f"""
    INSERT INTO {SCHEMA}.email_versuche
        (email_id, nummer, begonnen_at, beendet_at, stufe, smtp_code, smtp_text, ergebnis)
    SELECT id, 1, sent_at, sent_at, 'data', 250, '2.0.0 ok', 'sent' FROM {SCHEMA}.emails WHERE status = 'SENT'
"""
CLOSED_CALLS = f"""
    INSERT INTO {SCHEMA}.phone_calls (therapist_id, geplantes_datum, geplante_zeit, tatsaechliches_datum,
        tatsaechliche_zeit, status, ergebnis_art, ergebnis, grund, email_id, created_at, abgeschlossen_at,
        rueckgaengig_bis, klaerung_noetig)
    SELECT coalesce(mail.therapist_id, 1 + n % :therapists), day, at, day, at,
        CASE WHEN n % 3 = 0 THEN 'completed' ELSE 'failed' END,
        CASE n % 3 WHEN 0 THEN 'erreicht' WHEN 1 THEN 'nicht_erreicht' ELSE 'anrufbeantworter' END,
        'Ruft zurück.', CASE WHEN mail.id IS NULL THEN 'manuell' ELSE 'keine_antwort' END, mail.id,
        day + at, day + at, day + at + interval '15 s',
        n = 0 OR n >= :closed_today AND n % :undecided = 0
    FROM (
        SELECT n, CAST(:today AS date) - CASE WHEN n < :closed_today THEN 0 ELSE 1 + n % 199 END AS day,
            time '08:00' + interval '1 minute' * (n / 5 % 110) AS at
        FROM generate_series(0, :closed - 1) AS n
    ) AS call
    LEFT JOIN (
        SELECT id, therapist_id, row_number() OVER (ORDER BY id) - 1 AS rank FROM {SCHEMA}.emails
        WHERE status = 'SENT' AND NOT antwort_erhalten AND sent_at <
            CAST(:now AS timestamptz) - interval '7 days'
    ) AS mail ON mail.rank = n
"""
FOLLOWED_UP = f"""
    UPDATE {SCHEMA}.emails SET nachgefasst = true
    WHERE id IN (SELECT email_id FROM {SCHEMA}.phone_calls WHERE grund = 'keine_antwort')
"""
NO_OPEN_CALLS = f"DELETE FROM {SCHEMA}.phone_calls WHERE status = 'scheduled' AND geplantes_datum = :day"
OPEN_CALLS = f"""
    INSERT INTO {SCHEMA}.phone_calls
        (therapist_id, geplantes_datum, geplante_zeit, leitung, grund, versuch, created_at)
    SELECT 1 + n % :therapists, CAST(:day AS date), time '08:00' + interval '5 minutes' * (n / :lines),
        1 + n % :lines, 'manuell', 1 + n % 3, CAST(:now AS timestamptz)
    FROM generate_series(0, :calls - 1) AS n
"""
EVENTS = f"""
    INSERT INTO {SCHEMA}.event_outbox
        (event_id, event_type, topic, key, payload, created_at, available_at, published_at)
    SELECT gen_random_uuid(), 'communication.email_sent', 'communication-events', 'email:' || id,
        jsonb_build_object('email_id', id, 'status', 'SENT'), created_at, created_at, created_at
    FROM {SCHEMA}.emails
"""
ACTIVITY = f"""
    INSERT INTO {SCHEMA}.activity (at, actor, action, object_type, object_id)
    SELECT created_at, 'api', 'email_created', 'email', id FROM {SCHEMA}.emails
"""


@dataclass(frozen=True)
class Size:
    """How much there is; as many calls are closed today as are open."""

    therapists: int
    emails: int
    closed_calls: int
    calls_today: int

    @classmethod
    def of(cls, emails: int) -> Self:
        """Return the size that goes with so many e-mails: 500 calls today with 100,000."""
        return cls(emails // 50, emails, emails, min(emails // 200, LINES * SLOTS))


def one_in(of: int, wanted: int, *, most: int | None = None) -> int:
    """Return which of so many is meant, each tenth or rarer, so that as many as wanted are.

    A page that shows fifty of them then shows fifty, however much has piled up; one in `most` are at least.
    """
    each = max(of // wanted, 10)
    return each if most is None else min(each, most)


async def fill(url: URL, size: Size, *, learnt: bool = True) -> None:
    """Fill an empty database; the desk's present is `NOW`, and all there is to learn from calls is learnt."""
    async with _sessions(url) as sessions:
        async with sessions() as session, session.begin():
            await session.execute(insert(Therapist), [_therapist(n) for n in range(1, size.therapists + 1)])
            common = {"therapists": size.therapists, "now": NOW}
            emails = {"emails": size.emails, "failed": one_in(size.emails, 60, most=50), "body": BODY}
            await session.execute(text(EMAILS), common | emails)
            await session.execute(text(ATTEMPTS))
            closed = {"closed": size.closed_calls, "closed_today": size.calls_today, "today": TODAY}
            undecided = {"undecided": one_in(size.closed_calls, 90)}
            await session.execute(text(CLOSED_CALLS), common | closed | undecided)
            await session.execute(text(FOLLOWED_UP))
            await _open_calls(session, size.therapists, size.calls_today)
            for ahead in (1, 2):
                await _open_calls(session, size.therapists, size.calls_today // 2, ahead=ahead)
            await session.execute(text(EVENTS))
            await session.execute(text(ACTIVITY))
        if learnt:
            async with sessions() as session:
                await learn_pattern(work_of(session, now=NOW))
        await _tidy(sessions)


async def open_calls(url: URL, size: Size) -> None:
    """Have as many calls open today as `size` says, whatever there were."""
    async with _sessions(url) as sessions:
        async with sessions() as session, session.begin():
            await session.execute(text(NO_OPEN_CALLS), {"day": TODAY})
            await _open_calls(session, size.therapists, size.calls_today)
        await _tidy(sessions)


async def tidy(url: URL) -> None:
    """Let PostgreSQL know all there is, as it does by itself in time."""
    async with _sessions(url) as sessions:
        await _tidy(sessions)


async def _open_calls(session: AsyncSession, therapists: int, calls: int, *, ahead: int = 0) -> None:
    """Plan calls on a day, at each slot on as many lines as it takes."""
    day, lines = TODAY + timedelta(days=ahead), max(LINES, -(-calls // SLOTS))
    values = {"therapists": therapists, "now": NOW, "day": day, "lines": lines, "calls": calls}
    await session.execute(text(OPEN_CALLS), values)


async def _tidy(sessions: SessionFactory) -> None:
    async with sessions() as session:
        connection = await session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
        await connection.execute(text("VACUUM ANALYZE"))
        await connection.execute(text("CHECKPOINT"))


@asynccontextmanager
async def _sessions(url: URL) -> AsyncGenerator[SessionFactory]:
    """Yield sessions in which a statement may take as long as it takes."""

    async def patient() -> Connection:
        return await connect(url, application_name="bench", command_seconds=None)

    engine = create_async_engine(url.set(query={}), async_creator=patient)
    yield create_session_factory(engine)
    await engine.dispose()


def _therapist(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "titel": "Dr.",
        "vorname": "Jürgen",
        "nachname": f"Muster {number}",
        "ort": "Berlin",
        "telefon": f"030 {1_000_000 + number}",
        "telefon_e164": f"+4930{1_000_000 + number}",
        "email": f"praxis{number}@example.org",
        "telefonische_erreichbarkeit": HOURS[number % len(HOURS)],
        "abgerufen_at": NOW,
    }
