"""What is over is not sent, wherever in the queue it is; what was handed over before has not failed."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from services.models import AttemptStage, EmailStatus, OutboxEvent, Unsent
from services.sending.deliveries import release
from services.sending.hold import hold_queue
from services.sending.ledger import Ledger
from services.sending.queue import EmailQueue
from services.sending.verdict import DeliveryResult, Ending
from shared.clock import system_clock
from shared.config import Settings
from shared.database import SessionFactory
from shared.direct_connection import DirectConnection
from tests.clock import FakeClock
from tests.eventually import eventually
from tests.factories import NOW, make_email
from tests.mail import (
    ACCEPTED,
    LEASE,
    NO_ANSWER,
    add_emails,
    claim,
    ending,
    mail_settings,
    queued_email,
    read_email,
    running_sender,
    until_email,
)
from tests.smtp_server import scripted_smtp
from tests.work import work_of

REFUSED_FOR_NOW = DeliveryResult(AttemptStage.RCPT, Ending.REPLY, 451, "4.3.0 later")
SOON = NOW + timedelta(seconds=5)
MANY = 300


async def reasons(sessions: SessionFactory) -> list[tuple[str, str | None]]:
    async with sessions() as session:
        events = await session.scalars(select(OutboxEvent).order_by(OutboxEvent.id))
        return [(event.event_type, event.payload.get("reason")) for event in events]


async def assert_expired(sessions: SessionFactory, queue: EmailQueue, email_id: int) -> None:
    email = await read_email(sessions, email_id)
    assert (email.status, email.unsent_because) == (EmailStatus.FAILED, Unsent.EXPIRED)
    assert (email.naechster_versuch_at, email.anspruch, email.sent_at) == (None, None, None)
    assert await reasons(sessions) == [("communication.email_failed", "expired")]
    assert await claim(queue, now=SOON) == []


async def test_what_waits_fails_when_its_time_is_over_and_not_before(
    queue: EmailQueue, sessions: SessionFactory
) -> None:
    (email_id,) = await add_emails(sessions, make_email(expires_at=SOON))
    assert await queue.expire(now=SOON - timedelta(microseconds=1)) == []
    assert await queue.expire(now=SOON) == [email_id]
    assert await queue.expire(now=SOON) == []
    await assert_expired(sessions, queue, email_id)


async def test_what_is_over_is_not_claimed_and_is_nobodys_probe(
    queue: EmailQueue, sessions: SessionFactory
) -> None:
    await add_emails(sessions, make_email(expires_at=SOON))
    assert await claim(queue, now=SOON) == []
    await queue.pause(0, until=NOW, reason="down")
    assert await queue.probe(now=SOON, lease_end=SOON + LEASE, next_probe_at=SOON) == []
    assert len(await queue.probe(now=NOW, lease_end=SOON + LEASE, next_probe_at=SOON)) == 1


@pytest.mark.parametrize("ends_in", [REFUSED_FOR_NOW, None])
async def test_a_claimed_email_is_not_handed_over_after_its_time(
    queue: EmailQueue, ledger: Ledger, sessions: SessionFactory, clock: FakeClock, ends_in
) -> None:
    (email_id,) = await add_emails(sessions, make_email(expires_at=SOON))
    (claimed,) = await claim(queue)
    clock.advance(seconds=5)
    assert not await ledger.begin(claimed)
    ledger.finish(ending(claimed, ends_in, clock()) if ends_in else release(claimed))
    await ledger.flush()
    await assert_expired(sessions, queue, email_id)


async def test_a_lost_claim_fails_after_its_time(queue: EmailQueue, sessions: SessionFactory) -> None:
    (email_id,) = await add_emails(sessions, make_email(expires_at=SOON))
    await claim(queue)
    swept = await queue.sweep(now=NOW + LEASE * 2)
    assert (swept.unwanted, swept.requeued) == ([email_id], [])
    await assert_expired(sessions, queue, email_id)


@pytest.mark.parametrize(
    ("result", "status"), [(ACCEPTED, EmailStatus.SENT), (NO_ANSWER, EmailStatus.SENDING)]
)
async def test_what_was_handed_over_in_time_has_not_failed(
    queue: EmailQueue, ledger: Ledger, sessions: SessionFactory, clock: FakeClock, result, status
) -> None:
    (email_id,) = await add_emails(sessions, make_email(expires_at=SOON))
    (claimed,) = await claim(queue)
    assert await ledger.begin(claimed)
    assert await queue.expire(now=SOON) == []
    ledger.finish(ending(claimed, result, clock.advance(hours=1)))
    await ledger.flush()
    assert await queue.expire(now=clock()) == []
    email = await read_email(sessions, email_id)
    assert (email.status, email.zustellung_unklar) == (status, status is EmailStatus.SENDING)


async def test_its_age_counts_from_when_it_was_to_be_sent(
    queue: EmailQueue, ledger: Ledger, sessions: SessionFactory, clock: FakeClock
) -> None:
    planned = NOW + timedelta(days=10)
    (email_id,) = await add_emails(sessions, make_email(send_at=planned, naechster_versuch_at=planned))
    assert await claim(queue, now=planned - timedelta(seconds=1)) == []
    (claimed,) = await claim(queue, now=planned)
    for _ in range(2):
        ledger.finish(ending(claimed, REFUSED_FOR_NOW, planned + timedelta(minutes=1)))
        await ledger.flush()
        assert (await read_email(sessions, email_id)).status is EmailStatus.QUEUED
        (claimed,) = await claim(queue, now=planned + timedelta(days=1))


@pytest.mark.parametrize("held", [True, False])
async def test_a_worker_lets_them_fail_while_the_queue_is_held_or_paused(
    config: Settings, sessions: SessionFactory, link: DirectConnection, held: bool
) -> None:
    now = system_clock()
    async with sessions() as session:
        if held:
            await hold_queue(work_of(session, now=now))
        else:
            await EmailQueue(link).pause(0, until=now + timedelta(hours=1), reason="down")
    over, waits = await add_emails(
        sessions, queued_email(expires_at=now), queued_email(expires_at=now + timedelta(hours=1))
    )
    async with scripted_smtp() as server, running_sender(mail_settings(config, server.port)):
        await until_email(sessions, over, lambda email: email.status is EmailStatus.FAILED)
        assert server.messages == []
    assert (await read_email(sessions, waits)).status is EmailStatus.QUEUED


async def test_of_many_that_expire_while_they_are_sent_each_is_sent_or_has_expired(
    config: Settings, sessions: SessionFactory
) -> None:
    """Two workers, and times that end all along the way: never both, never twice, never neither."""
    now = system_clock()
    ids = await add_emails(
        sessions,
        *(queued_email(expires_at=now + timedelta(milliseconds=4 * n)) for n in range(MANY)),
    )

    async def settled() -> bool:
        async with sessions() as session:
            counted = select(OutboxEvent.id).where(OutboxEvent.event_type != "communication.email_created")
            return len((await session.scalars(counted)).all()) == MANY

    async with scripted_smtp() as server:
        quick = mail_settings(config, server.port, smtp_connections=4)
        async with running_sender(quick), running_sender(quick):
            await eventually(settled, within=60)
        received = server.message_ids
    assert set(received.values()) <= {1}
    for email_id in ids:
        email = await read_email(sessions, email_id)
        if email.message_id in received:
            assert email.status is EmailStatus.SENT
        else:
            assert (email.status, email.unsent_because) == (EmailStatus.FAILED, Unsent.EXPIRED)
