"""Sends HTTP requests as fast as the answers come, over connections that stay open."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.accounts.api_keys import KeyTerms, create_key
from services.models import MOST_PER_MINUTE
from shared.clock import system_clock
from shared.config import Settings
from shared.database import create_engine, create_session_factory
from tests.work import work_of


@dataclass(frozen=True)
class Load:
    """What came of some requests: seconds in all, seconds of each, how often which status was answered."""

    seconds: float
    latencies: list[float]
    statuses: Counter[int]

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds

    def check(self, *expected: int) -> None:
        """Stop the benchmark when something else was answered than what it measures."""
        if unexpected := self.statuses.keys() - set(expected):
            raise RuntimeError(f"unexpected answers: {sorted(unexpected)}")


async def send(port: int, requests: Sequence[bytes], *, clients: int) -> Load:
    """Send requests in order, each over the first connection that is free."""
    loop = asyncio.get_running_loop()
    waiting = list(reversed(requests))
    load = Load(0, [], Counter())
    connected = [
        await loop.create_connection(lambda: _Client(waiting, load), "127.0.0.1", port)
        for _ in range(min(clients, len(requests)))
    ]
    start = time.perf_counter()
    for transport, client in connected:
        client.start(transport)
    await asyncio.gather(*(client.done for _, client in connected))
    return Load(time.perf_counter() - start, load.latencies, load.statuses)


def post(path: str, body: dict[str, Any], key: str) -> bytes:
    """Return a POST as it goes over the wire."""
    content = json.dumps(body, ensure_ascii=False).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {key}\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


async def new_key(config: Settings) -> str:
    """Return a key of the JSON API whose requests are counted and never too many."""
    terms = KeyTerms(requests_per_minute=MOST_PER_MINUTE)
    engine = create_engine(config, application_name="bench")
    async with create_session_factory(engine)() as session:
        key = await create_key(work_of(session, now=system_clock()), "bench", terms)
    await engine.dispose()
    return key


class _Client(asyncio.Protocol):
    """One connection; the next request goes out when the answer to the last is complete."""

    def __init__(self, waiting: list[bytes], load: Load) -> None:
        self._waiting = waiting
        self._load = load
        self._buffer = b""
        self._sent_at = 0.0
        self.done = asyncio.get_running_loop().create_future()

    def start(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._send_next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, body = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        self._load.latencies.append(time.perf_counter() - self._sent_at)
        self._load.statuses[int(head[9:12])] += 1
        self._buffer = b""
        self._send_next()

    def _send_next(self) -> None:
        if not self._waiting:
            self.done.set_result(None)
            self._transport.close()
            return
        request = self._waiting.pop()
        self._sent_at = time.perf_counter()
        self._transport.write(request)
