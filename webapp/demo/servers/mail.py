"""A mail server for demo and tests: takes every mail over real SMTP and keeps it as a file."""

import asyncio
import hashlib
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from email.parser import BytesHeaderParser
from email.policy import default
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

UNKNOWN_MAILBOX = "unbekannt@"
HASH_DIGITS = 12

Receive = Callable[[str, list[str], bytes], None]
"""Told of every accepted mail: envelope sender, recipients, content."""


class MailCatcher:
    """Keeps each accepted mail as `<time>-<hash of its Message-ID>.eml`; the same mail twice is two files.

    A recipient `unbekannt@...` is refused for good, so that a failure can be seen as well.
    """

    def __init__(self, folder: Path, receive: Receive | None = None) -> None:
        self.folder = folder
        self._receive = receive
        self._count = 0
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Accept any recipient but an unknown one."""
        if address.casefold().startswith(UNKNOWN_MAILBOX):
            return f"550 5.1.1 <{address}>: Recipient address rejected: User unknown"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Store the mail, complete or not at all."""
        assert isinstance(envelope.content, bytes)
        self._count += 1
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{self._count:06}-{_mark(envelope.content)}"
        unfinished = self.folder / f"{name}.part"
        unfinished.touch(mode=0o600)
        unfinished.write_bytes(_envelope_header(envelope) + envelope.content)
        unfinished.rename(self.folder / f"{name}.eml")
        if self._receive is not None:
            self._receive(envelope.mail_from or "", envelope.rcpt_tos, envelope.content)
        return "250 2.0.0 Ok: stored"


async def start_mail_catcher(folder: Path, port: int, receive: Receive | None = None) -> asyncio.Server:
    """Serve SMTP on this machine's `port` until the returned server is closed; 0 takes a free one."""
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    catcher = MailCatcher(folder, receive)

    def conversation() -> SMTP:
        return SMTP(catcher, enable_SMTPUTF8=True, hostname="mail-catcher.example")

    return await asyncio.get_running_loop().create_server(conversation, "127.0.0.1", port)


def _mark(content: bytes) -> str:
    message_id = BytesHeaderParser(policy=default).parsebytes(content).get("Message-ID", "")
    return hashlib.sha256(str(message_id).encode()).hexdigest()[:HASH_DIGITS]


def _envelope_header(envelope: Envelope) -> bytes:
    recipients = ", ".join(envelope.rcpt_tos)
    return f"X-Envelope-From: {envelope.mail_from}\r\nX-Envelope-To: {recipients}\r\n".encode()
