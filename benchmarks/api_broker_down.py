"""`POST /api/emails` and `POST /api/phone-calls` while the Kafka broker is up and after it was killed.

`python -m benchmarks.api_broker_down [--quick] [--requests N] [--rounds N]`.

API and worker are processes of their own, as in production;
the worker relays the events as they come, and then can't. The rounds with the broker up come first.
"""

import asyncio
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import uvloop
from sqlalchemy import func, select

from benchmarks.api_calls import KNOWN, LINES, add_known_therapists, empty_calendar
from benchmarks.harness import (
    bench_settings,
    migrated_database,
    percentiles,
    read_arguments,
    running,
    serve_api,
)
from benchmarks.http_load import Load, new_key, post, send
from benchmarks.verdict import report
from services.models import OutboxEvent
from shared.config import Settings
from shared.database import SessionFactory, create_engine, create_session_factory
from webapp.demo.application import Application
from webapp.demo.servers.kafka import EmbeddedKafka

CLIENTS = 4
RELAY_SECONDS = 60
EMAIL: dict[str, Any] = {
    "therapist_id": 1,
    "betreff": "Anfrage für drei Patientinnen",
    "body_text": "Guten Tag, für drei Patientinnen suchen wir Plätze. " * 20,
    "empfaenger_email": "praxis@example.org",
    "empfaenger_name": "Dr. Jürgen Müller",
    "status": "DRAFT",
}
"""A draft makes an event as well, and leaves the worker nothing to do besides."""


@dataclass(frozen=True)
class Api:
    """The API under load, and the database behind it."""

    port: int
    key: str
    sessions: SessionFactory

    async def post(self, path: str, bodies: list[dict[str, Any]]) -> Load:
        load = await send(self.port, [post(path, body, self.key) for body in bodies], clients=CLIENTS)
        load.check(201)
        return load

    async def events_waiting(self) -> int:
        async with self.sessions() as session:
            waiting = select(func.count()).where(OutboxEvent.published_at.is_(None))
            return await session.scalar(waiting) or 0

    async def wait_for_relay(self) -> None:
        """Wait until every event is out: the worker is connected and at rest."""
        deadline = time.monotonic() + RELAY_SECONDS
        while await self.events_waiting():
            if time.monotonic() > deadline:
                raise RuntimeError("the events are not relayed")
            await asyncio.sleep(0.1)


@contextmanager
def worker(config: Settings) -> Generator[None]:
    """Run `calldesk worker`."""
    with tempfile.TemporaryDirectory(prefix="calldesk-bench-") as folder:
        process = Application("worker", Path(folder) / "worker.log")
        process.start(
            {
                "APP_ENV": "testing",
                "DATABASE_URL": str(config.database_url),
                "KAFKA_BOOTSTRAP_SERVERS": config.kafka_bootstrap_servers,
            }
        )
        try:
            yield
        finally:
            process.stop()


async def rounds(api: Api, count: int, requests: int) -> dict[str, list[Load]]:
    """Return some rounds of both kinds of requests, in turns; each begins with an empty calendar."""
    done: dict[str, list[Load]] = {"/api/emails": [], "/api/phone-calls": []}
    for _ in range(count):
        await empty_calendar(api.sessions)
        calls = [{"therapist_id": 1 + number % KNOWN} for number in range(requests)]
        done["/api/emails"].append(await api.post("/api/emails", [EMAIL] * requests))
        done["/api/phone-calls"].append(await api.post("/api/phone-calls", calls))
    return done


def show(path: str, state: str, loads: list[Load]) -> float:
    """Print the figures of one kind of requests; return the median rate."""
    rate = median(load.per_second for load in loads)
    latencies = [latency for load in loads for latency in load.latencies]
    print(f"{path:17} broker {state:4}: {rate:5,.0f}/s, {percentiles(latencies, 50, 99)}")
    return rate


async def compare(
    config: Settings, broker: EmbeddedKafka, port: int, key: str, requests: int, count: int
) -> None:
    engine = create_engine(config, application_name="bench")
    api = Api(port, key, create_session_factory(engine))
    await add_known_therapists(api.sessions)
    await rounds(api, 1, 40)
    await api.wait_for_relay()
    up = await rounds(api, count, requests)
    await api.wait_for_relay()
    broker.kill()
    down = await rounds(api, count, requests)
    waiting = await api.events_waiting()
    for path in up:
        ratio = show(path, "down", down[path]) / show(path, "up", up[path])
        report(f"POST {path}, broker down beside up", ratio, at_least=0.9)
    print(f"{waiting:,} events wait for the broker")
    await engine.dispose()


def main() -> None:
    chosen = read_arguments(__doc__, requests=(300, 60), rounds=(3, 1))
    broker = EmbeddedKafka()
    broker.start()
    try:
        with migrated_database() as url:
            config = bench_settings(url, desk_lines=LINES, kafka_bootstrap_servers=broker.bootstrap_servers)
            key = uvloop.run(new_key(config))
            with running(serve_api, config) as process, worker(config):
                uvloop.run(compare(config, broker, process.port, key, chosen.requests, chosen.rounds))
    finally:
        broker.stop()


if __name__ == "__main__":
    main()
