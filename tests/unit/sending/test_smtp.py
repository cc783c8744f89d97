"""Messages over one connection, on both event loops: the worker's, and the one that tests run on."""

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
import uvloop

from services.models import AttemptStage, Ending
from services.sending.message import OutgoingMessage
from services.sending.options import SmtpOptions
from services.sending.smtp import ONE_WRITE, SmtpConnection
from shared.config.values import MailSecurity
from tests.smtp_server import ScriptedSmtp, scripted_smtp

BODIES = [b"short\r\n", b".dot\r\n" * ONE_WRITE, b"short again\r\n"]


async def allowed() -> bool:
    return True


async def deliver(security: MailSecurity, ca: trustme.CA, ca_file: Path) -> ScriptedSmtp:
    """Send the bodies over one connection, say goodbye, and return the server."""
    ca.cert_pem.write_to_path(ca_file)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    async with scripted_smtp(
        tls=context if security == "starttls" else None,
        implicit_tls=context if security == "tls" else None,
        pipelining=True,
    ) as smtp:
        connection = SmtpConnection(
            SmtpOptions(
                host="127.0.0.1",
                port=smtp.port,
                security=security,
                username=None,
                password=None,
                ca_file=ca_file,
                deadline=30,
                messages_per_connection=100,
                helo_name="desk.example.org",
            )
        )
        for body in BODIES:
            message = OutgoingMessage("a@b.example", "c@d.example", b"Subject: x\r\n\r\n" + body, False)
            result = await connection.deliver(message, allowed)
            assert (result.stage, result.ending, result.code) == (AttemptStage.ACCEPTED, Ending.REPLY, 250)
            assert connection.stands
        await connection.close()
        assert not connection.stands
    return smtp


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("security", ["none", "starttls", "tls"])
def test_one_connection_takes_message_after_message(
    loop: Callable[[], asyncio.AbstractEventLoop], security: MailSecurity, tmp_path: Path
) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        smtp = runner.run(deliver(security, trustme.CA(), tmp_path / "ca.pem"))
    assert [message.partition(b"\r\n\r\n")[2] for message in smtp.messages] == BODIES
    assert (smtp.connections, smtp.commands["quit"]) == (1, 1)
