"""Nobody who has answered or whose address is stopped is written to, wherever in the queue the e-mail is."""

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.emails.replies import record_reply
from services.emails.reply import Reply
from services.emails.stop_list import stop_address
from services.models import (
    AttemptOutcome,
    AttemptStage,
    Email,
    EmailStatus,
    EmailVersuch,
    OutboxEvent,
    StopReason,
    Unsent,
)
from services.rules import DeskRules
from services.sending.deliveries import release
from services.sending.ledger import Ledger
from services.sending.queue import EmailQueue
from services.sending.verdict import DeliveryResult, Ending
from services.work import API
from shared.database import SessionFactory
from tests.clock import FakeClock
from tests.factories import NOW, make_email
from tests.mail import ACCEPTED, LEASE, add_emails, claim, ending, read_email
from tests.work import work_of

REFUSED_FOR_NOW = DeliveryResult(AttemptStage.RCPT, Ending.REPLY, 450, "4.2.0 try again later")


@pytest.fixture
def answers(session: AsyncSession, clock: FakeClock, rules: DeskRules):
    async def answer(email_id: int) -> None:
        now = clock.advance(seconds=1)
        await record_reply(work_of(session, now=now, rules=rules, actor=API), email_id, Reply(inhalt="Ja"))

    return answer


async def assert_never_sent(sessions: SessionFactory, queue: EmailQueue, email_id: int) -> None:
    email = await read_email(sessions, email_id)
    assert (email.status, email.fehlermeldung) == (EmailStatus.FAILED, Unsent.ANSWERED)
    assert (email.naechster_versuch_at, email.anspruch, email.sent_at) == (None, None, None)
    assert email.antwort_erhalten
    assert await claim(queue) == []


async def reasons(sessions: SessionFactory) -> list[tuple[str, object]]:
    async with sessions() as session:
        events = await session.scalars(select(OutboxEvent).order_by(OutboxEvent.id))
        return [(event.event_type, event.payload.get("reason")) for event in events]


async def test_an_answer_takes_a_queued_email_out_of_the_queue(
    queue: EmailQueue, sessions: SessionFactory, answers
) -> None:
    (email_id,) = await add_emails(sessions, make_email())
    await answers(email_id)
    await assert_never_sent(sessions, queue, email_id)
    assert await reasons(sessions) == [("communication.email_replied", None)]


@pytest.mark.parametrize("ends_in", [REFUSED_FOR_NOW, None])
async def test_an_answer_while_it_is_being_sent_keeps_it_from_another_attempt(
    queue: EmailQueue, ledger: Ledger, sessions: SessionFactory, clock: FakeClock, answers, ends_in
) -> None:
    (email_id,) = await add_emails(sessions, make_email())
    (claimed,) = await claim(queue)
    await answers(email_id)
    ledger.finish(ending(claimed, ends_in, clock.advance(seconds=1)) if ends_in else release(claimed))
    await ledger.flush()
    await assert_never_sent(sessions, queue, email_id)
    assert (await reasons(sessions))[-1] == ("communication.email_failed", "answered")


async def test_an_answer_before_data_forbids_it(
    queue: EmailQueue, ledger: Ledger, sessions: SessionFactory, answers
) -> None:
    (email_id,) = await add_emails(sessions, make_email())
    (claimed,) = await claim(queue)
    await answers(email_id)
    assert not await ledger.begin(claimed)
    swept = await queue.sweep(now=NOW + LEASE * 2)
    assert (swept.unwanted, swept.requeued) == ([email_id], [])
    await assert_never_sent(sessions, queue, email_id)


async def test_an_answer_to_what_is_resent_proves_the_first_copy(
    queue: EmailQueue, session: AsyncSession, sessions: SessionFactory, answers
) -> None:
    (email_id,) = await add_emails(sessions, make_email())
    async with session.begin():
        session.add(
            EmailVersuch(
                email_id=email_id,
                nummer=1,
                begonnen_at=NOW,
                beendet_at=NOW,
                stufe=AttemptStage.BODY,
                ergebnis=AttemptOutcome.UNCLEAR,
            )
        )
    await answers(email_id)
    email = await read_email(sessions, email_id)
    assert (email.status, email.sent_at, email.naechster_versuch_at) == (EmailStatus.SENT, NOW, None)
    assert await claim(queue) == []


@pytest.mark.parametrize(
    ("result", "reason"),
    [(ACCEPTED, None), (DeliveryResult(AttemptStage.RCPT, Ending.REPLY, 550, "5.1.1 unknown"), "refused")],
)
async def test_what_is_settled_has_no_next_attempt_and_says_why_it_failed(
    queue: EmailQueue, ledger: Ledger, sessions: SessionFactory, clock: FakeClock, result, reason
) -> None:
    (email_id,) = await add_emails(sessions, make_email())
    (claimed,) = await claim(queue)
    ledger.finish(ending(claimed, result, clock.advance(seconds=1)))
    await ledger.flush()
    async with sessions() as session:
        assert (await session.get_one(Email, email_id)).naechster_versuch_at is None
    assert [each for _, each in await reasons(sessions)] == [reason]


@pytest.fixture
def stops(session: AsyncSession, clock: FakeClock, rules: DeskRules):
    async def stop_recipient(address: str) -> None:
        now = clock.advance(seconds=1)
        await stop_address(work_of(session, now=now, rules=rules, actor=API), address, StopReason.DEAD)

    return stop_recipient


async def assert_stopped(sessions: SessionFactory, queue: EmailQueue, email_id: int) -> None:
    email = await read_email(sessions, email_id)
    assert (email.status, email.unsent_because) == (EmailStatus.FAILED, Unsent.STOPPED)
    assert (email.naechster_versuch_at, email.anspruch, email.sent_at) == (None, None, None)
    assert await reasons(sessions) == [("communication.email_failed", "stopped")]
    assert await claim(queue) == []


@pytest.mark.parametrize("ends_in", [REFUSED_FOR_NOW, None])
async def test_an_address_stopped_meanwhile_keeps_an_email_from_another_attempt(
    queue: EmailQueue, ledger: Ledger, sessions: SessionFactory, clock: FakeClock, stops, ends_in
) -> None:
    (email_id,) = await add_emails(sessions, make_email(empfaenger_email="Praxis@Tot.example"))
    (claimed,) = await claim(queue)
    await stops("praxis@tot.example")
    assert not await ledger.begin(claimed)
    ledger.finish(ending(claimed, ends_in, clock.advance(seconds=1)) if ends_in else release(claimed))
    await ledger.flush()
    await assert_stopped(sessions, queue, email_id)


async def test_an_address_stopped_meanwhile_is_not_written_to_by_whoever_sweeps(
    queue: EmailQueue, sessions: SessionFactory, stops
) -> None:
    (email_id,) = await add_emails(sessions, make_email(empfaenger_email="praxis@tot.example"))
    await claim(queue)
    await stops("praxis@tot.example")
    swept = await queue.sweep(now=NOW + LEASE * 2)
    assert (swept.unwanted, swept.requeued) == ([email_id], [])
    await assert_stopped(sessions, queue, email_id)
