"""One folder of a mailbox over IMAP (RFC 9051), never changed: EXAMINE and BODY.PEEK only.

IMAPClient speaks the protocol, in one thread. Every question has a deadline, at which the connection is cut
under it.
"""

import asyncio
import re
import ssl
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from socket import SHUT_RDWR
from typing import Any, Self, TypeVar

from imapclient import IMAPClient  # pyright: ignore[reportMissingTypeStubs]
from imapclient.exceptions import IMAPClientError, ProtocolError  # pyright: ignore[reportMissingTypeStubs]

from services.receiving.bounds import LARGEST_MESSAGE
from services.receiving.decoding import clean
from services.receiving.message import LARGEST_HEAD
from shared.config import Settings
from shared.config.values import MailSecurity

LISTED_AT_ONCE = 500
LONGEST_REASON = 300
QUOTING = re.compile("unexpected (response|tail|end)|command: ", re.IGNORECASE)
"""In what the IMAP library says: that it goes on to quote the server, maybe a mail of it."""


Answer = TypeVar("Answer")

Client = Any
"""IMAPClient's own annotations are not what its methods take."""


class MailboxTrouble(Exception):
    """The mailbox can't be read; `reason` says why in the server's or system's words, without secrets."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxOptions:
    """How to reach the mailbox and how long to bear with it, in seconds."""

    host: str
    port: int
    security: MailSecurity
    ca_file: Path | None
    username: str
    password: str
    folder: str
    answer_seconds: float = 30
    message_seconds: float = 180

    @property
    def name(self) -> str:
        """What the database knows the mailbox by: its host and folder."""
        return f"{self.host}/{self.folder}"

    @classmethod
    def from_settings(cls, config: Settings) -> Self:
        """Read the options from the settings."""
        return cls(
            host=config.imap_host,
            port=config.imap_port,
            security=config.imap_use_tls,
            ca_file=config.imap_ca_file,
            username=config.imap_username,
            password=config.imap_password.get_secret_value(),
            folder=config.imap_folder,
        )


@dataclass(frozen=True, slots=True)
class Listed:
    """A message that lies in the mailbox; `size` in octets as the server says."""

    uid: int
    received: datetime
    size: int

    @property
    def is_too_large(self) -> bool:
        """Whether no more than its beginning is fetched."""
        return self.size > LARGEST_MESSAGE


class Mailbox:
    """A connection that is opened, asked, and dropped at any trouble; it can be opened again then."""

    def __init__(self, options: MailboxOptions) -> None:
        self._options = options
        self._client: Client | None = None
        self._attempt: object = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="mailbox")

    async def open(self) -> int:
        """Connect, log in, open the folder read-only and return its UIDVALIDITY.

        Raises:
            MailboxTrouble: that did not work.
        """
        self._attempt = attempt = object()
        return await self._in_time(lambda: self._open(attempt), self._options.answer_seconds)

    async def list_after(self, uid: int, since: date) -> list[Listed]:
        """Return in order what came after `uid` and not before the day `since` in the server's time zone.

        Raises:
            MailboxTrouble: there was no answer.
        """
        return await self._ask(lambda client: _list_after(client, uid, since))

    async def fetch(self, listed: Listed) -> bytes | None:
        """Return a message, of one that is too large its header's beginning; None when it is gone.

        Raises:
            MailboxTrouble: there was no answer.
        """
        return await self._ask(lambda client: _fetch(client, listed), self._options.message_seconds)

    async def wait(self, seconds: float) -> None:
        """Wait until something changes in the folder, or so long; without IDLE always so long.

        Raises:
            MailboxTrouble: the connection was lost.
        """
        if await self._ask(lambda client: client.has_capability("IDLE")):
            await self._ask(lambda client: _idle(client, seconds), seconds + self._options.answer_seconds)
        else:
            await asyncio.sleep(seconds)

    def drop(self) -> None:
        """Close without a word; whatever the thread waits for there ends."""
        client, self._client, self._attempt = self._client, None, None
        if client is not None:
            with suppress(OSError):
                client.socket().shutdown(SHUT_RDWR)
            self._thread.submit(client.shutdown)

    def close(self) -> None:
        """Drop the connection for good."""
        self.drop()
        self._thread.shutdown(wait=False)

    def _open(self, attempt: object) -> int:
        """Runs in the thread; when `attempt` was given up meanwhile, nobody else closes what it opened."""
        self._client = client = _connect(self._options)
        if self._attempt is not attempt:
            self.drop()
            raise ConnectionAbortedError
        return _enter(client, self._options)

    async def _ask(self, question: Callable[[Client], Answer], seconds: float | None = None) -> Answer:
        client = self._client
        if client is None:
            raise MailboxTrouble("not connected")
        return await self._in_time(lambda: question(client), seconds or self._options.answer_seconds)

    async def _in_time(self, question: Callable[[], Answer], seconds: float) -> Answer:
        asked = False
        try:
            async with asyncio.timeout(seconds):
                answer = await asyncio.get_running_loop().run_in_executor(self._thread, question)
            asked = True
        except (IMAPClientError, OSError, ValueError) as error:
            raise MailboxTrouble(reason_in_words(error, self._options)) from error
        finally:
            if not asked:
                self.drop()
        return answer


class _Client(IMAPClient):
    """Looks into what is read already before it waits: news may have come with the answer to IDLE."""

    _look_at_once = False

    def idle(self) -> None:
        super().idle()
        self._look_at_once = True

    def _poll_socket(self, sock: Any, timeout: float | None = None) -> Any:
        look_at_once, self._look_at_once = self._look_at_once, False
        return [sock] if look_at_once else super()._poll_socket(sock, timeout)  # pyright: ignore


def _connect(options: MailboxOptions) -> Client:
    return _Client(
        options.host,
        options.port,
        ssl=options.security == "tls",
        ssl_context=_context(options) if options.security == "tls" else None,
        timeout=options.answer_seconds,
    )


def _context(options: MailboxOptions) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=options.ca_file)


def _enter(client: Client, options: MailboxOptions) -> int:
    client.normalise_times = False
    if options.security == "starttls":
        client.starttls(_context(options))
    if client.has_capability("AUTH=PLAIN"):
        client.plain_login(options.username, options.password)
    else:
        client.login(options.username, options.password)
    # Asked later, its answer could carry the news that a message has come, and nobody would look there.
    client.capabilities()
    uid_validity = client.select_folder(options.folder, readonly=True).get(b"UIDVALIDITY")
    if not uid_validity:
        raise IMAPClientError("the folder has no UIDVALIDITY")
    return int(uid_validity)


def _list_after(client: Client, uid: int, since: date) -> list[Listed]:
    client.noop()
    found = sorted(
        number for number in client.search(["UID", f"{uid + 1}:*", "SINCE", since]) if number > uid
    )
    return [
        listed
        for first in range(0, len(found), LISTED_AT_ONCE)
        for listed in _listed(client, found[first : first + LISTED_AT_ONCE])
    ]


def _listed(client: Client, uids: Sequence[int]) -> list[Listed]:
    items: dict[int, dict[bytes, Any]] = client.fetch(uids, ["INTERNALDATE", "RFC822.SIZE"])
    return [
        Listed(uid, _aware(items[uid][b"INTERNALDATE"]), items[uid][b"RFC822.SIZE"])
        for uid in uids
        if {b"INTERNALDATE", b"RFC822.SIZE"} <= items.get(uid, {}).keys()
    ]


def _aware(when: datetime) -> datetime:
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _fetch(client: Client, listed: Listed) -> bytes | None:
    wanted = f"BODY.PEEK[HEADER]<0.{LARGEST_HEAD}>" if listed.is_too_large else "BODY.PEEK[]"
    try:
        items = client.fetch([listed.uid], [wanted]).get(listed.uid, {})
    except IMAPClientError:
        if _is_gone(client, listed.uid):
            return None
        raise
    return next((text for name, text in items.items() if name.startswith(b"BODY[")), None)


def _is_gone(client: Client, uid: int) -> bool:
    client.noop()
    return uid not in client.search(["UID", str(uid)])


def _idle(client: Client, seconds: float) -> None:
    client.idle()
    if not client.idle_check():
        client.idle_check(seconds)
    client.idle_done()


def reason_in_words(error: Exception, options: MailboxOptions) -> str:
    """Return why a mailbox can't be read, without secrets and without anything of a mail."""
    if isinstance(error, UnicodeError):
        return "the server takes no name and password beyond ASCII"
    words = " ".join(clean(str(error)).split())
    if not words or isinstance(error, ProtocolError) or QUOTING.search(words):
        words = f"an answer that can't be read ({type(error).__name__})"
    for secret in (options.password, options.username):
        words = words.replace(secret, "…") if secret else words
    return words[:LONGEST_REASON]
