import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text
from structlog.testing import capture_logs

from services.emails.states import decide_unclear
from services.events.types import EventType, event_of
from services.models import AttemptStage, Email, EmailStatus, EmailVersuch, MailDomain, OutboxEvent
from services.sending import ledger as ledger_module
from services.sending import sender
from services.sending.deliveries import ClaimedEmail, release
from services.sending.ledger import FINISH, Ledger
from services.sending.overview import queue_overview, resume_queue
from services.sending.queue import EmailQueue
from services.sending.verdict import DeliveryResult, Ending
from services.work import API
from shared.config import Settings
from shared.database import SessionFactory
from shared.direct_connection import DirectConnection
from shared.notifications import Notifier
from tests.clock import FakeClock
from tests.eventually import eventually
from tests.factories import NOW, make_email
from tests.mail import (
    ACCEPTED,
    LEASE,
    NO_ANSWER,
    PLAN,
    add_emails,
    attempts_of,
    claim,
    ending,
    mail_settings,
    queued_email,
    read_email,
    running_sender,
    until_email,
)
from tests.smtp_server import Stall, scripted_smtp
from tests.work import work_of


async def test_two_workers_never_claim_the_same_email(config: Settings, sessions: SessionFactory) -> None:
    ids = await add_emails(sessions, *(make_email() for _ in range(40)))
    links = [DirectConnection(config.get_database_url(), application_name="test") for _ in range(4)]
    batches = await asyncio.gather(*(claim(EmailQueue(link)) for link in links))
    assert sorted(email.id for batch in batches for email in batch) == ids
    assert len({email.token for batch in batches for email in batch}) == 40
    for link in links:
        await link.close()


async def test_what_is_due_longest_goes_first_and_the_future_waits(
    queue: EmailQueue, sessions: SessionFactory
) -> None:
    late, early, future = await add_emails(
        sessions,
        make_email(queued_at=NOW, naechster_versuch_at=NOW),
        make_email(naechster_versuch_at=NOW - timedelta(hours=1), queued_at=NOW - timedelta(hours=1)),
        make_email(naechster_versuch_at=NOW + timedelta(seconds=1)),
    )
    assert [email.id for email in await claim(queue)] == [early, late]
    assert [email.id for email in await claim(queue, NOW + timedelta(seconds=1))] == [future]


async def test_a_lease_that_ends_before_data_puts_the_email_back(
    queue: EmailQueue, sessions: SessionFactory
) -> None:
    (email_id,) = await add_emails(sessions, make_email())
    await claim(queue)
    assert (await queue.sweep(now=NOW + LEASE)).requeued == []
    assert (await queue.sweep(now=NOW + LEASE * 2)).requeued == [email_id]
    email = await read_email(sessions, email_id)
    assert (email.status, email.anspruch, email.wiederholungsanzahl) == (EmailStatus.QUEUED, None, 0)


async def test_a_lease_that_ends_after_data_began_leaves_the_delivery_unclear(
    queue: EmailQueue, ledger: Ledger, sessions: SessionFactory
) -> None:
    (email_id,) = await add_emails(sessions, make_email())
    (claimed,) = await claim(queue)
    assert await ledger.begin(claimed)
    assert (await queue.sweep(now=NOW + LEASE * 2)).unclear == [email_id]
    assert (await read_email(sessions, email_id)).zustellung_unklar
    assert [a.ergebnis for a in await attempts_of(sessions, email_id)] == ["unclear"]
    assert (await queue.sweep(now=NOW + LEASE * 3)).unclear == []
    assert await claim(queue, NOW + LEASE * 3) == []


@pytest.mark.parametrize(
    ("result", "status"),
    [
        (ACCEPTED, EmailStatus.SENT),
        (DeliveryResult(AttemptStage.BODY, Ending.REPLY, 550, "5.1.1 unknown"), EmailStatus.FAILED),
        (DeliveryResult(AttemptStage.BODY, Ending.REPLY, 550, "5.7.1 spam"), EmailStatus.QUEUED),
    ],
)
async def test_an_answer_that_comes_after_the_lease_still_settles_what_nobody_has_decided(
    queue: EmailQueue, ledger: Ledger, sessions: SessionFactory, result: DeliveryResult, status: EmailStatus
) -> None:
    (email_id,) = await add_emails(sessions, make_email())
    (claimed,) = await claim(queue)
    assert await ledger.begin(claimed)
    await queue.sweep(now=NOW + LEASE * 2)
    assert (await read_email(sessions, email_id)).zustellung_unklar
    ledger.finish(ending(claimed, result))
    await ledger.flush()
    email = await read_email(sessions, email_id)
    assert (email.status, email.anspruch) == (status, None)


async def test_an_answer_that_comes_after_a_persons_decision_changes_nothing(
    queue: EmailQueue, ledger: Ledger, sessions: SessionFactory
) -> None:
    (email_id,) = await add_emails(sessions, make_email())
    (claimed,) = await claim(queue)
    assert await ledger.begin(claimed)
    await queue.sweep(now=NOW + LEASE * 2)
    async with sessions() as session:
        await decide_unclear(work_of(session, now=NOW + LEASE * 3, actor=API), email_id, "resend")
    ledger.finish(ending(claimed, ACCEPTED))
    await ledger.flush()
    assert (await read_email(sessions, email_id)).status is EmailStatus.QUEUED


async def test_a_stale_token_changes_nothing(
    queue: EmailQueue, ledger: Ledger, sessions: SessionFactory
) -> None:
    (email_id,) = await add_emails(sessions, make_email())
    (stale,) = await claim(queue)
    await queue.sweep(now=NOW + LEASE * 2)
    (current,) = await claim(queue, NOW + LEASE * 2)
    before = await read_email(sessions, email_id)

    assert not await ledger.begin(stale)
    ledger.finish(ending(stale, ACCEPTED))
    ledger.finish(release(stale))
    await ledger.flush()

    after = await read_email(sessions, email_id)
    assert (after.status, after.anspruch, after.anspruch_bis) == (
        EmailStatus.SENDING,
        current.token,
        before.anspruch_bis,
    )
    assert after.uebergabe_begonnen_at is None
    assert await attempts_of(sessions, email_id) == []
    async with sessions() as session:
        assert await session.scalar(select(func.count()).select_from(OutboxEvent)) == 0


@pytest.mark.parametrize("answered_at", [None, NOW, datetime(2026, 10, 14, 8, 41, 2, 50, tzinfo=UTC)])
async def test_the_event_is_the_one_a_transaction_reports(
    queue: EmailQueue,
    ledger: Ledger,
    sessions: SessionFactory,
    clock: FakeClock,
    answered_at: datetime | None,
) -> None:
    reply = {"antwort_erhalten": True, "antwortdatum": answered_at, "antwort_art": "antwort"}
    came_from = {"anfrage_id": "matching-17", "traceparent": f"00-{'1' * 32}-{'2' * 16}-01"}
    (email_id,) = await add_emails(sessions, make_email(**came_from, **(reply if answered_at else {})))
    (claimed,) = await claim(queue)
    ledger.finish(ending(claimed, ACCEPTED, clock.advance(microseconds=1_200)))
    await ledger.flush()
    async with sessions() as session, session.begin():
        (written,) = await session.scalars(select(OutboxEvent))
        email = await session.get_one(Email, email_id)
        expected = event_of(EventType.EMAIL_SENT, email, at=clock())
        for column in ("event_type", "topic", "key", "payload", "created_at", "available_at", *came_from):
            assert getattr(written, column) == getattr(expected, column), column


async def test_an_entry_that_cant_be_written_holds_up_no_other(
    queue: EmailQueue, ledger: Ledger, sessions: SessionFactory
) -> None:
    bad_id, good_id = await add_emails(sessions, make_email(), make_email())
    bad, good = await claim(queue)
    ledger.finish(ending(bad, DeliveryResult(AttemptStage.RCPT, Ending.REPLY, 550, "\x00")))
    ledger.finish(ending(good, ACCEPTED))
    await ledger.flush()
    assert (await read_email(sessions, good_id)).status is EmailStatus.SENT
    assert (await read_email(sessions, bad_id)).status is EmailStatus.SENDING


async def test_an_answer_whose_number_a_sweep_takes_at_the_same_moment_is_written_all_the_same(
    queue: EmailQueue,
    ledger: Ledger,
    config: Settings,
    sessions: SessionFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The sweep commits when the statement has seen the attempts and not yet locked the e-mail."""
    held = FINISH.replace("SELECT * FROM", "SELECT t.* FROM pg_advisory_xact_lock(1),", 1)
    monkeypatch.setattr(ledger_module, "FINISH", held)
    waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    (email_id,) = await add_emails(sessions, make_email())
    (claimed,) = await claim(queue)
    assert await ledger.begin(claimed)
    sweeper = DirectConnection(config.get_database_url(), application_name="test")
    async with sessions() as holder:

        async def is_held() -> bool:
            return bool(await holder.scalar(waiting))

        await holder.execute(select(func.pg_advisory_xact_lock(1)))
        ledger.finish(ending(claimed, ACCEPTED))
        await eventually(is_held)
        assert (await EmailQueue(sweeper).sweep(now=NOW + LEASE * 2)).unclear == [email_id]
    await ledger.flush()
    await sweeper.close()
    assert (await read_email(sessions, email_id)).status is EmailStatus.SENT
    assert [a.ergebnis for a in await attempts_of(sessions, email_id)] == ["unclear", "sent"]


async def test_a_row_somebody_locks_holds_up_its_own_email_only(
    queue: EmailQueue, ledger: Ledger, sessions: SessionFactory
) -> None:
    locked_id, waiting_id, free_id = await add_emails(sessions, make_email(), make_email(), make_email())
    locked, waiting, free = await claim(queue)
    async with sessions() as other, other.begin():
        await other.execute(select(Email.id).where(Email.id.in_([locked_id, waiting_id])).with_for_update())
        ledger.finish(ending(locked, ACCEPTED))
        assert not await ledger.begin(waiting)
        assert await ledger.begin(free)
        ledger.finish(ending(free, ACCEPTED))
        await until_email(sessions, free_id, lambda email: email.status is EmailStatus.SENT)
        assert (await read_email(sessions, locked_id)).status is EmailStatus.SENDING
    await ledger.flush()
    assert (await read_email(sessions, locked_id)).status is EmailStatus.SENT


async def test_what_was_being_written_when_a_defect_struck_is_written_after_the_restart(
    queue: EmailQueue, link: DirectConnection, config: Settings, sessions: SessionFactory, clock: FakeClock
) -> None:
    (email_id,) = await add_emails(sessions, make_email())
    (claimed,) = await claim(queue)
    works = link.fetch

    async def breaks(*_: object) -> list[object]:
        raise ZeroDivisionError

    link.fetch = breaks
    ledger = Ledger(link, link, Notifier(config.get_database_url()), clock, LEASE)
    ledger.finish(ending(claimed, ACCEPTED))
    with pytest.raises(ExceptionGroup):
        await ledger.run()
    link.fetch = works
    again = asyncio.create_task(ledger.run())
    await ledger.flush()
    again.cancel()
    assert (await read_email(sessions, email_id)).status is EmailStatus.SENT


async def test_attempts_are_numbered_and_retries_counted(
    queue: EmailQueue, ledger: Ledger, sessions: SessionFactory
) -> None:
    (email_id,) = await add_emails(sessions, make_email())
    now = NOW
    for _ in range(2):
        (claimed,) = await claim(queue, now)
        ledger.finish(
            ending(claimed, DeliveryResult(AttemptStage.RCPT, Ending.REPLY, 452, "4.2.2 full"), now)
        )
        await ledger.flush()
        email = await read_email(sessions, email_id)
        assert email.status is EmailStatus.QUEUED
        assert email.fehlermeldung == "452 4.2.2 full"
        assert email.naechster_versuch_at > now
        now = email.naechster_versuch_at
    assert email.wiederholungsanzahl == 2
    assert [a.nummer for a in await attempts_of(sessions, email_id)] == [1, 2]


async def test_an_email_past_its_maximum_age_fails_and_reports_it(
    queue: EmailQueue, ledger: Ledger, sessions: SessionFactory
) -> None:
    (email_id,) = await add_emails(sessions, make_email(queued_at=NOW - PLAN.max_age, wiederholungsanzahl=1))
    (claimed,) = await claim(queue)
    ledger.finish(ending(claimed, DeliveryResult(AttemptStage.RCPT, Ending.REPLY, 450, "4.2.0 later")))
    await ledger.flush()
    email = await read_email(sessions, email_id)
    assert email.status is EmailStatus.FAILED
    assert "450 4.2.0 later" in (email.fehlermeldung or "")
    async with sessions() as session:
        assert list(await session.scalars(select(OutboxEvent.event_type))) == [EventType.EMAIL_FAILED]


async def test_a_pause_counts_once_however_many_senders_fail_and_one_probe_ends_it(
    queue: EmailQueue, sessions: SessionFactory
) -> None:
    await add_emails(sessions, *(make_email() for _ in range(3)))
    over = NOW + timedelta(seconds=5)
    assert await queue.pause(0, until=over, reason="connect: connection lost")
    assert not await queue.pause(0, until=over + LEASE, reason="connect: connection lost")

    async def probe(now: datetime) -> list[ClaimedEmail]:
        return await queue.probe(now=now, lease_end=now + LEASE, next_probe_at=now + LEASE)

    assert await claim(queue) == []
    assert await probe(NOW) == []
    (first,) = await probe(over)
    assert first.queue_failures == 1
    assert await probe(over) == []
    assert await claim(queue, over) == []
    assert await queue.resume(first.queue_failures)
    assert len(await claim(queue, over)) == 2


async def test_a_slow_domain_waits_while_others_are_served(
    queue: EmailQueue, sessions: SessionFactory
) -> None:
    slow, other = await add_emails(
        sessions, make_email(empfaenger_email="a@Slow.example"), make_email(empfaenger_email="a@b.example")
    )
    until = NOW + timedelta(minutes=1)
    await queue.slow_down("slow.example", 0, until=until)
    assert [email.id for email in await claim(queue)] == [other]
    (claimed,) = await claim(queue, until)
    assert (claimed.id, claimed.domain_failures) == (slow, 1)
    await queue.slow_down("slow.example", 0, until=until + LEASE)
    async with sessions() as session:
        assert [d.slow_until for d in await session.scalars(select(MailDomain))] == [until]
    await queue.speed_up("slow.example", 1)
    async with sessions() as session:
        assert list(await session.scalars(select(MailDomain))) == []


async def test_operators_see_the_queue_and_can_end_a_pause(
    queue: EmailQueue, ledger: Ledger, sessions: SessionFactory
) -> None:
    await add_emails(sessions, *(make_email() for _ in range(2)), make_email(status=EmailStatus.DRAFT))
    (unclear,) = await claim(queue, limit=1)
    assert await ledger.begin(unclear)
    ledger.finish(ending(unclear, NO_ANSWER))
    await ledger.flush()
    await queue.pause(0, until=NOW + timedelta(hours=1), reason="login: 535 no")
    await queue.slow_down("slow.example", 0, until=NOW + timedelta(minutes=1))
    async with sessions() as session:
        async with work_of(session, now=NOW).transaction() as tx:
            seen = await queue_overview(tx)
        assert (seen.unclear, seen.due, seen.oldest_due) == (1, 1, NOW)
        assert seen.counts[EmailStatus.DRAFT] == seen.counts[EmailStatus.QUEUED] == 1
        assert seen.counts[EmailStatus.SENT] == 0
        assert (seen.paused_until, seen.pause_reason) == (NOW + timedelta(hours=1), "login: 535 no")
        assert [domain.domain for domain in seen.slow_domains] == ["slow.example"]
        assert await resume_queue(work_of(session, now=NOW))
    assert len(await queue.probe(now=NOW, lease_end=NOW + LEASE, next_probe_at=NOW + LEASE)) == 1


async def test_a_sender_that_is_stopped_before_data_gives_its_emails_back(
    config: Settings, sessions: SessionFactory
) -> None:
    ids = await add_emails(sessions, *(queued_email() for _ in range(3)))
    async with scripted_smtp() as smtp:
        smtp.on("rcpt", Stall())
        async with running_sender(mail_settings(config, smtp.port, email_lease_seconds=900)):
            await until_email(sessions, ids[0], lambda _: bool(smtp.commands["rcpt"]))
    assert {(await read_email(sessions, email_id)).status for email_id in ids} == {EmailStatus.QUEUED}
    assert smtp.messages == []


async def test_a_sender_that_is_stopped_after_the_final_dot_leaves_the_delivery_unclear(
    config: Settings, sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "HANDOVER_GRACE_SECONDS", 0.1)
    (email_id,) = await add_emails(sessions, queued_email())
    async with scripted_smtp() as smtp:
        smtp.on("dot", Stall())
        async with running_sender(mail_settings(config, smtp.port, email_lease_seconds=900)):
            await until_email(sessions, email_id, lambda _: bool(smtp.messages))
    assert (await read_email(sessions, email_id)).zustellung_unklar


async def test_a_sender_ends_even_while_the_database_hangs(
    config: Settings, sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "FLUSH_SECONDS", 0.1)
    (email_id,) = await add_emails(sessions, queued_email())
    async with scripted_smtp() as smtp, sessions() as blocker:
        smtp.on("rcpt", Stall())
        async with asyncio.timeout(30), running_sender(mail_settings(config, smtp.port)):
            await until_email(sessions, email_id, lambda _: bool(smtp.commands["rcpt"]))
            await blocker.execute(text("LOCK TABLE communication_service.emails IN ACCESS EXCLUSIVE MODE"))
        await blocker.rollback()
    async with sessions() as session:
        assert await session.scalar(select(func.count()).select_from(EmailVersuch)) == 0
    assert (await read_email(sessions, email_id)).status is EmailStatus.SENDING


async def test_the_log_names_the_request_an_email_comes_from(
    queue: EmailQueue, ledger: Ledger, sessions: SessionFactory, config: Settings
) -> None:
    ids = await add_emails(
        sessions,
        make_email(anfrage_id="to-be-rescued"),
        make_email(anfrage_id="unclear"),
        make_email(anfrage_id="late", expires_at=NOW + LEASE, naechster_versuch_at=NOW + LEASE),
    )
    for email in await claim(queue):
        if email.request_id == "unclear":
            assert await ledger.begin(email)
    with capture_logs() as said:
        await queue.sweep(now=NOW + LEASE * 2)
        await queue.expire(now=NOW + LEASE * 2)
    assert {(line["event"], line["email_id"], line["request_id"], line.get("status")) for line in said} == {
        ("email_lease_ended", ids[0], "to-be-rescued", "QUEUED"),
        ("email_lease_ended", ids[1], "unclear", "SENDING"),
        ("email_expired", ids[2], "late", None),
    }


async def test_the_log_of_an_attempt_names_the_request(config: Settings, sessions: SessionFactory) -> None:
    with capture_logs() as said:
        async with scripted_smtp() as smtp, running_sender(mail_settings(config, smtp.port)):
            (email_id,) = await add_emails(sessions, queued_email(anfrage_id="matching-17"))
            await until_email(sessions, email_id, lambda email: email.status is EmailStatus.SENT)
    about = {line["event"]: line["request_id"] for line in said if line.get("email_id") == email_id}
    assert about == {"email_claimed": "matching-17", "email_attempt": "matching-17"}
