"""A mail server in a bad way: what becomes of the whole queue."""

from collections import Counter

import pytest
from sqlalchemy import select

from services.models import Email, EmailStatus, MailDomain
from services.sending.overview import queue_overview, resume_queue
from shared.clock import system_clock
from shared.config import Settings
from shared.database import SessionFactory
from tests.eventually import eventually
from tests.mail import add_emails, attempts_of, mail_settings, queued_email, running_sender, until_email
from tests.smtp_server import Drop, Say, scripted_smtp
from tests.work import work_of

pytestmark = [pytest.mark.chaos]

TOO_LONG = 300
"""Seconds of a pause that no test lives to see the end of."""

UNCLEAR = "UNCLEAR"


def patient_settings(config: Settings, port: int, **values: object) -> Settings:
    pauses = {"queue_pause_base_seconds": TOO_LONG, "queue_pause_cap_seconds": TOO_LONG}
    return mail_settings(config, port, **(pauses | values))


async def states(sessions: SessionFactory) -> Counter[str]:
    async with sessions() as session:
        emails = await session.scalars(select(Email))
        return Counter(UNCLEAR if e.zustellung_unklar else e.status.value for e in emails)


async def until(sessions: SessionFactory, **wanted: int) -> None:
    async def reached() -> bool:
        return await states(sessions) == Counter(wanted)

    await eventually(reached)


def sent(email: Email) -> bool:
    return email.status is EmailStatus.SENT


async def test_a_server_that_takes_few_connections_gets_all_mail_over_those(
    config: Settings, sessions: SessionFactory
) -> None:
    """The lanes it turns away rest; a pause would hold up everything."""
    async with scripted_smtp() as smtp:
        smtp.at_most = 2
        settings = patient_settings(config, smtp.port, smtp_connections=6)
        async with running_sender(settings):
            (first,) = await add_emails(sessions, queued_email())
            await until_email(sessions, first, sent)
            await add_emails(sessions, *(queued_email() for _ in range(60)))
            await until(sessions, SENT=61)
    assert smtp.connections > 2
    assert set(smtp.message_ids.values()) == {1}


async def test_a_slow_server_gets_every_email_once_and_in_the_end_all(
    config: Settings, sessions: SessionFactory
) -> None:
    """What is claimed takes longer than a lease: its end is given back rather than tried in vain."""
    async with scripted_smtp() as smtp:
        smtp.delays["rcpt"] = 0.5
        settings = mail_settings(config, smtp.port, email_lease_seconds=3.5, smtp_deadline_seconds=2)
        await add_emails(sessions, *(queued_email() for _ in range(10)))
        async with running_sender(settings):
            await until(sessions, SENT=10)
    assert smtp.commands["rcpt"] == 10
    assert set(smtp.message_ids.values()) == {1}


async def test_a_server_that_hangs_up_at_the_final_dot_makes_two_emails_unclear_not_all(
    config: Settings, sessions: SessionFactory
) -> None:
    async with scripted_smtp() as smtp:
        smtp.on("dot", Drop(), Drop())
        await add_emails(sessions, *(queued_email() for _ in range(6)))
        settings = patient_settings(config, smtp.port)
        async with running_sender(settings), sessions() as session:

            async def paused() -> bool:
                async with work_of(session, now=system_clock()).transaction() as tx:
                    overview = await queue_overview(tx)
                return overview.pause_reason == "body: connection lost (Unexpected EOF received)"

            await eventually(paused)
            await resume_queue(work_of(session, now=system_clock()))
            await until(sessions, UNCLEAR=2, SENT=4)


async def test_one_email_that_upsets_the_server_again_and_again_pauses_nobody(
    config: Settings, sessions: SessionFactory
) -> None:
    async with scripted_smtp() as smtp:
        smtp.on("rcpt", Drop(), Drop(), Drop(), Say("550 5.1.1 enough"))
        (upsetting,) = await add_emails(sessions, queued_email())
        settings = patient_settings(config, smtp.port)
        async with running_sender(settings):
            await until_email(sessions, upsetting, lambda email: email.status is EmailStatus.FAILED)
            await add_emails(sessions, queued_email())
            await until(sessions, FAILED=1, SENT=1)


async def test_a_big_message_refused_while_it_is_being_sent_fails_with_the_servers_words(
    config: Settings, sessions: SessionFactory
) -> None:
    async with scripted_smtp() as smtp:
        smtp.on("content", Say("552 5.3.4 too big"))
        (big,) = await add_emails(sessions, queued_email(body_text="Zeile voller Text\n" * 400_000))
        async with running_sender(mail_settings(config, smtp.port)):
            failed = await until_email(sessions, big, lambda email: email.status is EmailStatus.FAILED)
            await add_emails(sessions, queued_email())
            await until(sessions, FAILED=1, SENT=1)
        attempts = [(a.stufe, a.ergebnis, a.smtp_code) for a in await attempts_of(sessions, big)]
    assert attempts == [("data", "failed", 552)]
    assert failed.fehlermeldung == "552 5.3.4 too big"


async def test_a_domain_that_answers_about_a_mailbox_is_slow_no_longer(
    config: Settings, sessions: SessionFactory
) -> None:
    async with scripted_smtp() as smtp:
        smtp.on("rcpt", Say("450 4.7.1 too fast"), Say("550 5.1.1 no such mailbox"))
        await add_emails(sessions, queued_email())
        async with running_sender(mail_settings(config, smtp.port)), sessions() as session:
            await until(sessions, FAILED=1)
            assert await session.scalar(select(MailDomain)) is None
