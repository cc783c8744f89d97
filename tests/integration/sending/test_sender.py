import asyncio
import socket
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest
from aiosmtpd.handlers import Message
from aiosmtpd.smtp import SMTP

from services.models import EmailStatus
from services.sending import sender
from services.sending.queue import EmailQueue
from shared.config import Settings
from shared.database import SessionFactory
from tests.mail import (
    add_emails,
    attempts_of,
    mail_settings,
    queued_email,
    read_email,
    running_sender,
    until_email,
)
from tests.smtp_server import Hold, scripted_smtp


def is_sent(email) -> bool:
    return email.status is EmailStatus.SENT


class Catcher(Message):
    def __init__(self) -> None:
        super().__init__()
        self.contents: list[bytes] = []

    def prepare_message(self, session, envelope):
        self.contents.append(envelope.content)
        return super().prepare_message(session, envelope)

    def handle_message(self, message) -> None:
        pass


async def test_a_queued_email_is_sent_and_readable_with_its_umlauts(
    config: Settings, sessions: SessionFactory
) -> None:
    catcher = Catcher()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(catcher), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        email = queued_email(
            betreff="Anfrage für drei Patientinnen – möglichst bald, bitte, wenn es irgend geht",
            body_html="<p>Grüße aus Köln</p>\n<p>.</p>",
            body_text="Grüße aus Köln\n.\n..ende",
            empfaenger_email="praxis@müller.example",
        )
        (email_id,) = await add_emails(sessions, email)
        async with running_sender(mail_settings(config, port)):
            sent = await until_email(sessions, email_id, is_sent)

    (content,) = catcher.contents
    message = message_from_bytes(content, _class=EmailMessage, policy=default)
    assert message["Subject"] == email.betreff
    assert message["Message-ID"] == email.message_id
    assert message["To"].addresses[0].display_name == "Dr. Jürgen Schmidt"
    assert message["To"].addresses[0].addr_spec == "praxis@xn--mller-kva.example"
    plain, html = message.iter_parts()
    assert plain.get_content().splitlines() == ["Grüße aus Köln", ".", "..ende"]
    assert html.get_content_type() == "text/html"
    assert sent.sent_at is not None
    assert sent.anspruch is None


async def test_an_email_created_while_the_sender_idles_is_sent(
    config: Settings, sessions: SessionFactory
) -> None:
    async with scripted_smtp() as smtp, running_sender(mail_settings(config, smtp.port)):
        (email_id,) = await add_emails(sessions, queued_email())
        await until_email(sessions, email_id, is_sent)
        (attempt,) = await attempts_of(sessions, email_id)
    assert (attempt.nummer, attempt.stufe, attempt.smtp_code, attempt.ergebnis) == (
        1,
        "accepted",
        250,
        "sent",
    )


async def test_a_sender_that_ends_gives_back_what_it_is_just_claiming(
    config: Settings, sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    claimed, ended = asyncio.Event(), asyncio.Event()
    claim = EmailQueue.claim

    async def claim_with_a_late_answer(queue: EmailQueue, *arguments, **instants):
        emails = await claim(queue, *arguments, **instants)
        claimed.set()
        await ended.wait()
        return emails

    monkeypatch.setattr(EmailQueue, "claim", claim_with_a_late_answer)
    (email_id,) = await add_emails(sessions, queued_email())
    async with running_sender(mail_settings(config, port=1)):
        await claimed.wait()
        assert (await read_email(sessions, email_id)).status is EmailStatus.SENDING
        asyncio.get_running_loop().call_soon(ended.set)
    email = await read_email(sessions, email_id)
    assert (email.status, email.anspruch) == (EmailStatus.QUEUED, None)
    assert await attempts_of(sessions, email_id) == []


async def test_a_sender_that_ends_waits_for_the_hand_over_under_way_and_no_longer(
    config: Settings, sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "HANDOVER_GRACE_SECONDS", 120)
    first, second = await add_emails(sessions, queued_email(), queued_email())
    ending = asyncio.Event()

    async def end_once_the_second_is_given_back() -> None:
        await until_email(sessions, second, lambda email: email.status is EmailStatus.QUEUED)
        ending.set()

    async with asyncio.timeout(30), scripted_smtp() as smtp, asyncio.TaskGroup() as answering:
        smtp.on("dot", Hold(ending, "250 2.0.0 queued"))
        async with running_sender(mail_settings(config, smtp.port)):
            await until_email(sessions, first, lambda _: bool(smtp.messages))
            assert (await read_email(sessions, second)).status is EmailStatus.SENDING
            answering.create_task(end_once_the_second_is_given_back())
    assert is_sent(await read_email(sessions, first))
    given_back = await read_email(sessions, second)
    assert (given_back.status, given_back.anspruch) == (EmailStatus.QUEUED, None)
    assert await attempts_of(sessions, second) == []


async def test_a_sender_that_ended_can_be_run_again(config: Settings, sessions: SessionFactory) -> None:
    async with scripted_smtp() as smtp:
        async with running_sender(mail_settings(config, smtp.port)) as sender:
            (before,) = await add_emails(sessions, queued_email())
            await until_email(sessions, before, is_sent)
        again = asyncio.create_task(sender.run())
        (after,) = await add_emails(sessions, queued_email())
        await until_email(sessions, after, is_sent)
        again.cancel()
        await asyncio.wait([again])


@pytest.mark.parametrize(
    ("machine", "setting", "said"),
    [
        ("desk", None, "[127.0.0.1]"),
        ("localhost.localdomain", None, "[127.0.0.1]"),
        ("desk.example.de", None, "desk.example.de"),
        ("desk", "mail.example.de", "mail.example.de"),
    ],
)
async def test_the_mail_server_hears_a_full_name_or_an_address(
    config: Settings,
    sessions: SessionFactory,
    monkeypatch: pytest.MonkeyPatch,
    machine: str,
    setting: str | None,
    said: str,
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: machine)
    (email_id,) = await add_emails(sessions, queued_email())
    async with (
        scripted_smtp() as smtp,
        running_sender(mail_settings(config, smtp.port, smtp_helo_name=setting)),
    ):
        await until_email(sessions, email_id, is_sent)
    assert set(smtp.greetings) == {f"EHLO {said}"}
