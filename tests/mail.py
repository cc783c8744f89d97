"""Running an `EmailSender` in a test, waiting for what it does, and doing what it does step by step."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from sqlalchemy import select

from services.models import AttemptStage, Email, EmailVersuch
from services.sending.deliveries import ClaimedEmail, Entry, conclude
from services.sending.queue import EmailQueue
from services.sending.sender import EmailSender
from services.sending.verdict import Backoff, DeliveryResult, Ending, RetryPlan, judge
from shared.clock import system_clock
from shared.config import Settings
from shared.database import SessionFactory
from shared.notifications import Listener, Notifier
from tests.eventually import eventually
from tests.factories import NOW, make_email

PATIENCE = 60
LEASE = timedelta(seconds=180)
PLAN = RetryPlan(Backoff(timedelta(minutes=1), timedelta(hours=4)), timedelta(hours=48))
ACCEPTED = DeliveryResult(AttemptStage.ACCEPTED, Ending.REPLY, 250, "2.0.0 ok")
NO_ANSWER = DeliveryResult(AttemptStage.BODY, Ending.LOST)


def mail_settings(config: Settings, port: int, **values: object) -> Settings:
    """Return settings for a sender that tries again at once."""
    quick: dict[str, object] = {
        "smtp_host": "127.0.0.1",
        "smtp_port": port,
        "smtp_connections": 1,
        "smtp_deadline_seconds": 10,
        "worker_poll_seconds": 0.05,
        "queue_pause_base_seconds": 0.05,
        "queue_pause_cap_seconds": 0.1,
        "email_retry_base_seconds": 0.05,
        "email_retry_cap_seconds": 0.1,
    }
    return config.model_copy(update=quick | values)


def queued_email(**values: object) -> Email:
    """Return an e-mail that was queued a moment ago by the real clock, which senders run on."""
    now = system_clock() - timedelta(seconds=1)
    return make_email(**({"queued_at": now, "naechster_versuch_at": now} | values))


@asynccontextmanager
async def running_sender(config: Settings, clock: Callable = system_clock) -> AsyncGenerator[EmailSender]:
    """Run a sender with listener and notifier around the block."""
    listener, notifier = Listener(config.get_database_url()), Notifier(config.get_database_url())
    sender = EmailSender(config=config, clock=clock, listener=listener, notifier=notifier, identity="test")
    around = [asyncio.create_task(listener.run()), asyncio.create_task(notifier.run())]
    running = asyncio.create_task(sender.run())
    try:
        yield sender
        if running.done():
            running.result()
    finally:
        for tasks in ([running], around):
            for task in tasks:
                task.cancel()
            ended, _ = await asyncio.wait(tasks)
            for task in ended:
                if not task.cancelled():
                    task.result()


async def add_emails(sessions: SessionFactory, *emails: Email) -> list[int]:
    async with sessions() as session, session.begin():
        session.add_all(emails)
        await session.flush()
        return [email.id for email in emails]


async def read_email(sessions: SessionFactory, email_id: int) -> Email:
    async with sessions() as session:
        email = await session.get(Email, email_id)
        assert email is not None
        return email


async def attempts_of(sessions: SessionFactory, email_id: int) -> list[EmailVersuch]:
    async with sessions() as session:
        query = select(EmailVersuch).where(EmailVersuch.email_id == email_id).order_by(EmailVersuch.nummer)
        return list(await session.scalars(query))


async def until_email(sessions: SessionFactory, email_id: int, condition: Callable[[Email], bool]) -> Email:
    """Return the e-mail once the condition holds for it."""

    async def holds() -> bool:
        return condition(await read_email(sessions, email_id))

    await eventually(holds, within=PATIENCE)
    return await read_email(sessions, email_id)


async def claim(queue: EmailQueue, now: datetime = NOW, limit: int = 10) -> list[ClaimedEmail]:
    return await queue.claim(limit, now=now, lease_end=now + LEASE)


def ending(email: ClaimedEmail, result: DeliveryResult, now: datetime = NOW) -> Entry:
    return conclude(email, result, judge(result), PLAN, begun=now, now=now, jitter=0)
