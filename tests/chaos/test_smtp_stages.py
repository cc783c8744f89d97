"""A server that fails in each way at each stage: what becomes of the e-mail and of the next one."""

import asyncio
import ssl
from dataclasses import dataclass

import pytest
import trustme

from services.models import Email, EmailStatus
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
from tests.smtp_server import Action, Drop, Say, ScriptedSmtp, Stage, Stall, scripted_smtp

pytestmark = [pytest.mark.chaos]

SENT, FAILED, UNCLEAR = "sent", "failed", "unclear"
STALLED_SECONDS = 2
"""A deadline that ends a stall, and nothing else on a busy machine."""


@dataclass(frozen=True)
class Trouble:
    """What the server does once, what becomes of the first e-mail, its attempts in order, and its copies."""

    stage: Stage
    action: Action
    state: str
    attempts: list[tuple[str, str]]
    copies: int = 1
    reused: bool = False

    def __str__(self) -> str:
        what = self.action.line[:3] if isinstance(self.action, Say) else type(self.action).__name__.lower()
        return f"{self.stage}-{what}" + ("-reused" if self.reused else "")


DONE = ("accepted", "sent")
TROUBLES = [
    Trouble("banner", Say("421 4.3.2 come back later"), SENT, [("connect", "released"), DONE]),
    Trouble("banner", Say("554 5.3.2 no service here"), SENT, [("connect", "released"), DONE]),
    Trouble("banner", Drop(), SENT, [("connect", "released"), DONE]),
    Trouble("banner", Stall(), SENT, [("connect", "released"), DONE]),
    Trouble("banner", Say("hello, who is it?"), SENT, [("connect", "released"), DONE]),
    Trouble("ehlo", Drop(), SENT, [("connect", "released"), DONE]),
    Trouble("ehlo", Stall(), SENT, [("connect", "released"), DONE]),
    Trouble("ehlo", Say("421 4.3.2 shutting down"), SENT, [("connect", "released"), DONE]),
    Trouble("ehlo", Say("pardon?"), SENT, [("connect", "released"), DONE]),
    Trouble("mail", Say("421 4.3.2 shutting down"), SENT, [("mail", "retry"), DONE]),
    Trouble("mail", Say("451 4.3.0 try later"), SENT, [("mail", "retry"), DONE]),
    Trouble("mail", Say("530 5.7.0 log in first"), SENT, [("mail", "released"), DONE]),
    Trouble("mail", Say("553 5.1.8 not your address"), SENT, [("mail", "retry"), DONE]),
    Trouble("mail", Say("550 5.7.1 not from here"), SENT, [("mail", "retry"), DONE]),
    Trouble("mail", Say("552 5.3.4 too big"), FAILED, [("mail", "failed")], copies=0),
    Trouble("mail", Drop(), SENT, [("mail", "retry"), DONE]),
    Trouble("mail", Stall(), SENT, [("mail", "retry"), DONE]),
    Trouble("mail", Say("gibberish"), SENT, [("mail", "retry"), DONE]),
    Trouble("mail", Say("421 4.7.0 too many messages"), SENT, [DONE], reused=True),
    Trouble("mail", Drop(), SENT, [DONE], reused=True),
    Trouble("rcpt", Say("450 4.2.0 greylisted"), SENT, [("rcpt", "retry"), DONE]),
    Trouble("rcpt", Say("421 4.7.0 too fast"), SENT, [("rcpt", "retry"), DONE]),
    Trouble("rcpt", Say("550 5.1.1 no such mailbox"), FAILED, [("rcpt", "failed")], copies=0),
    Trouble("rcpt", Say("530 5.7.0 log in first"), SENT, [("rcpt", "retry"), DONE]),
    Trouble("rcpt", Drop(), SENT, [("rcpt", "retry"), DONE]),
    Trouble("rcpt", Stall(), SENT, [("rcpt", "retry"), DONE]),
    Trouble("rcpt", Say("2x0 what"), SENT, [("rcpt", "retry"), DONE]),
    Trouble("data", Say("421 4.3.2 shutting down"), SENT, [("data", "retry"), DONE]),
    Trouble("data", Say("451 4.3.0 no"), SENT, [("data", "retry"), DONE]),
    Trouble("data", Say("554 5.5.1 no"), SENT, [("data", "retry"), DONE]),
    Trouble("data", Say("250 2.0.0 not 354"), SENT, [("data", "retry"), DONE]),
    Trouble("data", Drop(), SENT, [("data", "retry"), DONE]),
    Trouble("data", Stall(), SENT, [("data", "retry"), DONE]),
    Trouble("data", Say("???"), SENT, [("data", "retry"), DONE]),
    Trouble("content", Drop(), UNCLEAR, [("body", "unclear")], copies=0),
    Trouble("content", Stall(), UNCLEAR, [("body", "unclear")], copies=0),
    Trouble("dot", Say("421 4.3.2 shutting down"), SENT, [("body", "retry"), DONE], copies=2),
    Trouble("dot", Say("452 4.3.1 disk full"), SENT, [("body", "retry"), DONE], copies=2),
    Trouble("dot", Say("554 5.7.1 looks like spam"), SENT, [("body", "retry"), DONE], copies=2),
    Trouble("dot", Say("550 5.1.1 no such mailbox"), FAILED, [("body", "failed")]),
    Trouble("dot", Drop(), UNCLEAR, [("body", "unclear")]),
    Trouble("dot", Stall(), UNCLEAR, [("body", "unclear")]),
    Trouble("dot", Say("okey-dokey"), UNCLEAR, [("body", "unclear")]),
    Trouble("dot", Say("354 more?"), UNCLEAR, [("body", "unclear")]),
]


def state_of(email: Email) -> str:
    return UNCLEAR if email.zustellung_unklar else email.status.value.lower()


def settled(email: Email) -> bool:
    return state_of(email) in (SENT, FAILED, UNCLEAR)


@pytest.mark.parametrize("trouble", TROUBLES, ids=str)
async def test_trouble_at_one_stage_reaches_one_email_only(
    trouble: Trouble, config: Settings, sessions: SessionFactory
) -> None:
    deadline = STALLED_SECONDS if isinstance(trouble.action, Stall) else 10
    async with scripted_smtp() as smtp:
        async with running_sender(mail_settings(config, smtp.port, smtp_deadline_seconds=deadline)):
            if trouble.reused:
                (before,) = await add_emails(sessions, queued_email())
                await until_email(sessions, before, settled)
            smtp.on(trouble.stage, trouble.action)
            email = queued_email()
            (first,) = await add_emails(sessions, email)
            first_email = await until_email(sessions, first, settled)
            (second,) = await add_emails(sessions, queued_email())
            second_email = await until_email(sessions, second, settled)
        attempts = [(a.stufe, a.ergebnis) for a in await attempts_of(sessions, first)]

    assert state_of(first_email) == trouble.state
    assert attempts == trouble.attempts
    assert smtp.copies(email.message_id) == trouble.copies
    assert state_of(second_email) == SENT
    assert smtp.copies(second_email.message_id) == 1


async def test_refused_connections_pause_the_queue_until_the_server_is_back(
    config: Settings, sessions: SessionFactory
) -> None:
    async with scripted_smtp() as gone:
        pass
    ids = await add_emails(sessions, *(queued_email() for _ in range(5)))
    async with running_sender(mail_settings(config, gone.port, smtp_connections=2)):
        await until_email(sessions, ids[0], lambda email: "connect" in (email.fehlermeldung or ""))
        smtp = ScriptedSmtp()
        async with await asyncio.start_server(smtp.serve, "127.0.0.1", gone.port):
            for email_id in ids:
                email = await until_email(sessions, email_id, settled)
                assert email.status is EmailStatus.SENT
                assert email.wiederholungsanzahl == 0
                assert email.fehlermeldung is None
    assert set(smtp.message_ids.values()) == {1}
    assert len(smtp.messages) == 5


def tls_context(ca: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert(name).configure_cert(context)
    return context


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_mail_goes_over_a_connection_whose_certificate_is_verified(
    security: str, config: Settings, sessions: SessionFactory, tmp_path
) -> None:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = tls_context(ca, "127.0.0.1")
    server = scripted_smtp(tls=context) if security == "starttls" else scripted_smtp(implicit_tls=context)
    async with server as smtp:
        settings = mail_settings(
            config, smtp.port, smtp_use_tls=security, smtp_ca_file=tmp_path / "ca.pem", smtp_username=None
        )
        (email_id,) = await add_emails(sessions, queued_email())
        async with running_sender(settings):
            email = await until_email(sessions, email_id, settled)
    assert email.status is EmailStatus.SENT
    assert smtp.commands["starttls"] == (security == "starttls")


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize("flaw", ["unknown issuer", "other name"])
async def test_no_mail_goes_over_a_connection_with_a_bad_certificate(
    security: str, flaw: str, config: Settings, sessions: SessionFactory, tmp_path
) -> None:
    ca = trustme.CA()
    (trustme.CA() if flaw == "unknown issuer" else ca).cert_pem.write_to_path(tmp_path / "ca.pem")
    context = tls_context(ca, "127.0.0.1" if flaw == "unknown issuer" else "mail.example.org")
    server = scripted_smtp(tls=context) if security == "starttls" else scripted_smtp(implicit_tls=context)
    async with server as smtp:
        settings = mail_settings(config, smtp.port, smtp_use_tls=security, smtp_ca_file=tmp_path / "ca.pem")
        (email_id,) = await add_emails(sessions, queued_email())
        async with running_sender(settings):
            email = await until_email(sessions, email_id, lambda email: bool(email.fehlermeldung))
        attempts = await attempts_of(sessions, email_id)
    assert attempts[0].stufe == "tls"
    assert {a.ergebnis for a in attempts} == {"released"}
    assert "certificate" in attempts[0].smtp_text
    assert (await read_email(sessions, email_id)).status is EmailStatus.QUEUED
    assert email.wiederholungsanzahl == 0
    assert not smtp.commands["mail"]


async def test_no_mail_goes_in_the_clear_when_starttls_is_required(
    config: Settings, sessions: SessionFactory
) -> None:
    async with scripted_smtp() as smtp:
        (email_id,) = await add_emails(sessions, queued_email())
        async with running_sender(mail_settings(config, smtp.port, smtp_use_tls="starttls")):
            await until_email(sessions, email_id, lambda email: "tls" in (email.fehlermeldung or ""))
    assert not smtp.commands["mail"]


async def test_a_refused_login_pauses_the_queue_and_burns_no_attempt(
    config: Settings, sessions: SessionFactory
) -> None:
    async with scripted_smtp(auth=True) as smtp:
        smtp.on("auth", Say("535 5.7.8 wrong password"))
        settings = mail_settings(config, smtp.port, smtp_username="desk", smtp_password=config.secret_key)
        (email_id,) = await add_emails(sessions, queued_email())
        async with running_sender(settings):
            email = await until_email(sessions, email_id, settled)
        attempts = await attempts_of(sessions, email_id)
    assert [(a.stufe, a.ergebnis, a.smtp_code) for a in attempts] == [
        ("login", "released", 535),
        ("accepted", "sent", 250),
    ]
    assert email.wiederholungsanzahl == 0


@pytest.mark.parametrize(
    ("stage", "action"),
    [
        ("starttls", Say("454 4.7.0 no TLS right now")),
        ("starttls", Drop()),
        ("starttls", Stall()),
        ("starttls", Say("certainly")),
        ("auth", Say("454 4.7.0 try later")),
        ("auth", Drop()),
        ("auth", Stall()),
        ("auth", Say("who?")),
    ],
    ids=str,
)
async def test_trouble_before_the_envelope_pauses_the_queue_and_loses_nothing(
    stage: Stage, action: Action, config: Settings, sessions: SessionFactory, tmp_path
) -> None:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    async with scripted_smtp(tls=tls_context(ca, "127.0.0.1"), auth=True) as smtp:
        smtp.on(stage, action)
        settings = mail_settings(
            config,
            smtp.port,
            smtp_deadline_seconds=STALLED_SECONDS if isinstance(action, Stall) else 10,
            smtp_use_tls="starttls",
            smtp_ca_file=tmp_path / "ca.pem",
            smtp_username="desk",
            smtp_password=config.secret_key,
        )
        first, second = await add_emails(sessions, queued_email(), queued_email())
        async with running_sender(settings):
            emails = [await until_email(sessions, email_id, settled) for email_id in (first, second)]
        attempts = [(a.stufe, a.ergebnis) for a in await attempts_of(sessions, first)]
    assert attempts[0] == ("tls" if stage == "starttls" else "login", "released")
    assert attempts[-1] == DONE
    assert [state_of(email) for email in emails] == [SENT, SENT]
    assert [email.wiederholungsanzahl for email in emails] == [0, 0]
    assert set(smtp.message_ids.values()) == {1}


async def test_a_big_message_cut_off_before_its_final_dot_is_tried_again(
    config: Settings, sessions: SessionFactory
) -> None:
    async with scripted_smtp() as smtp:
        smtp.on("content", Drop())
        email = queued_email(body_text="Zeile voller Text\n" * 400_000)
        (email_id,) = await add_emails(sessions, email)
        async with running_sender(mail_settings(config, smtp.port)):
            sent = await until_email(sessions, email_id, settled)
        attempts = await attempts_of(sessions, email_id)
    assert sent.status is EmailStatus.SENT
    assert [(a.stufe, a.ergebnis) for a in attempts] == [("data", "retry"), ("accepted", "sent")]
    assert smtp.copies(email.message_id) == 1


async def test_quit_that_fails_changes_nothing_and_connections_have_a_limit_of_messages(
    config: Settings, sessions: SessionFactory
) -> None:
    async with scripted_smtp() as smtp:
        smtp.on("quit", Drop(), Say("500 5.5.1 no"))
        ids = await add_emails(sessions, *(queued_email() for _ in range(5)))
        async with running_sender(mail_settings(config, smtp.port, smtp_messages_per_connection=2)):
            for email_id in ids:
                assert (await until_email(sessions, email_id, settled)).status is EmailStatus.SENT
    assert smtp.connections == 3
    assert len(smtp.messages) == 5


async def test_an_email_no_message_can_be_made_of_fails_alone_and_says_why(
    config: Settings, sessions: SessionFactory
) -> None:
    async with scripted_smtp() as smtp:
        bad, good = await add_emails(sessions, queued_email(empfaenger_email="keine-adresse"), queued_email())
        async with running_sender(mail_settings(config, smtp.port)):
            failed = await until_email(sessions, bad, settled)
            sent = await until_email(sessions, good, settled)
    assert failed.status is EmailStatus.FAILED
    assert "empfaenger_email" in (failed.fehlermeldung or "")
    assert sent.status is EmailStatus.SENT


@pytest.mark.parametrize("offered", [True, False])
async def test_other_letters_before_the_at_go_only_to_a_server_that_takes_them(
    offered: bool, config: Settings, sessions: SessionFactory
) -> None:
    async with scripted_smtp(utf8=offered) as smtp:
        strange, plain = await add_emails(
            sessions, queued_email(empfaenger_email="jürgen@praxis.example"), queued_email()
        )
        async with running_sender(mail_settings(config, smtp.port)):
            first = await until_email(sessions, strange, settled)
            second = await until_email(sessions, plain, settled)
    assert state_of(second) == SENT
    assert state_of(first) == (SENT if offered else FAILED)
    recipients = [recipient for _, recipient in smtp.envelopes]
    assert ("RCPT TO:<jürgen@praxis.example>" in recipients) == offered
    assert any("SMTPUTF8" in sender for sender, _ in smtp.envelopes) == offered
    assert offered or "SMTPUTF8" in (first.fehlermeldung or "")
