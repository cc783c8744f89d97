"""Connections are bounded: in number, and in how long they may keep us waiting for their part.

uvicorn waits for ever for a request's first byte, for its rest, and for a client to read its answer.
"""

import asyncio
from collections import Counter
from typing import Any

import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 10
"""From the connection, or a request's first byte, to the end of its headers."""

BODY_SECONDS = 20
"""From the headers to the end of the body: the largest takes 3 Mbit/s."""

READ_SECONDS = 30
"""For a client to take what it was sent; streams included."""

LOG_SECONDS = 5
"""What was cut in this time is one log line."""

HEAD = "head"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

log = structlog.get_logger(__name__)


class Connections:
    """What a process's connections share: who keeps us waiting, the longest first, and what was cut."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.waited_for: dict[BoundedProtocol, None] = {}
        """In this order. Not those who have sent all of a request and wait for us."""
        self._cut: Counter[str] = Counter()

    def make_room(self, newcomer: "BoundedProtocol") -> bool:
        """Cut whoever has kept us waiting longest; False when all others are being served."""
        oldest = next((other for other in self.waited_for if other is not newcomer), None)
        if oldest is None:
            self.count("refused")
            return False
        oldest.cut("made_room")
        return True

    def count(self, reason: str) -> None:
        """Note that a connection was cut; the log has one line for many."""
        if not self._cut:
            asyncio.get_running_loop().call_later(LOG_SECONDS, self._report)
        self._cut[reason] += 1

    def _report(self) -> None:
        log.warning("connections_cut", most=self.most, **self._cut)
        self._cut.clear()


class BoundedProtocol(HttpToolsProtocol):
    """HTTP over one connection that is cut when its client doesn't go on.

    Subclass with `shared` set: uvicorn makes the instances.
    """

    shared: Connections
    _awaited: object = None
    _deadline: asyncio.TimerHandle | None = None
    _reading: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Begin to wait for a request; where there is no room for it, cut another connection or refuse it."""
        super().connection_made(transport)
        if len(self.connections) > self.shared.most and not self.shared.make_room(self):
            transport.write(BUSY)
            transport.close()
            return
        self._wait_for(HEAD, HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._go_on()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came, and wait for what is still missing."""
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:
            self._wait_for(HEAD, HEAD_SECONDS)
        elif self.cycle.more_body:
            self._wait_for(self.cycle, BODY_SECONDS)
        else:
            self._go_on()

    def on_response_complete(self) -> None:
        """Be first to go where room is needed; uvicorn ends what stays silent now."""
        super().on_response_complete()
        if not self.pipeline and not self.transport.is_closing():
            self.shared.waited_for.setdefault(self)

    def pause_writing(self) -> None:
        """Wait for the client to take what it was sent."""
        super().pause_writing()
        self._reading = self.loop.call_later(READ_SECONDS, self.cut, "not_reading")

    def resume_writing(self) -> None:
        """Go on: the client reads."""
        super().resume_writing()
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def cut(self, reason: str) -> None:
        """End the connection, with all that is under way on it."""
        self._go_on()
        self.shared.count(reason)
        self.transport.abort()

    def _wait_for(self, what: object, seconds: float) -> None:
        """Give the client so long for its part, from when we begin to wait for it."""
        if self._awaited is what:
            return
        self._go_on()
        self._awaited = what
        self._deadline = self.loop.call_later(seconds, self._too_late, seconds)
        self.shared.waited_for[self] = None

    def _too_late(self, seconds: float) -> None:
        if self.flow.read_paused:
            self._deadline = self.loop.call_later(seconds, self._too_late, seconds)
        else:
            self.cut("no_request" if self._awaited is HEAD else "half_a_body")

    def _go_on(self) -> None:
        self.shared.waited_for.pop(self, None)
        self._awaited = None
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def bounded(most: int) -> type[Any]:
    """Return the protocol for a process that holds at most `most` connections."""
    return type("Protocol", (BoundedProtocol,), {"shared": Connections(most)})
