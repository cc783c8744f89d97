"""The reader is killed 20 times while 500 messages come in: each is one row and has one effect."""

import asyncio
import random
from collections.abc import AsyncGenerator

import pytest
from sqlalchemy import URL, func, select

from services.models import Activity, Email, Incoming, OutboxEvent
from services.receiving.mailbox import MailboxOptions
from services.work import Action
from shared.database import SessionFactory
from tests.chaos.mailbox_worker import Reader
from tests.eventually import eventually
from tests.mail import add_emails
from tests.mailbox.embedded import EmbeddedServer
from tests.mailbox.reading import answer, sent_email

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(420)]

MESSAGES = 500
KILLS = 20
WITHIN = 360


@pytest.fixture
async def server() -> AsyncGenerator[EmbeddedServer]:
    server = EmbeddedServer()
    await server.start()
    yield server
    await server.stop()


async def test_a_killed_reader_loses_no_message_and_takes_none_in_twice(
    server: EmbeddedServer, database: URL, sessions: SessionFactory
) -> None:
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    print(f"seed {seed}")
    emails = [sent_email(number) for number in range(1, MESSAGES + 1)]
    await add_emails(sessions, *emails)
    options = MailboxOptions(
        host="127.0.0.1",
        port=server.port,
        security="none",
        ca_file=None,
        username=server.username,
        password=server.password,
        folder="INBOX",
    )

    async def count() -> int:
        async with sessions() as session:
            return await session.scalar(select(func.count(Incoming.id))) or 0

    async def at_least(number: int) -> None:
        async def enough() -> bool:
            return await count() >= number

        await eventually(enough, within=WITHIN)

    reader = Reader(database.render_as_string(hide_password=False), options)
    try:
        for number, email in enumerate(emails, start=1):
            await server.deliver(answer(email, number))
        for moment in sorted(chance.randrange(5, MESSAGES - 30) for _ in range(KILLS)):
            await at_least(moment)
            await asyncio.sleep(chance.uniform(0, 0.05))
            await asyncio.to_thread(reader.kill)
        await at_least(MESSAGES)
        await asyncio.to_thread(reader.kill)
    finally:
        await asyncio.to_thread(reader.stop)
    assert reader.kills == KILLS + 1
    async with sessions() as session:
        rows = list(await session.scalars(select(Incoming)))
        matched = list(
            await session.scalars(
                select(Activity.object_id).where(Activity.action == Action.INCOMING_MATCHED)
            )
        )
        answered = await session.scalar(select(func.count(Email.id)).where(Email.antwort_erhalten))
        events = await session.scalar(
            select(func.count(OutboxEvent.id)).where(OutboxEvent.event_type == "communication.email_replied")
        )
    assert len(rows) == len({row.message_id for row in rows}) == MESSAGES
    assert sorted(matched) == sorted(row.id for row in rows)
    assert (answered, events) == (MESSAGES, MESSAGES)
