"""Publishes an outbox through the relay, beside bare aiokafka sending the same records; then single events.

`python -m benchmarks.relay [--quick] [--real] [--events N] [--rounds N]`.

`--real` takes Apache Kafka (needs Java and
Maven) instead of the embedded broker. Both sides use one idempotent producer with `acks=all`, on uvloop, into
topics of four partitions; the relay also reads the database and marks there, with fsync on.
"""

import asyncio
import logging
import tempfile
import time
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from statistics import median, quantiles
from uuid import UUID, uuid4

import structlog
import uvloop
from aiokafka import AIOKafkaProducer
from sqlalchemy import delete, select, text

from benchmarks.harness import bench_settings, migrated_database, read_arguments
from benchmarks.verdict import report
from services.events.relay import EventRelay
from services.hints import OUTBOX
from services.models import OutboxEvent
from shared.clock import system_clock
from shared.config import Settings
from shared.database import SessionFactory, create_engine, create_session_factory, wake
from shared.kafka.delivery import EventNotSent
from shared.kafka.robust_producer import OutgoingEvent, RobustKafkaProducer
from shared.kafka.schemas import EventEnvelope, cloudevents_headers, encode
from shared.notifications import Listener, Notifier
from tests.kafka.real_broker import RealKafka
from webapp.demo.servers.kafka import EmbeddedKafka

EVENTS_PER_KEY = 4
LINGER_MILLISECONDS = 2
"""Of the bare side, which is slower without."""

SINGLE_EVENTS = 300
FILL = text("""
    INSERT INTO communication_service.event_outbox
        (event_id, event_type, topic, key, payload, created_at, available_at)
    SELECT gen_random_uuid(), 'communication.email_sent', :topic, 'email:' || number % :keys,
        jsonb_build_object('email_id', number % :keys, 'therapist_id', number % 97, 'status', 'SENT',
            'sent_at', '2026-10-14T08:42:00Z', 'antwort_erhalten', false, 'antwortdatum', null,
            'antwort_art', null), now(), now()
    FROM generate_series(1, :events) AS number
""")


class TimedProducer(RobustKafkaProducer):
    """Notes when each event is acknowledged."""

    acknowledged: dict[UUID, float]

    async def send_many(self, outgoing: Sequence[OutgoingEvent]) -> list[EventNotSent | None]:
        answers = await super().send_many(outgoing)
        now = time.perf_counter()
        self.acknowledged.update({item.event.event_id: now for item in outgoing})
        return answers


@contextmanager
def broker(*, real: bool) -> Generator[str]:
    with tempfile.TemporaryDirectory(prefix="calldesk-bench-", ignore_cleanup_errors=True) as folder:
        server = RealKafka(Path(folder) / "node") if real else EmbeddedKafka()
        server.start()
        try:
            yield server.bootstrap_servers
        finally:
            server.stop()


async def fill(sessions: SessionFactory, topic: str, count: int) -> None:
    async with sessions() as session, session.begin():
        await session.execute(delete(OutboxEvent))
        await session.execute(FILL, {"topic": topic, "keys": count // EVENTS_PER_KEY, "events": count})
    async with sessions() as session:
        await (await session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})).execute(
            text("ANALYZE communication_service.event_outbox")
        )


async def bare(config: Settings, sessions: SessionFactory, topic: str) -> float:
    """Send the outbox's events with nothing but aiokafka; returns the seconds until all are acknowledged."""
    async with sessions() as session:
        rows = (await session.scalars(select(OutboxEvent).order_by(OutboxEvent.id))).all()
    producer = AIOKafkaProducer(
        bootstrap_servers=config.kafka_bootstrap_servers,
        acks="all",
        enable_idempotence=True,
        linger_ms=LINGER_MILLISECONDS,
    )
    async with producer:
        await producer.send_and_wait(topic, b"{}")
        start = time.perf_counter()
        acknowledgements: list[asyncio.Future[object]] = []
        for row in rows:
            event = EventEnvelope(
                event_id=row.event_id,
                event_type=row.event_type,
                timestamp=row.created_at,
                producer="communication-service",
                payload=row.payload,
            )
            acknowledgements.append(
                await producer.send(
                    topic, encode(event), key=row.key.encode(), headers=cloudevents_headers(event)
                )
            )
        await asyncio.gather(*acknowledgements)
        return time.perf_counter() - start


@asynccontextmanager
async def relay(config: Settings, topic: str) -> AsyncGenerator[TimedProducer]:
    """Run a relay that is connected and knows the topic."""
    listener = Listener(config.get_database_url())
    producer = TimedProducer("communication-service", config=config)
    producer.acknowledged = {}
    await producer.start()
    warm_up = producer.new_event("communication.email_sent", {}, timestamp=system_clock())
    await producer.send(topic, warm_up, key="email:0")
    work = EventRelay(
        config=config, clock=system_clock, listener=listener, producer=producer, identity="bench"
    )
    tasks = [asyncio.create_task(listener.run()), asyncio.create_task(work.run())]
    try:
        yield producer
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await producer.close()


async def publish(config: Settings, sessions: SessionFactory, topic: str) -> float:
    """Publish the outbox through the relay; returns the seconds until all are marked."""
    unpublished = select(select(OutboxEvent.id).where(OutboxEvent.published_at.is_(None)).exists())
    async with relay(config, topic), sessions() as session:
        start = time.perf_counter()
        while await session.scalar(unpublished):
            await session.commit()
            await asyncio.sleep(0.02)
        return time.perf_counter() - start


async def latencies(config: Settings, sessions: SessionFactory, topic: str) -> list[float]:
    """Commit single events; returns for each the seconds from its commit to the cluster's acknowledgement."""
    committed: dict[UUID, float] = {}
    async with relay(config, topic) as producer:
        await asyncio.sleep(1)
        for number in range(SINGLE_EVENTS):
            event_id = uuid4()
            async with sessions() as session, session.begin():
                session.add(
                    OutboxEvent(
                        event_id=event_id,
                        event_type="communication.email_sent",
                        topic=topic,
                        key=f"email:{number}",
                        payload={"email_id": number},
                        created_at=system_clock(),
                        available_at=system_clock(),
                    )
                )
                wake(session, OUTBOX)
            committed[event_id] = time.perf_counter()
            await asyncio.sleep(0.01)
        while not committed.keys() <= producer.acknowledged.keys():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        return [producer.acknowledged[event_id] - at for event_id, at in committed.items()]


async def main(database_url: str, bootstrap_servers: str, events: int, rounds: int) -> None:
    config = bench_settings(database_url, kafka_bootstrap_servers=bootstrap_servers)
    engine = create_engine(config, application_name="bench")
    notifier = Notifier(config.get_database_url())
    sessions = create_session_factory(engine, notifier)
    notifying = asyncio.create_task(notifier.run())
    ratios: list[float] = []
    for number in range(rounds):
        await fill(sessions, f"bench-{number}", events)
        bare_seconds = await bare(config, sessions, f"bench-{number}")
        relay_seconds = await publish(config, sessions, f"bench-{number}")
        ratios.append(bare_seconds / relay_seconds)
        print(
            f"round {number + 1}: bare aiokafka {events / bare_seconds:,.0f} events/s,"
            f" relay {events / relay_seconds:,.0f} events/s, ratio {ratios[-1]:.2f}"
        )
    report("relay beside bare aiokafka", median(ratios), at_least=0.8)
    await fill(sessions, "bench-latency", 0)
    single = await latencies(config, sessions, "bench-latency")
    half, most = (quantiles(single, n=100, method="inclusive")[number - 1] * 1e3 for number in (50, 99))
    report("commit to the broker's acknowledgement, p50", half, at_most=50, unit=" ms")
    report("commit to the broker's acknowledgement, p99", most, at_most=200, unit=" ms")
    notifying.cancel()
    await engine.dispose()


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    chosen = read_arguments(__doc__, "real", events=(20_000, 1_000), rounds=(3, 1))
    with migrated_database() as url, broker(real=chosen.real) as bootstrap:
        uvloop.run(main(url, bootstrap, chosen.events, chosen.rounds))
