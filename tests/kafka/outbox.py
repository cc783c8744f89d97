"""Events in the outbox as relay tests need them, and what came out at the other end."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from uuid import UUID, uuid4

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.events.relay import EventRelay
from services.models import OutboxEvent
from shared.clock import Clock
from shared.config import Settings
from shared.kafka.consumer import EventConsumer, ReceivedEvent
from shared.kafka.robust_producer import RobustKafkaProducer
from shared.notifications import Listener
from tests.factories import NOW


def make_event(topic: str, key: str = "email:1", number: int = 1, **values: object) -> OutboxEvent:
    defaults: dict[str, object] = {
        "event_id": uuid4(),
        "event_type": "communication.email_sent",
        "topic": topic,
        "key": key,
        "payload": {"number": number},
        "created_at": NOW,
        "available_at": NOW,
    }
    return OutboxEvent(**(defaults | values))


async def add(session: AsyncSession, *events: OutboxEvent) -> None:
    async with session.begin():
        session.add_all(events)


async def waiting(session: AsyncSession) -> int:
    async with session.begin():
        count = await session.scalar(
            select(func.count()).where(OutboxEvent.published_at.is_(None), OutboxEvent.set_aside_at.is_(None))
        )
    return count or 0


@asynccontextmanager
async def running_relay(config: Settings, clock: Clock, **options: int) -> AsyncGenerator[EventRelay]:
    """Run a relay with everything of its own, as a process would."""
    listener = Listener(config.get_database_url())
    producer = RobustKafkaProducer(
        "communication-service", config=config, send_seconds=2, request_seconds=1, close_seconds=2
    )
    relay = EventRelay(
        config=config, clock=clock, listener=listener, producer=producer, identity="test", **options
    )
    tasks = [asyncio.create_task(listener.run()), asyncio.create_task(relay.run())]
    try:
        yield relay
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await producer.close()


async def collect(config: Settings, topic: str, count: int) -> list[ReceivedEvent]:
    """Return what is in a topic, once `count` different events have arrived."""
    received: list[ReceivedEvent] = []
    seen: set[UUID] = set()
    async with asyncio.timeout(100), EventConsumer(topic, config=config, from_beginning=True) as consumer:
        while len(seen) < count:
            arrived = await consumer.receive(0.5)
            received += arrived
            seen |= {item.event.event_id for item in arrived}
    return received


def first_copies(received: Sequence[ReceivedEvent]) -> dict[str, list[int]]:
    """Return the numbers of every key's events in the order in which each first arrived."""
    numbers: dict[str, list[int]] = defaultdict(list)
    seen: set[UUID] = set()
    for item in received:
        if item.event.event_id not in seen:
            seen.add(item.event.event_id)
            numbers[item.key].append(item.event.payload["number"])
    return dict(numbers)
