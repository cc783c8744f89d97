"""Reads events, the counterpart of `RobustKafkaProducer`: every await bounded, reconnects for ever."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.config import Settings, get_config
from shared.kafka.connection import CLUSTER_UNREACHABLE, RECONNECT, broker_count, cause_of, client_options
from shared.kafka.schemas import EventEnvelope, UnreadableEvent, decode
from shared.outage import Outage
from shared.reasons import reason_of

REQUEST_SECONDS = 10
CLOSE_SECONDS = 5
BATCH = 500

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """An event as it was read."""

    event: EventEnvelope
    key: str
    topic: str
    partition: int
    offset: int
    headers: dict[str, bytes]


class EventConsumer:
    """Reads the events of some topics.

    With a `group_id`, events are shared out among the group's members, and what was handed out counts as
    handled when more is asked for: at least once. Without one, every consumer sees every event. Records that
    are no envelope are logged, counted in `unreadable` and passed over. Events come at least once: drop an
    `event_id` that was handled before::

        async with EventConsumer("communication-events", group_id="matching-service") as events:
            async for received in events:
                await handle(received.event)

    Args:
        topics: what to read.
        config: which cluster; `get_config()` when left out.
        group_id: of the consumer group, usually the service's name.
        from_beginning: where to start without a committed offset: at the oldest record, else at the newest.
        request_seconds: bound of one request to a broker.
    """

    def __init__(
        self,
        *topics: str,
        config: Settings | None = None,
        group_id: str | None = None,
        from_beginning: bool = False,
        request_seconds: float = REQUEST_SECONDS,
    ) -> None:
        self._topics = topics
        self._config = config or get_config()
        self._group_id = group_id
        self._reset = "earliest" if from_beginning else "latest"
        self._request_seconds = request_seconds
        self._consumer: AIOKafkaConsumer | None = None
        self._next: dict[TopicPartition, int] = {}
        self._failures = 0
        self._outage = Outage("events_not_read")
        self.unreadable = 0

    async def __aenter__(self) -> Self:
        client_options(self._config)
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    async def __aiter__(self) -> AsyncGenerator[ReceivedEvent]:
        """Yield events until the consumer of this iterator stops."""
        while True:
            for received in await self.receive(self._request_seconds):
                yield received

    async def receive(self, seconds: float) -> list[ReceivedEvent]:
        """Return what arrives within about `seconds`; nothing when there is nothing or no broker."""
        try:
            async with asyncio.timeout(seconds + self._request_seconds):
                consumer = await self._connected()
                await self._commit(consumer)
                batches = await consumer.getmany(timeout_ms=int(seconds * 1000), max_records=BATCH)
        except CLUSTER_UNREACHABLE as error:
            self._failures += 1
            await self._drop()
            if self._outage.is_news:
                self._outage.note(await cause_of(error, self._config))
            await asyncio.sleep(RECONNECT.seconds(self._failures, random.random()))  # noqa: S311
            return []
        self._outage.over()
        self._failures = 0
        received: list[ReceivedEvent] = []
        for partition, records in batches.items():
            for record in records:
                self._next[partition] = record.offset + 1
                event = self._read(record)
                if event is not None:
                    received.append(event)
        return received

    async def close(self) -> None:
        """Leave in bounded time; a group reads the last batch handed out again."""
        await self._drop()

    async def _connected(self) -> AIOKafkaConsumer:
        if self._consumer is not None:
            return self._consumer
        self._consumer = consumer = AIOKafkaConsumer(
            *self._topics,
            group_id=self._group_id,
            enable_auto_commit=False,
            auto_offset_reset=self._reset,
            request_timeout_ms=int(self._request_seconds * 1000),
            **client_options(self._config),
        )
        async with asyncio.timeout(2 * self._request_seconds * (broker_count(self._config) + 1)):
            await consumer.start()
            if self._group_id is None:
                await self._take_up(consumer)
        return consumer

    async def _take_up(self, consumer: AIOKafkaConsumer) -> None:
        """Go on where the last connection was; without a group nobody else remembers it."""
        for partition in consumer.assignment():
            if partition in self._next:
                consumer.seek(partition, self._next[partition])
            else:
                self._next[partition] = await consumer.position(partition)

    async def _commit(self, consumer: AIOKafkaConsumer) -> None:
        if self._group_id is not None and self._next:
            held = consumer.assignment()
            done = {partition: offset for partition, offset in self._next.items() if partition in held}
            self._next.clear()
            if done:
                await consumer.commit(done)

    def _read(self, record: Any) -> ReceivedEvent | None:
        try:
            event = decode(record.value)
        except UnreadableEvent as error:
            self.unreadable += 1
            log.warning(
                "event_unreadable",
                topic=record.topic,
                partition=record.partition,
                offset=record.offset,
                error=str(error),
            )
            return None
        return ReceivedEvent(
            event=event,
            key=(record.key or b"").decode(errors="replace"),
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            headers=dict(record.headers),
        )

    async def _drop(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is None:
            return
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await consumer.stop()
        except CLUSTER_UNREACHABLE as error:
            log.warning("kafka_not_closed", reason=reason_of(error))
            with suppress(*CLUSTER_UNREACHABLE):
                async with asyncio.timeout(1):
                    await consumer._client.close()  # pyright: ignore[reportPrivateUsage]
