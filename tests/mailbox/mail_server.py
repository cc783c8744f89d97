"""What tests do to a mail server, and how another mail program looks into its INBOX."""

import asyncio
from abc import ABC, abstractmethod

from imapclient import IMAPClient


class MailServer(ABC):
    """One account with an INBOX on a port of this machine."""

    username: str
    password: str
    port: int
    keeps_mail: bool
    """Whether what lies in the INBOX survives a restart."""

    @abstractmethod
    async def start(self) -> None:
        """Answer, after a stop on the same port as before."""

    @abstractmethod
    async def stop(self) -> None:
        """Cut all connections and take no more."""

    @abstractmethod
    async def deliver(self, *messages: bytes) -> None:
        """Put messages into the INBOX."""

    @abstractmethod
    async def become_another(self) -> None:
        """Give the INBOX another UIDVALIDITY; where mail is not kept, it is empty then."""

    async def expunge(self, subject: str) -> None:
        """Remove the messages with a subject, as another mail program does."""

        def remove() -> None:
            with self._mail_program(readonly=False) as client:
                client.delete_messages(client.search(["SUBJECT", subject]))
                client.expunge()

        await asyncio.to_thread(remove)

    async def flags(self) -> list[set[bytes]]:
        """Return the flags of every message but `Recent`, which only says whether anybody has looked yet."""

        def look() -> list[set[bytes]]:
            with self._mail_program(readonly=True) as client:
                found = client.fetch(client.search(), ["FLAGS"])
            return [set(each[b"FLAGS"]) - {b"\\Recent"} for each in found.values()]

        return await asyncio.to_thread(look)

    def _mail_program(self, *, readonly: bool) -> IMAPClient:
        client = IMAPClient("127.0.0.1", self.port, ssl=False, timeout=20)
        client.plain_login(self.username, self.password)
        client.select_folder("INBOX", readonly=readonly)
        return client
