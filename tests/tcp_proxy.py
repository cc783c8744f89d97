"""TCP proxies that play a network between a client and its server: gone, slow, back, cut, or lying.

Kafka clients leave their bootstrap address for the one the broker advertises. So that proxy reads the
broker's answers frame by frame and puts its own port where the broker names its own; both are on 127.0.0.1.
"""

import asyncio
import ssl
import struct
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

HOST = "127.0.0.1"
PRODUCE = 0


@dataclass
class Peer:
    """One side of a conversation."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class TcpProxy(ABC):
    """Listens on a free port, with TLS where a context says so, and forwards to `target` on this machine."""

    def __init__(self, target: int, tls: ssl.SSLContext | None = None) -> None:
        self.target = target
        self._tls = tls
        self.port = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()

    @abstractmethod
    def pumps(self, client: Peer, server: Peer) -> tuple[Coroutine[Any, Any, None], ...]:
        """Return what forwards in both directions until one side ends."""

    async def __aenter__(self) -> Self:
        await self.back()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.gone()

    async def back(self) -> None:
        """Listen, after an outage on the same port as before."""
        self._server = await asyncio.start_server(self._serve, HOST, self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def gone(self) -> None:
        """Refuse connections and cut those there are."""
        if self._server is not None:
            self._server.close()
        self.cut()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    def cut(self) -> None:
        """Cut the connections there are."""
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers = {writer}
        pumps: set[asyncio.Task[None]] = set()
        try:
            server = Peer(*await asyncio.open_connection(HOST, self.target))
            writers.add(server.writer)
            self._writers |= writers
            async with asyncio.TaskGroup() as group:
                pumps |= {group.create_task(pump) for pump in self.pumps(Peer(reader, writer), server)}
                self._pumps |= pumps
        except* (OSError, EOFError):
            pass
        finally:
            self._pumps -= pumps
            self._writers -= writers
            for open_writer in writers:
                open_writer.close()


class ImapProxy(TcpProxy):
    """Cuts the connection at a command (`UID FETCH`, `DONE`): before it, or instead of its answer."""

    def __init__(self, target: int, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(target, tls)
        self.cut_before: deque[str] = deque()
        self.cut_after: deque[str] = deque()
        self.commands: list[str] = []

    def pumps(self, client: Peer, server: Peer) -> tuple[Coroutine[Any, Any, None], ...]:
        return self._ask(client, server), self._answer(server, client)

    async def _ask(self, client: Peer, server: Peer) -> None:
        while line := await client.reader.readline():
            command = _command(line)
            self.commands.append(command)
            if self.cut_before and self.cut_before[0] == command:
                self.cut_before.popleft()
                raise EOFError
            if self.cut_after and self.cut_after[0] == command:
                self.cut_after.popleft()
                server.writer.write(line)
                await server.writer.drain()
                raise EOFError
            server.writer.write(line)
            await server.writer.drain()
        raise EOFError

    async def _answer(self, server: Peer, client: Peer) -> None:
        while some := await server.reader.read(65_536):
            client.writer.write(some)
            await client.writer.drain()
        raise EOFError


def _command(line: bytes) -> str:
    words = line.decode("utf-8", "replace").upper().split()
    named = words[1:] or words
    return " ".join(named[: 2 if named[:1] == ["UID"] else 1])


class KafkaProxy(TcpProxy):
    """In front of a broker at `target` (`127.0.0.1:port`)."""

    def __init__(self, target: str) -> None:
        super().__init__(int(target.rpartition(":")[2]))
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._lies: deque[int] = deque()

    @property
    def bootstrap_servers(self) -> str:
        return f"{HOST}:{self.port}"

    def stall(self) -> None:
        """Keep connections open and let nothing through."""
        self._flowing.clear()

    def flow(self) -> None:
        self._flowing.set()

    def answer_produce_with(self, *error_codes: int) -> None:
        """Let the next produce requests reach the broker and put these error codes into its answers."""
        self._lies.extend(error_codes)

    def pumps(self, client: Peer, server: Peer) -> tuple[Coroutine[Any, Any, None], ...]:
        produces: set[bytes] = set()
        return (
            self._forward(client.reader, server.writer, produces),
            self._forward(server.reader, client.writer, produces, answers=True),
        )

    async def _forward(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        produces: set[bytes],
        *,
        answers: bool = False,
    ) -> None:
        try:
            while True:
                frame = await reader.readexactly(int.from_bytes(await reader.readexactly(4)))
                if answers:
                    frame = self._rewrite(frame, produces)
                elif int.from_bytes(frame[:2]) == PRODUCE:
                    produces.add(frame[4:8])
                await self._flowing.wait()
                writer.write(len(frame).to_bytes(4) + frame)
                await writer.drain()
        finally:
            with suppress(OSError):
                writer.close()

    def _rewrite(self, answer: bytes, produces: set[bytes]) -> bytes:
        if answer[:4] in produces:
            produces.discard(answer[:4])
            return _with_error(answer, self._lies.popleft()) if self._lies else answer
        return answer.replace(_address(self.target), _address(self.port))


def _address(port: int) -> bytes:
    return HOST.encode() + struct.pack(">i", port)


def _with_error(answer: bytes, code: int) -> bytes:
    """Change the first partition's error code in a produce response of versions 3 to 8."""
    name_length = int.from_bytes(answer[8:10])
    at = 4 + 4 + 2 + name_length + 4 + 4
    return answer[:at] + struct.pack(">h", code) + answer[at + 2 :]


class AnswersLost(TcpProxy):
    """Cuts connections instead of answering, so many times: the server has done what it was asked."""

    def __init__(self, target: int) -> None:
        super().__init__(target)
        self.asked = 0
        self.lost = 0
        self._to_lose = 0

    def lose(self, answers: int) -> None:
        self._to_lose = answers
        self.asked = self.lost = 0

    def pumps(self, client: Peer, server: Peer) -> tuple[Coroutine[Any, Any, None], ...]:
        return self._ask(client, server), self._answer(server, client)

    async def _ask(self, client: Peer, server: Peer) -> None:
        while some := await client.reader.read(65_536):
            server.writer.write(some)
            await server.writer.drain()
        raise EOFError

    async def _answer(self, server: Peer, client: Peer) -> None:
        while some := await server.reader.read(65_536):
            self.asked += some.startswith(b"HTTP/")
            if self._to_lose > self.lost:
                self.lost += 1
                raise EOFError
            client.writer.write(some)
            await client.writer.drain()
        raise EOFError
