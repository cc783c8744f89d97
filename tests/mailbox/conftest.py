"""The same mailbox tests on any server: `make test` takes the embedded one, `make test-real` Dovecot."""

import os
import tempfile
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from services.receiving.mailbox import Mailbox, MailboxOptions
from tests.mailbox.embedded import EmbeddedServer
from tests.mailbox.mail_server import MailServer
from tests.mailbox.real_dovecot import RealDovecot
from tests.tcp_proxy import ImapProxy

REAL = os.environ.get("TEST_IMAP") == "dovecot"


@pytest.fixture
async def server() -> AsyncGenerator[MailServer]:
    with tempfile.TemporaryDirectory(prefix="dovecot-", ignore_cleanup_errors=True) as folder:
        server = RealDovecot(Path(folder)) if REAL else EmbeddedServer()
        await server.start()
        yield server
        await server.stop()


@pytest.fixture
async def network(server: MailServer) -> AsyncGenerator[ImapProxy]:
    """What lies between the reader and the mail server."""
    async with ImapProxy(server.port) as network:
        yield network


@pytest.fixture
def options(server: MailServer, network: ImapProxy) -> MailboxOptions:
    """How the reader reaches the mailbox through that network."""
    return MailboxOptions(
        host="127.0.0.1",
        port=network.port,
        security="none",
        ca_file=None,
        username=server.username,
        password=server.password,
        folder="INBOX",
        answer_seconds=10,
    )


@pytest.fixture
async def mailbox(options: MailboxOptions) -> AsyncGenerator[Mailbox]:
    mailbox = Mailbox(options)
    yield mailbox
    mailbox.close()
