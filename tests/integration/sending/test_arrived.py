"""What came back while an e-mail was being handed over settles a delivery whose end nobody heard of."""

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.emails.replies import record_reply
from services.emails.reply import Reply
from services.events.types import EventType
from services.models import Email, EmailStatus, OutboxEvent, ReplyKind
from services.rules import DeskRules
from services.sending.deliveries import ClaimedEmail
from services.sending.ledger import Ledger
from services.sending.queue import EmailQueue
from services.work import API
from shared.database import SessionFactory
from tests.clock import FakeClock
from tests.factories import NOW, make_email
from tests.mail import ACCEPTED, LEASE, NO_ANSWER, add_emails, attempts_of, claim, ending, read_email
from tests.work import tx_of, work_of

BEGUN = NOW
SAYS_IT_ARRIVED = [ReplyKind.REPLY, ReplyKind.OUT_OF_OFFICE]


@pytest.fixture
async def handed_over(queue: EmailQueue, ledger: Ledger, sessions: SessionFactory) -> ClaimedEmail:
    await add_emails(sessions, make_email())
    (claimed,) = await claim(queue)
    assert await ledger.begin(claimed)
    return claimed


async def comes_back(
    session: AsyncSession, email_id: int, art: ReplyKind, clock: FakeClock, rules: DeskRules
) -> None:
    now = clock.advance(seconds=1)
    await record_reply(work_of(session, now=now, rules=rules, actor=API), email_id, Reply(art=art))


async def assert_sent(session: AsyncSession, email_id: int) -> None:
    """Sent when the hand-over began, reported as a transaction would."""
    async with session.begin():
        email = await session.get_one(Email, email_id, populate_existing=True)
        assert (email.status, email.sent_at, email.fehlermeldung) == (EmailStatus.SENT, BEGUN, None)
        assert (email.anspruch, email.anspruch_bis) == (None, None)
        reported = select(OutboxEvent).where(OutboxEvent.event_type == EventType.EMAIL_SENT)
        written = (await session.scalars(reported)).one()
        expected = tx_of(session, now=email.updated_at).report(EventType.EMAIL_SENT, email)
        for column in ("topic", "key", "payload", "created_at", "available_at"):
            assert getattr(written, column) == getattr(expected, column), column


@pytest.mark.parametrize("art", SAYS_IT_ARRIVED)
async def test_an_email_answered_before_its_connection_drops_is_sent(
    handed_over: ClaimedEmail,
    ledger: Ledger,
    sessions: SessionFactory,
    session: AsyncSession,
    clock: FakeClock,
    rules: DeskRules,
    art: ReplyKind,
) -> None:
    await comes_back(session, handed_over.id, art, clock, rules)
    ledger.finish(ending(handed_over, NO_ANSWER, clock.advance(seconds=1)))
    await ledger.flush()
    await assert_sent(session, handed_over.id)
    assert [a.ergebnis for a in await attempts_of(sessions, handed_over.id)] == ["unclear"]


@pytest.mark.parametrize("art", SAYS_IT_ARRIVED)
async def test_an_email_answered_before_its_lease_ends_is_sent_once_and_for_all(
    handed_over: ClaimedEmail,
    queue: EmailQueue,
    ledger: Ledger,
    sessions: SessionFactory,
    session: AsyncSession,
    clock: FakeClock,
    rules: DeskRules,
    art: ReplyKind,
) -> None:
    await comes_back(session, handed_over.id, art, clock, rules)
    swept = await queue.sweep(now=NOW + LEASE * 2)
    assert (swept.requeued, swept.unclear, swept.sent) == ([], [], [handed_over.id])
    ledger.finish(ending(handed_over, ACCEPTED, NOW + LEASE * 3))
    await ledger.flush()
    await assert_sent(session, handed_over.id)
    assert [a.ergebnis for a in await attempts_of(sessions, handed_over.id)] == ["unclear"]


async def test_a_notice_that_it_could_not_be_delivered_leaves_the_doubt(
    queue: EmailQueue,
    ledger: Ledger,
    sessions: SessionFactory,
    session: AsyncSession,
    clock: FakeClock,
    rules: DeskRules,
) -> None:
    lost, left = await add_emails(sessions, make_email(), make_email())
    for claimed in await claim(queue):
        assert await ledger.begin(claimed)
        await comes_back(session, claimed.id, ReplyKind.UNDELIVERABLE, clock, rules)
        if claimed.id == lost:
            ledger.finish(ending(claimed, NO_ANSWER))
    await ledger.flush()
    assert (await queue.sweep(now=NOW + LEASE * 2)).unclear == [left]
    for email_id in (lost, left):
        assert (await read_email(sessions, email_id)).zustellung_unklar


async def test_what_came_back_says_nothing_about_an_email_that_was_not_handed_over(
    queue: EmailQueue, sessions: SessionFactory, session: AsyncSession, clock: FakeClock, rules: DeskRules
) -> None:
    (email_id,) = await add_emails(sessions, make_email())
    await claim(queue)
    await comes_back(session, email_id, ReplyKind.OUT_OF_OFFICE, clock, rules)
    assert (await queue.sweep(now=NOW + LEASE * 2)).requeued == [email_id]
