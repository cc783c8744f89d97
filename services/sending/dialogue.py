"""Commands and replies over a connection that aiosmtplib has opened (RFC 5321).

aiosmtplib's own way to send a command takes twice the processor time, and only one of them at a time.
"""

import asyncio
import re
from collections import deque
from contextlib import suppress

from aiosmtplib import SMTPResponse, SMTPServerDisconnected

Reply = asyncio.Future[SMTPResponse]

CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
LONGEST_REPLY = 32_768
FLUSH_SECONDS = 0.005
OK = 250
NO_CODE = -1
"""The code of a reply that isn't one."""


class Dialogue(asyncio.Protocol):
    """Pairs replies with commands, in the order they were sent; a reply to no command is thrown away.

    Args:
        transport: from now on only this reads from it.
        offered: the extensions the server has named, in small letters.
    """

    def __init__(self, transport: asyncio.Transport, offered: frozenset[str]) -> None:
        self._transport = transport
        self._offered = offered
        self._loop = asyncio.get_running_loop()
        self._expected = deque[Reply]()
        self._lines: list[bytes] = []
        self._rest = b""
        transport.set_protocol(self)

    @property
    def is_open(self) -> bool:
        """Whether, as far as is known, neither side has closed the connection."""
        return not self._transport.is_closing()

    def offers(self, extension: str) -> bool:
        """Whether the server has named an extension."""
        return extension in self._offered

    def send(self, *commands: bytes) -> list[Reply]:
        """Send commands in one write; return what will be the reply to each.

        Raises:
            SMTPServerDisconnected: the connection is closed.
            ValueError: a command is more than one line.
        """
        if any(CONTROL.search(command) for command in commands):
            raise ValueError("a command contains a control character")
        self.write(b"".join(command + b"\r\n" for command in commands))
        return [self.expect() for _ in commands]

    async def ask(self, command: bytes) -> SMTPResponse:
        """Send a command and wait for the reply.

        Raises:
            As `send`; SMTPServerDisconnected: the connection is lost before the reply.
        """
        (reply,) = self.send(command)
        return await reply

    async def agrees(self, command: bytes, *, within: float) -> bool:
        """Say whether the server answers a command with 250 within some seconds."""
        with suppress(OSError):
            async with asyncio.timeout(within):
                return (await self.ask(command)).code == OK
        return False

    def write(self, data: bytes) -> None:
        """Send bytes as they are.

        Raises:
            SMTPServerDisconnected: the connection is closed.
        """
        if not self.is_open:
            raise SMTPServerDisconnected("Connection lost")
        self._transport.write(data)

    def expect(self) -> Reply:
        """Return what will be the next reply that nobody waits for yet.

        Waited for, it raises `SMTPServerDisconnected` where the connection is lost before.
        """
        reply: Reply = self._loop.create_future()
        self._expected.append(reply)
        return reply

    async def flushed(self, *, until: Reply) -> None:
        """Wait until all that was written has left, the connection is closed, or a reply has come."""
        while self.is_open and self._transport.get_write_buffer_size() and not until.done():
            await asyncio.wait([until], timeout=FLUSH_SECONDS)

    def data_received(self, data: bytes) -> None:
        """Read the replies that are complete; called by the transport."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._lines.append(line)
            if line[3:4] != b"-" or not line[:3].isdigit():
                self._answer(_read(self._lines))
        if sum(map(len, self._lines), len(self._rest)) > LONGEST_REPLY:
            self._answer(SMTPResponse(NO_CODE, "Response too long"))
        if not self._expected:
            self._lines, self._rest = [], b""

    def eof_received(self) -> None:
        """Note that the server has closed its side; called by the transport, which then closes."""
        self._lose(SMTPServerDisconnected("Unexpected EOF received"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Let no one wait any longer; called by the transport."""
        lost = SMTPServerDisconnected("Connection lost")
        lost.__cause__ = exc
        self._lose(lost)

    def _answer(self, response: SMTPResponse) -> None:
        self._lines = []
        if self._expected and not (reply := self._expected.popleft()).done():
            reply.set_result(response)

    def _lose(self, error: SMTPServerDisconnected) -> None:
        while self._expected:
            reply = self._expected.popleft()
            if not reply.done():
                reply.set_exception(error)
                # asyncio would complain of each that nobody waits for.
                reply.exception()


def _read(lines: list[bytes]) -> SMTPResponse:
    code = lines[-1][:3]
    if not code.isdigit():
        return SMTPResponse(NO_CODE, f"Malformed SMTP response line: {lines[-1].decode(errors='ignore')}")
    words = b"\n".join([line[4:].strip() for line in lines])
    return SMTPResponse(int(code), words.decode("utf-8", "surrogateescape"))
