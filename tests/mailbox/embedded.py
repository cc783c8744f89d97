"""The embedded mailbox as a mail server under test."""

from tests.mailbox.mail_server import MailServer
from webapp.demo.servers.imap import PASSWORD, USERNAME, EmbeddedMailbox


class EmbeddedServer(MailServer):
    """A restart is another, empty mailbox."""

    username = USERNAME
    password = PASSWORD
    keeps_mail = False

    def __init__(self) -> None:
        self.port = 0
        self._mailbox = EmbeddedMailbox()

    async def start(self) -> None:
        await self._mailbox.start(self.port)
        self.port = self._mailbox.port

    async def stop(self) -> None:
        self._mailbox.stop()

    async def deliver(self, *messages: bytes) -> None:
        await self._mailbox.deliver(*messages)

    async def become_another(self) -> None:
        await self.stop()
        await self.start()
