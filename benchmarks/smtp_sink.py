"""The fastest SMTP server that still answers every command: `python -m benchmarks.smtp_sink`.

Prints its port; with `--report`, then one line per accepted message: its Message-ID and the system's
monotonic clock in nanoseconds.
"""

import asyncio
import sys
import time
from typing import cast

import uvloop

REPORT = "--report" in sys.argv


class Sink(asyncio.Protocol):
    def __init__(self) -> None:
        self._buffer = b""
        self._in_content = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while True:
            end = b"\r\n.\r\n" if self._in_content else b"\r\n"
            piece, found, rest = self._buffer.partition(end)
            if not found:
                return
            self._buffer = rest
            if self._in_content:
                self._in_content = False
                self._transport.write(b"250 2.0.0 ok\r\n")
                if REPORT:
                    message_id = piece.partition(b"Message-ID: ")[2].partition(b"\r\n")[0]
                    print(message_id.decode(), time.monotonic_ns(), flush=True)
            else:
                self._command(piece[:4].upper())

    def _command(self, verb: bytes) -> None:
        match verb:
            case b"EHLO":
                self._transport.write(b"250-sink\r\n250 SIZE 100000000\r\n")
            case b"DATA":
                self._in_content = True
                self._transport.write(b"354 go\r\n")
            case b"QUIT":
                self._transport.write(b"221 bye\r\n")
                self._transport.close()
            case _:
                self._transport.write(b"250 ok\r\n")


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())
