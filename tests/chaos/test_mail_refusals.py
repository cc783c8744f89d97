"""A mail server that refuses for good: everybody, or one e-mail."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from sqlalchemy import select

from services.models import Email, EmailStatus, OutboxEvent
from services.sending.overview import queue_overview, resume_queue
from shared.clock import system_clock
from shared.config import Settings
from shared.database import SessionFactory
from tests.chaos.test_mail_server_moods import patient_settings, sent, until
from tests.eventually import eventually
from tests.mail import (
    add_emails,
    attempts_of,
    mail_settings,
    queued_email,
    read_email,
    running_sender,
    until_email,
)
from tests.smtp_server import ScriptedSmtp, Stage, scripted_smtp
from tests.work import work_of

pytestmark = [pytest.mark.chaos]

SPAM = "554 5.7.1 looks like spam"


def to_many(count: int) -> list[Email]:
    return [queued_email(empfaenger_email=f"praxis{n}@example.org") for n in range(count)]


def failed(email: Email) -> bool:
    return email.status is EmailStatus.FAILED


@asynccontextmanager
async def running_senders(config: Settings, count: int) -> AsyncGenerator[None]:
    async with AsyncExitStack() as stack:
        for _ in range(count):
            await stack.enter_async_context(running_sender(config))
        yield


async def until_paused(sessions: SessionFactory, reason: str) -> None:
    async def paused() -> bool:
        async with sessions() as session, work_of(session, now=system_clock()).transaction() as tx:
            return (await queue_overview(tx)).pause_reason == reason

    await eventually(paused)


async def all_emails(sessions: SessionFactory) -> list[Email]:
    async with sessions() as session:
        return list(await session.scalars(select(Email).order_by(Email.id)))


@pytest.mark.parametrize(
    ("stage", "words", "workers", "lanes"),
    [
        ("mail", "550 5.7.1 not from here", 1, 4),
        ("mail", "553 5.1.8 no such sender", 3, 1),
        ("mail", "530 5.7.0 log in first", 1, 1),
        ("rcpt", "504 5.5.2 <desk>: Helo command rejected: need fully-qualified hostname", 1, 1),
        ("rcpt", "554 5.7.1 Relay access denied", 3, 1),
        ("rcpt", "550 relay not permitted", 1, 4),
        ("rcpt", "530 5.7.0 log in first", 3, 1),
        ("data", "503 5.5.1 bad sequence", 1, 4),
        ("dot", "550 5.4.5 daily quota exceeded", 2, 2),
    ],
)
async def test_a_refusal_that_meets_everybody_costs_no_email(
    config: Settings, sessions: SessionFactory, stage: Stage, words: str, workers: int, lanes: int
) -> None:
    """Workers tell one another: none has to see two refusals by itself."""
    await add_emails(sessions, *to_many(20))
    async with scripted_smtp() as smtp:
        smtp.always[stage] = lambda _: words
        settings = patient_settings(config, smtp.port, smtp_connections=lanes)
        async with running_senders(settings, workers):
            await until_paused(sessions, words)
            await until(sessions, QUEUED=20)
            assert smtp.commands["mail"] < 20
            assert {email.wiederholungsanzahl for email in await all_emails(sessions)} == {0}
            del smtp.always[stage]
            async with sessions() as session:
                await resume_queue(work_of(session, now=system_clock()))
            await until(sessions, SENT=20)
    async with sessions() as session:
        events = await session.scalars(select(OutboxEvent.event_type))
    assert set(events) == {"communication.email_sent"}
    assert {email.fehlermeldung for email in await all_emails(sessions)} == {None}
    assert len(smtp.message_ids) == 20


async def test_a_bad_address_among_good_ones_fails_at_once_and_alone(
    config: Settings, sessions: SessionFactory
) -> None:
    words = "550 5.1.1 no such mailbox"
    async with scripted_smtp() as smtp:
        smtp.always["rcpt"] = lambda to: words if "praxis3@" in to or "praxis4@" in to else None
        ids = await add_emails(sessions, *to_many(10))
        async with running_sender(patient_settings(config, smtp.port)):
            await until(sessions, SENT=8, FAILED=2)
        assert [a.ergebnis for a in await attempts_of(sessions, ids[3])] == ["failed"]


@pytest.mark.parametrize("stage", ["mail", "rcpt", "dot"])
async def test_what_is_refused_again_and_again_while_others_are_accepted_fails_in_the_end(
    config: Settings, sessions: SessionFactory, stage: Stage
) -> None:
    """Its words, its sender or its recipient are the reason then, not the server."""
    bad = queued_email(
        betreff="GEWINN", empfaenger_email="gewinn@x.example", absender_email="gewinn@x.example"
    )
    async with scripted_smtp() as smtp:
        smtp.always[stage] = lambda said: SPAM if "gewinn" in said.lower() else None
        (bad_id,) = await add_emails(sessions, bad)
        async with running_sender(mail_settings(config, smtp.port)):
            await until_email(sessions, bad_id, lambda email: bool(email.fehlermeldung))
            given_up = await failed_among_accepted(sessions, bad_id)
            (after,) = await add_emails(sessions, queued_email())
            await until_email(sessions, after, sent)
    attempts = [attempt.ergebnis for attempt in await attempts_of(sessions, bad_id)]
    assert attempts[-1] == "failed"
    assert attempts.count("retry") >= 2
    assert set(attempts) <= {"retry", "released", "failed"}
    assert given_up.fehlermeldung == SPAM


async def failed_among_accepted(sessions: SessionFactory, email_id: int) -> Email:
    """Have one e-mail after the other accepted until the one of an id has failed; return it."""

    async def is_failed() -> bool:
        (accepted,) = await add_emails(sessions, queued_email())
        await until_email(sessions, accepted, sent)
        return failed(await read_email(sessions, email_id))

    await eventually(is_failed)
    return await read_email(sessions, email_id)


async def test_what_is_refused_with_nobody_to_compare_it_to_is_given_up_at_its_maximum_age(
    config: Settings, sessions: SessionFactory
) -> None:
    async with scripted_smtp() as smtp:
        smtp.always["dot"] = lambda _: SPAM
        (email_id,) = await add_emails(sessions, queued_email())
        settings = mail_settings(config, smtp.port, email_max_age_hours=1.5 / 3600)
        async with running_sender(settings):
            given_up = await until_email(sessions, email_id, failed)
        attempts = await attempts_of(sessions, email_id)
    assert len(attempts) > 1
    assert given_up.fehlermeldung is not None
    assert given_up.fehlermeldung.startswith("given up after")


async def test_one_refused_email_that_probes_after_an_outage_does_not_keep_the_queue_paused(
    config: Settings, sessions: SessionFactory
) -> None:
    async with scripted_smtp() as gone:
        pass
    (bad,) = await add_emails(sessions, queued_email(empfaenger_email="gewinn@x.example"))
    async with running_sender(mail_settings(config, gone.port, queue_pause_cap_seconds=0.05)):
        await until_email(sessions, bad, lambda email: "connect" in (email.fehlermeldung or ""))
        smtp = ScriptedSmtp()
        smtp.always["rcpt"] = lambda command: "554 5.7.1 denied" if "gewinn" in command else None
        async with await asyncio.start_server(smtp.serve, "127.0.0.1", gone.port):
            await until_email(sessions, bad, lambda email: "554" in (email.fehlermeldung or ""))
            async with sessions() as session, work_of(session, now=system_clock()).transaction() as tx:
                overview = await queue_overview(tx)
            assert overview.pause_reason is None
            smtp.hang_up()
