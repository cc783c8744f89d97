"""Asking a real mail server: what is listed and fetched, what is said of trouble, that nothing changes."""

import asyncio
import ssl
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from services.receiving import mailbox as mailbox_module
from services.receiving.mailbox import Mailbox, MailboxOptions, MailboxTrouble
from tests.incoming_mail import mail
from tests.mailbox.mail_server import MailServer
from tests.tcp_proxy import ImapProxy

pytestmark = pytest.mark.imap

LONG_AGO = date(2020, 1, 1)


async def subjects(mailbox: Mailbox, uid: int = 0) -> list[str]:
    listed = await mailbox.list_after(uid, LONG_AGO)
    raws = [await mailbox.fetch(each) or b"" for each in listed]
    return [raw.partition(b"Subject: ")[2].partition(b"\r\n")[0].decode() for raw in raws]


async def test_messages_come_in_order_and_whole(server: MailServer, mailbox: Mailbox) -> None:
    first, second = mail("Äh\n", Subject="1"), mail("--=\n", Subject="2", Content_Type="multipart/mixed")
    await server.deliver(first)
    await server.deliver(second)
    await mailbox.open()
    listed = await mailbox.list_after(0, LONG_AGO)
    assert [await mailbox.fetch(each) for each in listed] == [first, second]
    assert abs(listed[0].received - datetime.now(UTC)) < timedelta(minutes=2)
    assert [each.uid for each in await mailbox.list_after(listed[0].uid, LONG_AGO)] == [listed[1].uid]
    assert await mailbox.list_after(listed[1].uid, LONG_AGO) == []


async def test_nothing_from_before_the_first_day_is_listed(server: MailServer, mailbox: Mailbox) -> None:
    await server.deliver(mail("Guten Tag\n"))
    await mailbox.open()
    assert await mailbox.list_after(0, datetime.now(UTC).date() + timedelta(days=3)) == []


async def test_reading_changes_nothing_in_the_mailbox(server: MailServer, mailbox: Mailbox) -> None:
    await server.deliver(mail("Guten Tag\n"))
    await mailbox.open()
    await subjects(mailbox)
    await mailbox.wait(0.05)
    assert await server.flags() == [set()]


async def test_the_mailbox_stays_the_same_one(mailbox: Mailbox) -> None:
    valid = await mailbox.open()
    mailbox.drop()
    assert await mailbox.open() == valid


async def is_told_of_news(mailbox: Mailbox, server: MailServer) -> None:
    """Deliver until the reader hears of it: not every server tells what came before the reader listened."""
    waiting = asyncio.create_task(mailbox.wait(60))
    while not waiting.done():
        await server.deliver(mail("Guten Tag\n"))
        await asyncio.wait([waiting], timeout=0.2)
    await waiting


async def test_a_waiting_reader_is_told_of_news(server: MailServer, mailbox: Mailbox) -> None:
    await mailbox.open()
    await is_told_of_news(mailbox, server)
    assert await subjects(mailbox)


async def test_of_a_message_too_large_only_the_header_comes(
    server: MailServer, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox_module, "LARGEST_MESSAGE", 500)
    await server.deliver(mail("viel\n" * 200, Subject="zu viel"))
    await mailbox.open()
    (listed,) = await mailbox.list_after(0, LONG_AGO)
    head = await mailbox.fetch(listed)
    assert listed.is_too_large
    assert head is not None
    assert b"Subject: zu viel" in head
    assert b"viel\r\nviel" not in head


async def test_a_message_that_has_gone_is_none(server: MailServer, mailbox: Mailbox) -> None:
    await server.deliver(mail("1\n", Subject="bleibt"), mail("2\n", Subject="geht"))
    await mailbox.open()
    listed = await mailbox.list_after(0, LONG_AGO)
    await server.expunge("geht")
    assert [await mailbox.fetch(each) is None for each in listed] == [False, True]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"password": "falsch"}, "AUTHENTICATIONFAILED"),
        ({"port": 1}, "refused"),
        ({"security": "tls"}, "SSL"),
        ({"folder": "Gibt es nicht"}, "select failed"),
        ({"host": "nirgends.invalid"}, "not known"),
    ],
)
async def test_trouble_is_said_in_the_servers_words(
    options: MailboxOptions, wrong: dict[str, object], words: str
) -> None:
    mailbox = Mailbox(replace(options, **wrong))
    with pytest.raises(MailboxTrouble, match=words):
        await mailbox.open()
    mailbox.close()


async def test_no_secret_is_in_what_is_said(options: MailboxOptions) -> None:
    mailbox = Mailbox(replace(options, password="AUTHENTICATIONFAILED"))
    with pytest.raises(MailboxTrouble) as trouble:
        await mailbox.open()
    mailbox.close()
    assert "AUTHENTICATIONFAILED" not in trouble.value.reason


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_a_server_without_encryption_gets_no_password(
    options: MailboxOptions, network: ImapProxy, security: str
) -> None:
    mailbox = Mailbox(
        replace(options, security=security)
    )  # the embedded server has no TLS; Dovecot an unknown CA
    with pytest.raises(MailboxTrouble):
        await mailbox.open()
    mailbox.close()
    assert not {"LOGIN", "AUTHENTICATE"} & set(network.commands)


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return authority


def certified(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    return context


async def test_mail_is_read_over_a_connection_whose_certificate_is_verified(
    server: MailServer, options: MailboxOptions, authority: trustme.CA, tmp_path: Path
) -> None:
    async with ImapProxy(server.port, certified(authority, "127.0.0.1")) as encrypted:
        mailbox = Mailbox(
            replace(options, port=encrypted.port, security="tls", ca_file=str(tmp_path / "ca.pem"))
        )
        await mailbox.open()
        await is_told_of_news(mailbox, server)
        assert await subjects(mailbox)
        mailbox.close()


@pytest.mark.parametrize("flaw", ["another name", "an unknown issuer"])
async def test_a_certificate_that_proves_nothing_gets_no_password(
    server: MailServer, options: MailboxOptions, authority: trustme.CA, tmp_path: Path, flaw: str
) -> None:
    known = authority if flaw == "another name" else trustme.CA()
    async with ImapProxy(
        server.port, certified(known, "example.org" if known is authority else "127.0.0.1")
    ) as encrypted:
        mailbox = Mailbox(
            replace(options, port=encrypted.port, security="tls", ca_file=str(tmp_path / "ca.pem"))
        )
        with pytest.raises(MailboxTrouble, match="CERTIFICATE_VERIFY_FAILED"):
            await mailbox.open()
        mailbox.close()
        assert encrypted.commands == []


async def test_a_silent_server_is_given_up_in_time(options: MailboxOptions) -> None:
    async def say_nothing(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    mailbox = Mailbox(replace(options, port=silent.sockets[0].getsockname()[1], answer_seconds=0.2))
    with pytest.raises(MailboxTrouble):
        await mailbox.open()
    mailbox.close()
    silent.close()


async def test_a_server_that_drips_is_given_up_in_time(options: MailboxOptions) -> None:
    """Every octet is in time for the socket, all of them are not."""

    async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            writer.write(b"*")
            await asyncio.sleep(0.05)

    dripping = await asyncio.start_server(drip, "127.0.0.1", 0)
    mailbox = Mailbox(replace(options, port=dripping.sockets[0].getsockname()[1], answer_seconds=0.3))
    with pytest.raises(MailboxTrouble):
        await mailbox.open()
    mailbox.close()
    dripping.close()


@pytest.mark.parametrize(
    "command", ["AUTHENTICATE", "EXAMINE", "NOOP", "UID SEARCH", "UID FETCH", "IDLE", "DONE"]
)
@pytest.mark.parametrize("instead_of_the_answer", [False, True])
async def test_a_connection_cut_anywhere_is_trouble_and_can_be_made_again(
    server: MailServer, mailbox: Mailbox, network: ImapProxy, command: str, instead_of_the_answer: bool
) -> None:
    await server.deliver(mail("Guten Tag\n", Subject="hier"))
    (network.cut_after if instead_of_the_answer else network.cut_before).append(command)

    async def read() -> list[str]:
        await mailbox.open()
        found = await subjects(mailbox)
        await mailbox.wait(0.05)
        return found

    with pytest.raises(MailboxTrouble):
        await read()
    assert await read() == ["hier"]
