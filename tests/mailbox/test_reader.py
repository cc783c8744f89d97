"""From a real mailbox to the rows: each message once, whatever is cut, restarted, renumbered or removed."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DataError

from services.models import Activity, IncomingState, MailboxCursor
from services.receiving import mailbox as mailbox_module
from services.receiving import reader as reader_module
from services.receiving.mailbox import MailboxOptions
from services.work import Action
from shared.clock import system_clock
from shared.config import Settings
from shared.database import SessionFactory
from tests.eventually import eventually
from tests.incoming_mail import mail
from tests.mail import add_emails, read_email, until_email
from tests.mailbox.conftest import REAL
from tests.mailbox.mail_server import MailServer
from tests.mailbox.reading import answer, cursor, running_reader, sent_email, taken_in, until_taken_in
from tests.tcp_proxy import ImapProxy

pytestmark = [pytest.mark.imap, pytest.mark.timeout(180)]

WAITING = 2_000
COMMANDS = ("AUTHENTICATE", "EXAMINE", "NOOP", "UID SEARCH", "UID FETCH", "IDLE", "DONE")


async def matched(sessions: SessionFactory) -> int:
    async with sessions() as session:
        noted = select(func.count()).where(Activity.action == Action.INCOMING_MATCHED)
        return await session.scalar(noted) or 0


async def test_a_sure_match_is_the_emails_answer(
    server: MailServer, options: MailboxOptions, config: Settings, sessions: SessionFactory
) -> None:
    email = sent_email()
    (email_id,) = await add_emails(sessions, email)
    async with running_reader(config, sessions, options):
        await server.deliver(answer(email))
        answered = await until_email(sessions, email_id, lambda email: email.antwort_erhalten)
    (incoming,) = await taken_in(sessions)
    assert (incoming.email_id, incoming.zustand) == (email_id, IncomingState.DONE)
    assert "Ab Januar" in (answered.antwortinhalt or "")
    assert await server.flags() == [set()]


async def test_what_may_match_is_suggested(
    server: MailServer, options: MailboxOptions, config: Settings, sessions: SessionFactory
) -> None:
    email = sent_email()
    (email_id,) = await add_emails(sessions, email)
    async with running_reader(config, sessions, options):
        await server.deliver(answer(email, In_Reply_To="", References=""))
        (incoming,) = await until_taken_in(sessions, 1)
    assert incoming.zustand == IncomingState.SUGGESTED
    assert incoming.vorschlag is not None
    assert not (await read_email(sessions, email_id)).antwort_erhalten


async def test_what_came_before_the_first_day_is_left_alone(
    server: MailServer,
    options: MailboxOptions,
    network: ImapProxy,
    config: Settings,
    sessions: SessionFactory,
) -> None:
    begins = (system_clock() + timedelta(days=1)).date()
    async with sessions() as session, session.begin():
        session.add(MailboxCursor(postfach=options.name, uidvalidity=1, uid=0, seit=begins))
    await server.deliver(mail("Guten Tag\n"))

    async def reached() -> bool:
        known = await cursor(sessions)
        return known is not None and known.zuletzt_at is not None

    async with running_reader(config, sessions, options):
        await eventually(reached)
        await server.deliver(mail("Guten Abend\n"))
        asked = network.commands.count("UID SEARCH")

        async def asked_again() -> bool:
            return network.commands.count("UID SEARCH") > asked + 1

        await eventually(asked_again)
    assert await taken_in(sessions) == []


async def test_a_renumbered_mailbox_is_read_anew_and_what_is_known_stays_one(
    server: MailServer,
    options: MailboxOptions,
    config: Settings,
    sessions: SessionFactory,
    network: ImapProxy,
) -> None:
    email = sent_email()
    await add_emails(sessions, email)
    messages = [answer(email, number) for number in (1, 2, 3)]
    async with running_reader(config, sessions, options):
        await server.deliver(*messages)
        await until_taken_in(sessions, 3)
        before = await cursor(sessions)
        assert before is not None
        await server.become_another()
        network.cut()
        if not server.keeps_mail:
            await server.deliver(*messages)
        await server.deliver(answer(email, 4))
        rows = await until_taken_in(sessions, 4)
        after = await cursor(sessions)
    assert after is not None
    assert after.uidvalidity != before.uidvalidity
    assert sorted(row.betreff for row in rows) == [f"AW: Anfrage {number}" for number in (1, 2, 3, 4)]
    assert await matched(sessions) == 4


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("instead_of_the_answer", [False, True])
async def test_a_connection_cut_at_any_command_costs_nothing(
    server: MailServer,
    options: MailboxOptions,
    network: ImapProxy,
    config: Settings,
    sessions: SessionFactory,
    command: str,
    instead_of_the_answer: bool,
) -> None:
    email = sent_email()
    await add_emails(sessions, email)
    cuts = network.cut_after if instead_of_the_answer else network.cut_before
    cuts.append(command)

    async def cut() -> bool:
        return not cuts

    async with running_reader(config, sessions, options):
        await server.deliver(answer(email, 1), answer(email, 2))
        await eventually(cut)
        await server.deliver(answer(email, 3))
        rows = await until_taken_in(sessions, 3)
    assert len({row.uid for row in rows}) == len(rows) == 3
    assert await matched(sessions) == 3


async def test_a_server_that_restarts_is_read_on(
    server: MailServer, options: MailboxOptions, config: Settings, sessions: SessionFactory
) -> None:
    email = sent_email()
    await add_emails(sessions, email)

    async def in_trouble() -> bool:
        known = await cursor(sessions)
        return known is not None and known.fehler is not None

    async def well() -> bool:
        return not await in_trouble()

    async with running_reader(config, sessions, replace(options, port=server.port)):
        await server.deliver(answer(email, 1))
        await until_taken_in(sessions, 1)
        await server.stop()
        await eventually(in_trouble)
        await server.start()
        await server.deliver(answer(email, 2))
        rows = await until_taken_in(sessions, 2)
        await eventually(well)
    assert [row.betreff for row in rows] == ["AW: Anfrage 1", "AW: Anfrage 2"]


async def test_trouble_from_the_first_try_on_is_kept_for_people(
    options: MailboxOptions, config: Settings, sessions: SessionFactory
) -> None:
    async def said() -> bool:
        known = await cursor(sessions)
        return known is not None and "AUTHENTICATIONFAILED" in (known.fehler or "")

    async with running_reader(config, sessions, replace(options, password="falsch")):
        await eventually(said)


@pytest.mark.timeout(540)
async def test_of_many_waiting_each_is_one_row(
    server: MailServer, options: MailboxOptions, config: Settings, sessions: SessionFactory
) -> None:
    count = WAITING if REAL else WAITING // 10
    email = sent_email()
    await add_emails(sessions, email)
    await server.deliver(*(answer(email, number) for number in range(count)))
    async with running_reader(config, sessions, options):
        rows = await until_taken_in(sessions, count, within=500)
    assert len(rows) == count
    assert await matched(sessions) == count


async def test_a_message_removed_while_reading_is_not_in_the_way(
    server: MailServer,
    options: MailboxOptions,
    config: Settings,
    sessions: SessionFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    email = sent_email()
    await add_emails(sessions, email)
    await server.deliver(answer(email, 1), answer(email, 2), answer(email, 3))
    fetch = mailbox_module.Mailbox.fetch

    async def remove_and_fetch(
        mailbox: mailbox_module.Mailbox, listed: mailbox_module.Listed
    ) -> bytes | None:
        await server.expunge("Anfrage 2")
        return await fetch(mailbox, listed)

    monkeypatch.setattr(mailbox_module.Mailbox, "fetch", remove_and_fetch)
    async with running_reader(config, sessions, options):
        rows = await until_taken_in(sessions, 2)
    assert [row.betreff for row in rows] == ["AW: Anfrage 1", "AW: Anfrage 3"]


async def test_a_second_reader_stands_by_and_takes_over(
    server: MailServer,
    options: MailboxOptions,
    network: ImapProxy,
    config: Settings,
    sessions: SessionFactory,
) -> None:
    email = sent_email()
    await add_emails(sessions, email)
    async with running_reader(config, sessions, options) as first:
        await server.deliver(answer(email, 1))
        await until_taken_in(sessions, 1)
        async with running_reader(config, sessions, options):
            await server.deliver(answer(email, 2))
            await until_taken_in(sessions, 2)
            assert network.commands.count("EXAMINE") == 1
            first.cancel()
            await server.deliver(answer(email, 3))
            await until_taken_in(sessions, 3)
            assert network.commands.count("EXAMINE") == 2
        assert first.cancelled()
    assert await matched(sessions) == 3


async def test_a_message_too_large_is_kept_as_unreadable_and_named(
    server: MailServer,
    options: MailboxOptions,
    config: Settings,
    sessions: SessionFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mailbox_module, "LARGEST_MESSAGE", 2_000)
    email = sent_email()
    await add_emails(sessions, email)
    await server.deliver(mail("viel\n" * 1_000, Subject="zu viel", Message_ID="<9@kern-test.example>"))
    await server.deliver(answer(email))
    async with running_reader(config, sessions, options):
        large, after = await until_taken_in(sessions, 2)
    assert (large.art, large.betreff, large.serverworte) == ("unlesbar", "zu viel", "larger than is read")
    assert after.zustand == IncomingState.DONE


async def test_a_message_that_can_not_be_stored_is_not_in_the_way_of_the_next(
    server: MailServer,
    options: MailboxOptions,
    config: Settings,
    sessions: SessionFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reader_module, "MOST_TRIES", 2)
    email = sent_email()
    await add_emails(sessions, email)
    take_in = reader_module.take_in

    async def refuse(work, place, raw, received, **values):
        if b"Subject: Gift" in raw:
            raise DataError("", {}, Exception())
        return await take_in(work, place, raw, received, **values)

    monkeypatch.setattr(reader_module, "take_in", refuse)
    await server.deliver(mail("Guten Tag\n", Subject="Gift"), answer(email))
    async with running_reader(config, sessions, options):
        poison, after = await until_taken_in(sessions, 2)
    assert (poison.art, poison.serverworte) == ("unlesbar", "it could not be fetched or stored")
    assert after.zustand == IncomingState.DONE


async def test_a_lost_lock_only_delays(
    server: MailServer, options: MailboxOptions, config: Settings, sessions: SessionFactory
) -> None:
    email = sent_email()
    await add_emails(sessions, email)
    cut = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'calldesk-mailbox'"
    )
    async with running_reader(config, sessions, options):
        await server.deliver(answer(email, 1))
        await until_taken_in(sessions, 1)
        async with sessions() as session, session.begin():
            assert await session.scalar(cut)
        await server.deliver(answer(email, 2))
        await until_taken_in(sessions, 2)
    assert await matched(sessions) == 2
