"""A TCP proxy that plays a network between a Kafka client and its broker: gone, slow, back, or lying.

Kafka clients leave their bootstrap address for the one the broker advertises. So the proxy reads the broker's
answers frame by frame and puts its own port where the broker names its own; both are on 127.0.0.1.
"""

import asyncio
import struct
from collections import deque
from contextlib import suppress
from typing import Self

HOST = "127.0.0.1"
PRODUCE = 0


class KafkaProxy:
    """Listens on a free port and forwards to `target` (`127.0.0.1:port`)."""

    def __init__(self, target: str) -> None:
        self._port_of_broker = int(target.rpartition(":")[2])
        self._port = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._lies: deque[int] = deque()

    @property
    def bootstrap_servers(self) -> str:
        return f"{HOST}:{self._port}"

    async def __aenter__(self) -> Self:
        await self.back()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.gone()

    async def back(self) -> None:
        """Listen, after an outage on the same port as before."""
        self._server = await asyncio.start_server(self._serve, HOST, self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def gone(self) -> None:
        """Refuse connections and cut those there are."""
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    def stall(self) -> None:
        """Keep connections open and let nothing through."""
        self._flowing.clear()

    def flow(self) -> None:
        self._flowing.set()

    def answer_produce_with(self, *error_codes: int) -> None:
        """Let the next produce requests reach the broker and put these error codes into its answers."""
        self._lies.extend(error_codes)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers = {writer}
        pumps: set[asyncio.Task[None]] = set()
        try:
            broker_reader, broker_writer = await asyncio.open_connection(HOST, self._port_of_broker)
            writers.add(broker_writer)
            self._writers |= writers
            produces: set[bytes] = set()
            async with asyncio.TaskGroup() as group:
                pumps.add(group.create_task(self._forward(reader, broker_writer, produces)))
                pumps.add(group.create_task(self._forward(broker_reader, writer, produces, answers=True)))
                self._pumps |= pumps
        except* (OSError, EOFError):
            pass
        finally:
            self._pumps -= pumps
            self._writers -= writers
            for open_writer in writers:
                open_writer.close()

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
        return answer.replace(_address(self._port_of_broker), _address(self._port))


def _address(port: int) -> bytes:
    return HOST.encode() + struct.pack(">i", port)


def _with_error(answer: bytes, code: int) -> bytes:
    """Change the first partition's error code in a produce response of versions 3 to 8."""
    name_length = int.from_bytes(answer[8:10])
    at = 4 + 4 + 2 + name_length + 4 + 4
    return answer[:at] + struct.pack(">h", code) + answer[at + 2 :]
