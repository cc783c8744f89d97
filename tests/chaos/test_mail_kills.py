"""Workers and the database are killed while 1,000 e-mails go out: none is lost, none is sent twice."""

import asyncio
import random
from pathlib import Path

import pytest
from sqlalchemy import URL, select

from services.models import Email, EmailStatus
from shared.config.settings import load_settings
from shared.database import SessionFactory, create_engine, create_session_factory
from tests.chaos.mail_worker import workers
from tests.conftest import migrate
from tests.eventually import eventually
from tests.mail import add_emails, queued_email
from tests.smtp_server import ScriptedSmtp, scripted_smtp
from webapp.demo.servers.postgres import EmbeddedPostgres

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(180)]

EMAILS = 1_000
KILLS = 20
RESTARTS = 3
WITHIN = 120


def address(database: URL) -> str:
    return database.render_as_string(hide_password=False)


def moments(chance: random.Random, count: int) -> list[int]:
    """Return after how many received messages something is to happen."""
    return sorted(chance.randrange(20, EMAILS - 150) for _ in range(count))


async def received(smtp: ScriptedSmtp, count: int) -> None:
    async def enough() -> bool:
        return len(smtp.messages) >= count

    await eventually(enough, within=WITHIN)


async def all_settled(sessions: SessionFactory) -> list[Email]:
    """Wait until every e-mail is sent or listed as unclear, and return them."""

    async def settled() -> bool:
        async with sessions() as session:
            open_ids = select(Email.id).where(
                (Email.status != EmailStatus.SENT)
                & ~((Email.status == EmailStatus.SENDING) & Email.anspruch_bis.is_(None))
            )
            return await session.scalar(open_ids.limit(1)) is None

    await eventually(settled, within=WITHIN)
    async with sessions() as session:
        return list(await session.scalars(select(Email)))


def assert_none_lost_and_none_doubled(smtp: ScriptedSmtp, emails: list[Email]) -> None:
    copies = smtp.message_ids
    sent = {email.message_id for email in emails if email.status is EmailStatus.SENT}
    unclear = {email.message_id for email in emails if email.zustellung_unklar}
    print(
        f"arrived {len(copies)}, sent {len(sent)}, unclear {len(unclear)},"
        f" of these arrived {len(unclear & set(copies))}"
    )
    assert {message_id: n for message_id, n in copies.items() if n > 1} == {}
    assert len(sent) + len(unclear) == EMAILS
    assert sent <= set(copies)
    assert set(copies) <= sent | unclear


async def test_killed_workers_lose_no_email_and_send_none_twice(
    database: URL, sessions: SessionFactory
) -> None:
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    print(f"seed {seed}")
    await add_emails(sessions, *(queued_email() for _ in range(EMAILS)))
    async with scripted_smtp() as smtp:
        with workers(address(database), smtp.port, chance) as running:
            for moment in moments(chance, KILLS):
                await received(smtp, moment)
                await asyncio.sleep(chance.uniform(0, 0.05))
                await asyncio.to_thread(running.kill_one)
            emails = await all_settled(sessions)
        assert running.kills == KILLS
        assert_none_lost_and_none_doubled(smtp, emails)


async def test_a_killed_database_loses_no_email_and_has_none_sent_twice(tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    print(f"seed {seed}")
    server = EmbeddedPostgres(tmp_path / "pg")
    await asyncio.to_thread(server.start)
    await asyncio.to_thread(migrate, server.url())
    config = load_settings(env_file=None, app_env="testing", database_url=address(server.url()))
    engine = create_engine(config, application_name="test")
    sessions = create_session_factory(engine)
    try:
        await add_emails(sessions, *(queued_email() for _ in range(EMAILS)))
        async with scripted_smtp() as smtp:
            with workers(address(server.url()), smtp.port, chance):
                for moment in moments(chance, RESTARTS):
                    await received(smtp, moment)
                    await asyncio.sleep(chance.uniform(0, 0.05))
                    await asyncio.to_thread(server.kill)
                    await asyncio.to_thread(server.start)
                emails = await all_settled(sessions)
            assert_none_lost_and_none_doubled(smtp, emails)
    finally:
        await engine.dispose()
        await asyncio.to_thread(server.stop)
