"""Running a `MailReader` in a test and looking at what it took in."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from sqlalchemy import select

from services.models import Email, EmailStatus, Incoming, MailboxCursor
from services.receiving.mailbox import MailboxOptions
from services.receiving.reader import MailReader
from services.rules import DeskRules
from services.work import Workplace
from shared.clock import system_clock
from shared.config import Settings
from shared.database import SessionFactory
from tests.eventually import eventually
from tests.factories import make_email
from tests.incoming_mail import mail

PATIENCE = 30


@asynccontextmanager
async def running_reader(
    config: Settings, sessions: SessionFactory, options: MailboxOptions
) -> AsyncGenerator[asyncio.Task[None]]:
    """Run a reader around the block; it must not have ended by itself."""
    workplace = Workplace(sessions=sessions, clock=system_clock, rules=DeskRules.from_settings(config))
    settings = config.model_copy(update={"imap_poll_seconds": 0.5})
    running = asyncio.create_task(MailReader(workplace, settings, options).run())
    try:
        yield running
        if running.done() and not running.cancelled():
            running.result()
    finally:
        running.cancel()
        await asyncio.wait([running])


def sent_email(number: int = 1, **values: object) -> Email:
    """Return an e-mail of a moment ago to the practice of that number."""
    now = system_clock()
    defaults: dict[str, object] = {
        "therapist_id": number,
        "status": EmailStatus.SENT,
        "sent_at": now,
        "created_at": now,
        "queued_at": now,
        "empfaenger_email": f"praxis{number}@kern-test.example",
    }
    return make_email(**(defaults | values))


def answer(email: Email, number: int = 1, **headers: str) -> bytes:
    """Return the practice's reply to an e-mail."""
    fields = {
        "In_Reply_To": email.message_id or "",
        "References": email.message_id or "",
        "Message_ID": f"<{number}@kern-test.example>",
        "From": f"Praxis Kern <{email.empfaenger_email}>",
        "Subject": f"AW: Anfrage {number}",
    }
    return mail("Ab Januar ist ein Platz frei.\n", **(fields | headers))


async def taken_in(sessions: SessionFactory) -> list[Incoming]:
    async with sessions() as session:
        return list(await session.scalars(select(Incoming).order_by(Incoming.id)))


async def until_taken_in(sessions: SessionFactory, count: int, within: float = PATIENCE) -> list[Incoming]:
    """Return what was taken in once it is so much."""

    async def enough() -> bool:
        return len(await taken_in(sessions)) >= count

    await eventually(enough, within=within)
    return await taken_in(sessions)


async def cursor(sessions: SessionFactory) -> MailboxCursor | None:
    async with sessions() as session:
        return await session.scalar(select(MailboxCursor))
