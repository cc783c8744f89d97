"""An SMTP server that does what a script says, stage by stage, and remembers every message it got."""

import asyncio
import re
import socket
import ssl
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Literal, cast

Stage = Literal[
    "banner", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "content", "dot", "rset", "noop", "quit"
]
MESSAGE_ID = re.compile(rb"^Message-ID: (\S+)", re.MULTILINE)
READ_SIZE = 4096
RECEIVE_BUFFER = 65_536
"""Small, so that a big message isn't swallowed whole by the system's buffers."""

REPLIES: dict[str, bytes] = {
    "banner": b"220 test ESMTP",
    "starttls": b"220 2.0.0 go ahead",
    "auth": b"235 2.7.0 welcome",
    "mail": b"250 2.1.0 ok",
    "rcpt": b"250 2.1.5 ok",
    "data": b"354 go ahead",
    "dot": b"250 2.0.0 queued",
    "rset": b"250 2.0.0 ok",
    "noop": b"250 2.0.0 ok",
    "quit": b"221 2.0.0 bye",
}


@dataclass(frozen=True)
class Say:
    """Answer with this line instead of the usual reply."""

    line: str


@dataclass(frozen=True)
class Drop:
    """Close the connection instead of answering."""


@dataclass(frozen=True)
class Stall:
    """Never answer."""


@dataclass(frozen=True)
class Hold:
    """Answer with this line once the event is set."""

    until: asyncio.Event
    line: str


Action = Say | Drop | Stall | Hold


class _Dropped(Exception):
    pass


class ScriptedSmtp:
    """Each action of the script is used once, in the order given for its stage; then the stage works."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, auth: bool = False, utf8: bool = False) -> None:
        self.port = 0
        self.messages: list[bytes] = []
        self.envelopes: list[tuple[str, str]] = []
        self.greetings: list[str] = []
        self.connections = 0
        self.at_most: int | None = None
        """How many connections at a time are let in; the others are told there are too many."""
        self.always: dict[Stage, Callable[[str], str | None]] = {}
        """What a stage answers once its script is used up, given the command or message; None: as usual."""
        self.delays: dict[Stage, float] = {}
        """Seconds before every reply of a stage."""
        self.commands: Counter[str] = Counter()
        self._script: dict[str, deque[Action]] = {}
        self._tls = tls
        self._auth = auth
        self._utf8 = utf8
        self._clients: set[asyncio.Task[None]] = set()

    def on(self, stage: Stage, *actions: Action) -> None:
        """Add actions to a stage; `content` acts while the content is still arriving."""
        self._script.setdefault(stage, deque()).extend(actions)

    def copies(self, message_id: str) -> int:
        """Return how many complete messages with this id arrived, answered or not."""
        return self.message_ids[message_id]

    @property
    def message_ids(self) -> Counter[str]:
        return Counter(found[1].decode() for m in self.messages if (found := MESSAGE_ID.search(m)))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        self.connections += 1
        try:
            if self.at_most is not None and len(self._clients) > self.at_most:
                writer.write(b"421 4.7.0 too many connections\r\n")
                await writer.drain()
                raise _Dropped
            await self._answer("banner", writer)
            while line := await reader.readline():
                await self._command(line.decode("utf-8", "replace").strip(), reader, writer)
        except (_Dropped, OSError):
            pass
        finally:
            self._clients.discard(task)
            writer.transport.abort()

    def hang_up(self) -> None:
        """Close all connections."""
        for task in self._clients:
            task.cancel()

    async def _command(self, line: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        verb = line.split(" ")[0].lower()
        self.commands[verb] += 1
        match verb:
            case "ehlo":
                self.greetings.append(line)
                extensions = ["SIZE 10000000", "ENHANCEDSTATUSCODES"]
                extensions += ["STARTTLS"] if self._tls else []
                extensions += ["AUTH PLAIN"] if self._auth else []
                extensions += ["SMTPUTF8"] if self._utf8 else []
                lines = ["test", *extensions]
                usual = "\r\n".join(f"250{'-' if n < len(lines) else ' '}{x}" for n, x in enumerate(lines, 1))
                await self._answer("ehlo", writer, usual.encode())
            case "starttls":
                await self._answer("starttls", writer)
                assert self._tls is not None
                await writer.start_tls(self._tls)
            case "mail":
                self._sender = line
                await self._answer("mail", writer, said=line)
            case "rcpt":
                self.envelopes.append((self._sender, line))
                await self._answer("rcpt", writer, said=line)
            case "data":
                if (await self._answer("data", writer)).startswith(b"354"):
                    await self._content(reader, writer)
            case _:
                await self._answer(cast("Stage", verb), writer)
                if verb == "quit":
                    raise _Dropped

    async def _content(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._script.get("content"):
            await reader.read(READ_SIZE)
            writer.write(await self._act(self._script["content"].popleft()) + b"\r\n")
            await reader.read()
            raise _Dropped
        lines: list[bytes] = []
        while (line := await reader.readline()) != b".\r\n":
            if not line:
                raise _Dropped
            lines.append(line.removeprefix(b".") if line.startswith(b".") else line)
        self.messages.append(b"".join(lines))
        await self._answer("dot", writer, said=self.messages[-1].decode())

    async def _answer(
        self, stage: Stage, writer: asyncio.StreamWriter, usual: bytes | None = None, *, said: str = ""
    ) -> bytes:
        await asyncio.sleep(self.delays.get(stage, 0))
        reply = usual or REPLIES.get(stage, b"500 5.5.1 what?")
        if self._script.get(stage):
            reply = await self._act(self._script[stage].popleft())
        elif stage in self.always and (line := self.always[stage](said)):
            reply = line.encode()
        writer.write(reply + b"\r\n")
        await writer.drain()
        return reply

    async def _act(self, action: Action) -> bytes:
        match action:
            case Say(line):
                return line.encode()
            case Drop():
                raise _Dropped
            case Stall():
                await asyncio.Event().wait()
                raise AssertionError
            case Hold(until, line):
                await until.wait()
                return line.encode()


@asynccontextmanager
async def scripted_smtp(
    *,
    tls: ssl.SSLContext | None = None,
    implicit_tls: ssl.SSLContext | None = None,
    auth: bool = False,
    utf8: bool = False,
) -> AsyncGenerator[ScriptedSmtp]:
    """Run a scripted server on a free port of this machine."""
    smtp = ScriptedSmtp(tls=tls, auth=auth, utf8=utf8)
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    server = await asyncio.start_server(smtp.serve, sock=listening, ssl=implicit_tls)
    smtp.port = server.sockets[0].getsockname()[1]
    try:
        yield smtp
    finally:
        server.close()
        smtp.hang_up()
        with suppress(TimeoutError):
            async with asyncio.timeout(2):
                await server.wait_closed()
