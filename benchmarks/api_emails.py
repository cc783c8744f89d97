"""`POST /api/emails` beside a bare handler that does one INSERT of the same row, both under the same uvicorn.

`python -m benchmarks.api_emails [--requests N] [--rounds N]`. The API runs as in production: one process, its
default settings, an API key that is sent and checked. Both write into the same table of the same PostgreSQL
(fsync on) over pools of the same size, for 16 clients that keep their connections; rounds take turns.
"""

import argparse
import asyncio
import json
import multiprocessing
import socket
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any, cast

import asyncpg
import uvicorn
import uvloop
from litestar import Litestar, post
from litestar.datastructures import State
from litestar.params import JSONBody
from msgspec import Struct

from benchmarks.mail_setting import BODY_HTML, BODY_TEXT, migrated_database
from services.api_keys import create_key
from shared.clock import system_clock
from shared.config import Settings
from shared.config.settings import load_settings
from shared.database import create_engine, create_session_factory
from webapp.server import serve

CLIENTS = 16
MOST_SECONDS = 120
CLOCK_TICKS = 100
REQUEST: dict[str, Any] = {
    "therapist_id": 123,
    "betreff": "Anfrage für drei Patientinnen: freie Plätze ab Herbst?",
    "body_html": BODY_HTML,
    "body_text": BODY_TEXT,
    "empfaenger_email": "praxis@example.org",
    "empfaenger_name": "Dr. Jürgen Müller",
}
INSERT = """
    INSERT INTO communication_service.emails
        (therapist_id, betreff, body_html, body_text, empfaenger_email, empfaenger_name, absender_email,
         absender_name, status, queued_at, naechster_versuch_at, created_at, updated_at, message_id)
    VALUES ($1, $2, $3, $4, $5, $6, 'kontakt@therapieplatz.example', 'Therapieplatz-Vermittlung', 'QUEUED',
        now(), now(), now(), now(), gen_random_uuid()::text)
    RETURNING id
"""


class Row(Struct):
    """What the bare handler is sent."""

    therapist_id: int
    betreff: str
    body_html: str
    body_text: str
    empfaenger_email: str
    empfaenger_name: str


@post("/api/emails")
async def insert_row(data: JSONBody[Row], state: State) -> dict[str, int]:
    """Insert one row."""
    email_id = await state.pool.fetchval(
        INSERT,
        data.therapist_id,
        data.betreff,
        data.body_html,
        data.body_text,
        data.empfaenger_email,
        data.empfaenger_name,
    )
    return {"id": email_id}


def serve_bare(config: Settings, port: int) -> None:
    dsn = config.get_database_url().set(drivername="postgresql").render_as_string(hide_password=False)

    async def open_pool(app: Litestar) -> None:
        app.state.pool = await asyncpg.create_pool(
            dsn, min_size=config.db_pool_size, max_size=config.db_pool_size
        )

    app = Litestar([insert_row], on_startup=[open_pool], openapi_config=None)
    uvicorn.run(
        app,
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        server_header=False,
        log_config=None,
    )


def serve_api(config: Settings, port: int) -> None:
    serve(config, host="127.0.0.1", port=port)


@dataclass(frozen=True)
class Side:
    """A server to be measured."""

    name: str
    port: int
    pid: int
    request: bytes

    def cpu_seconds(self) -> float:
        """Return the CPU time the server process has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


@dataclass(frozen=True)
class Round:
    """What one side did in one round."""

    per_second: float
    cpu_milliseconds: float
    latencies: list[float]


class Client(asyncio.Protocol):
    """One connection that sends the next request when the answer to the last is complete."""

    def __init__(self, request: bytes, left: list[None], latencies: list[float]) -> None:
        self._request = request
        self._left = left
        self._latencies = latencies
        self._buffer = b""
        self._sent_at = 0.0
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send()

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
        if not head.startswith(b"HTTP/1.1 201"):
            self.done.set_exception(RuntimeError(self._buffer.decode()))
            return
        self._latencies.append(time.perf_counter() - self._sent_at)
        self._buffer = b""
        self._send()

    def _send(self) -> None:
        if not self._left:
            if not self.done.done():
                self.done.set_result(None)
            self._transport.close()
            return
        self._left.pop()
        self._sent_at = time.perf_counter()
        self._transport.write(self._request)


async def measure(side: Side, requests: int) -> Round:
    """Send so many requests over the clients' connections."""
    loop = asyncio.get_running_loop()
    left: list[None] = [None] * requests
    latencies: list[float] = []
    used, start = side.cpu_seconds(), time.perf_counter()
    clients = [
        (await loop.create_connection(lambda: Client(side.request, left, latencies), "127.0.0.1", side.port))[
            1
        ]
        for _ in range(CLIENTS)
    ]
    async with asyncio.timeout(MOST_SECONDS):
        await asyncio.gather(*(client.done for client in clients))
    seconds, cpu = time.perf_counter() - start, side.cpu_seconds() - used
    return Round(requests / seconds, cpu / requests * 1000, latencies)


def http_request(key: str) -> bytes:
    body = json.dumps(REQUEST, ensure_ascii=False).encode()
    head = (
        "POST /api/emails HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {key}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def new_key(config: Settings) -> str:
    engine = create_engine(config, application_name="bench")
    async with create_session_factory(engine)() as session:
        key = await create_key(session, "bench", now=system_clock())
    await engine.dispose()
    return key


@contextmanager
def running(target: Any, config: Settings) -> Generator[tuple[int, int]]:
    """Run a server in a process of its own; yields its port and process id once it accepts connections."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = multiprocessing.get_context("spawn").Process(target=target, args=(config, port), daemon=True)
    process.start()
    deadline = time.monotonic() + 60
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        if time.monotonic() > deadline or not process.is_alive():
            raise RuntimeError("the server did not start")
        time.sleep(0.05)
    try:
        yield port, process.pid or 0
    finally:
        process.terminate()
        process.join(10)


def show(name: str, rounds: list[Round]) -> None:
    cuts = quantiles([latency for done in rounds for latency in done.latencies], n=100)
    print(
        f"{name}: median {median(done.per_second for done in rounds):,.0f} requests/s,"
        f" p50 {cuts[49] * 1e3:.1f} ms, p99 {cuts[98] * 1e3:.1f} ms,"
        f" {median(done.cpu_milliseconds for done in rounds):.2f} ms CPU of the server process each"
    )


async def compare(bare: Side, api: Side, requests: int, rounds: int) -> None:
    done: dict[str, list[Round]] = {bare.name: [], api.name: []}
    for side in (bare, api):
        await measure(side, requests // 2)
    for number in range(rounds):
        for side in (bare, api):
            done[side.name].append(await measure(side, requests))
        last = [rounds_of_side[-1].per_second for rounds_of_side in done.values()]
        print(
            f"round {number + 1}: {last[0]:,.0f} and {last[1]:,.0f} requests/s, ratio {last[1] / last[0]:.2f}"
        )
    for name, rounds_of_side in done.items():
        show(name, rounds_of_side)
    ratios = [a.per_second / b.per_second for b, a in zip(*done.values(), strict=True)]
    print(f"API against bare INSERT, median of {rounds}: {median(ratios):.2f}")


def main(requests: int, rounds: int) -> None:
    with migrated_database() as url:
        config = load_settings(
            env_file=None, app_env="production", secret_key="x" * 32, database_url=url, log_level="WARNING"
        )
        request = http_request(uvloop.run(new_key(config)))
        with running(serve_bare, config) as bare, running(serve_api, config) as api:
            uvloop.run(
                compare(
                    Side("bare INSERT", *bare, request),
                    Side("POST /api/emails", *api, request),
                    requests,
                    rounds,
                )
            )


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--requests", type=int, default=2000)
    arguments.add_argument("--rounds", type=int, default=5)
    chosen = arguments.parse_args()
    main(chosen.requests, chosen.rounds)
