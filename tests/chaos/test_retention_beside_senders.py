"""100,000 e-mails, most of them too old, are blanked while senders are at work: nothing needed is touched."""

import asyncio

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.models import SCHEMA, Email, EmailStatus
from services.privacy.classes import DataClass
from services.privacy.retention import Retention
from shared.clock import system_clock
from shared.config import Settings
from shared.database import SessionFactory
from tests.eventually import eventually
from tests.mail import PATIENCE, mail_settings, running_sender
from tests.smtp_server import scripted_smtp
from tests.work import workplace_of

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]

EMAILS = 100_000
MONTHS = dict.fromkeys(DataClass, 0) | {DataClass.EMAILS: 12, DataClass.DRAFTS: 12}
SUBJECT = "Anfrage"

FILL = f"""
    INSERT INTO {SCHEMA}.emails (therapist_id, betreff, body_html, body_text, empfaenger_email,
        empfaenger_name, absender_email, absender_name, message_id, status, created_at, updated_at, sent_at,
        queued_at, naechster_versuch_at, antwort_erhalten, antwortdatum, antwort_art,
        nachverfolgung_erforderlich, uebergabe_begonnen_at)
    SELECT n, '{SUBJECT}', '<p>Guten Tag</p>', 'Guten Tag', 'praxis@example.org', 'Praxis',
        'kontakt@therapieplatz.example', 'Vermittlung', '<' || n || '@therapieplatz.example>', status, at, at,
        CASE WHEN status = 'SENT' THEN at END,
        CASE WHEN status = 'QUEUED' THEN now() END, CASE WHEN status = 'QUEUED' THEN now() END,
        kind = 'answered', CASE WHEN kind = 'answered' THEN at END,
        CASE WHEN kind = 'undeliverable' THEN 'unzustellbar' END,
        kind = 'flagged', CASE WHEN kind = 'unclear' THEN at END
    FROM (
        SELECT n, kind, CASE WHEN kind = 'young' THEN now() - interval '11 months'
                ELSE now() - interval '13 months' END AS at,
            (CASE kind WHEN 'queued' THEN 'QUEUED' WHEN 'unclear' THEN 'SENDING' WHEN 'failed' THEN 'FAILED'
                ELSE 'SENT' END)::{SCHEMA}.emailstatus AS status
        FROM (
            SELECT n, CASE WHEN n % 100 < 80 THEN 'answered' WHEN n % 100 < 85 THEN 'undeliverable'
                WHEN n % 100 < 90 THEN 'failed' WHEN n % 100 < 93 THEN 'young'
                WHEN n % 100 < 96 THEN 'unanswered' WHEN n % 100 < 98 THEN 'flagged'
                WHEN n % 200 = 99 THEN 'queued' ELSE 'unclear' END AS kind
            FROM generate_series(1, {EMAILS}) n
        ) kinds
    ) rows
"""
NEEDLESS = 90 * EMAILS // 100
QUEUED = EMAILS // 200

blanked = Email.geloescht_at.is_not(None)


async def count(session: AsyncSession, *which: object) -> int:
    async with session.begin():
        return await session.scalar(select(func.count()).select_from(Email).where(*which)) or 0  # pyright: ignore[reportArgumentType]


async def test_only_what_is_over_is_blanked_while_mail_goes_out(
    session: AsyncSession, sessions: SessionFactory, config: Settings
):
    async with session.begin():
        await session.execute(text(FILL))
        await session.execute(text(f"ANALYZE {SCHEMA}.emails"))
    workplace = workplace_of(sessions, system_clock)
    several = [Retention(workplace, MONTHS, rest_seconds=0) for _ in range(2)]

    async def all_sent() -> bool:
        on_its_way = Email.status.in_((EmailStatus.QUEUED, EmailStatus.SENDING))
        return await count(session, on_its_way, ~Email.zustellung_unklar) == 0

    async with scripted_smtp() as smtp, running_sender(mail_settings(config, smtp.port, smtp_connections=4)):
        done = await asyncio.gather(*(retention.turn() for retention in several))
        await eventually(all_sent, within=PATIENCE)
        copies = smtp.message_ids
        texts = {message.count(SUBJECT.encode()) for message in smtp.messages}
    await several[0].turn()

    assert sum(each[DataClass.EMAILS] for each in done) > 0
    assert await count(session, blanked) == NEEDLESS
    assert await count(session, blanked, Email.betreff != "") == 0
    assert await count(session, ~blanked, Email.betreff != SUBJECT) == 0
    assert len(copies) == QUEUED
    assert set(copies.values()) == {1}
    assert texts == {1}
