"""A Kafka producer that outlives its brokers.

aiokafka's own producer hangs in `send_and_wait` and `stop` while the cluster is gone, keeps batches of an
idempotent producer for ever, is of no use after a fatal error, and leaves a gap in the sequence numbers when
the broker refuses a batch. So here every await has a deadline, and a producer that failed in any way is
thrown away and replaced.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
import asyncio
import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any, Self
from uuid import UUID, uuid4

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from shared.config import Settings, get_config
from shared.kafka.batches import BATCH_BYTES, Record
from shared.kafka.connection import CLUSTER_UNREACHABLE, RECONNECT, broker_count, cause_of, client_options
from shared.kafka.delivery import EventNotSent, EventRefused, deliver, dispose
from shared.kafka.schemas import EventEnvelope, cloudevents_headers, encode
from shared.outage import Outage

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class OutgoingEvent:
    """An event and where it goes; events of one key keep their order.

    `extensions` are CloudEvents attributes that go with it, such as `traceparent`.
    """

    topic: str
    key: str
    event: EventEnvelope
    extensions: Mapping[str, str] | None = None


class RobustKafkaProducer:
    """Sends events with `acks=all`, idempotently, and reconnects for ever.

    Starts without a broker and without waiting for one::

        async with RobustKafkaProducer(service_name="matching-service") as producer:
            event = producer.new_event("matching.bundle_created", {"bundle_id": 7}, timestamp=clock())
            await producer.send("matching-events", event, key="bundle:7")

    A send that failed may have arrived all the same: send the same event again, with its `event_id`, before
    a later one of its key.

    Args:
        service_name: the platform's name of the sending service, in every envelope and as Kafka client id.
        config: which cluster; `get_config()` when left out.
        send_seconds: bound of one `send` or `send_many`, waiting for a connection included.
        request_seconds: bound of one request to a broker.
        close_seconds: bound of `close`.
    """

    def __init__(
        self,
        service_name: str,
        *,
        config: Settings | None = None,
        send_seconds: float = 20,
        request_seconds: float = 10,
        close_seconds: float = 5,
    ) -> None:
        self._service_name = service_name
        self._config = config or get_config()
        self._send_seconds = send_seconds
        self._request_seconds = request_seconds
        self._close_seconds = close_seconds
        self._producer: AIOKafkaProducer | None = None
        self._connected = asyncio.Event()
        self._broken = asyncio.Event()
        self._outage = Outage("kafka_unreachable", client=service_name)
        self._keeper: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """Whether the last thing heard from the cluster was good."""
        return self._connected.is_set()

    async def start(self) -> None:
        """Begin to connect, in the background; twice is harmless, and after a defect it begins anew.

        Raises:
            ConfigurationError: the settings name no broker or can't work.
        """
        client_options(self._config)
        if self._keeper is None or self._keeper.done():
            self._keeper = asyncio.create_task(self._keep_connected())

    async def wait_connected(self, seconds: float) -> bool:
        """Return whether there is a connection, waiting at most `seconds` for one.

        Raises:
            Exception: the defect that ended the connecting; none is looked for until `start` is called again.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._connection_or_defect()
        return self.connected

    async def send(self, topic: str, event: EventEnvelope, key: str) -> None:
        """Send one event and wait until all in-sync replicas have it.

        Raises:
            EventNotSent: not acknowledged within `send_seconds`.
            EventRefused: the event itself is the problem.
            Exception: as `wait_connected`.
        """
        (failure,) = await self.send_many([OutgoingEvent(topic, key, event)])
        if failure is not None:
            raise failure

    async def send_many(self, outgoing: Sequence[OutgoingEvent]) -> list[EventNotSent | None]:
        """Send events together; answers per event, in order: None when acknowledged, else why not.

        One bad event does not take others down with it: what a broker refuses in company is sent again
        alone. When one event fails, later ones of its key may have arrived all the same: where order
        matters, put one event per key into a call.
        """
        deadline = asyncio.get_running_loop().time() + self._send_seconds
        answers: list[EventNotSent | None] = [None] * len(outgoing)
        records: dict[int, Record] = {}
        for index, event in enumerate(outgoing):
            try:
                records[index] = _encode(event)
            except (TypeError, ValueError, OverflowError) as error:
                answers[index] = EventRefused(f"can't be written as JSON: {error}")
        sent = await self._deliver(list(records.values()), deadline)
        for index, answer in zip(records, sent, strict=True):
            if isinstance(answer, EventRefused) and len(records) > 1:
                (answer,) = await self._deliver([records[index]], deadline)
            answers[index] = answer
        return answers

    def new_event(
        self,
        event_type: str,
        payload: dict[str, Any],
        *,
        timestamp: datetime,
        event_id: UUID | None = None,
    ) -> EventEnvelope:
        """Return an envelope in this service's name, with a new id unless one is given."""
        return EventEnvelope(
            event_id=event_id or uuid4(),
            event_type=event_type,
            timestamp=timestamp,
            producer=self._service_name,
            payload=payload,
        )

    async def close(self) -> None:
        """Stop within `close_seconds`; what is not acknowledged by then may or may not arrive."""
        keeper, self._keeper = self._keeper, None
        if keeper is None:
            return
        if self._producer is not None:
            with suppress(TimeoutError, KafkaError):
                async with asyncio.timeout(self._close_seconds / 2):
                    await self._producer.flush()
        keeper.cancel()
        await asyncio.wait([keeper], timeout=self._close_seconds / 2)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    async def _deliver(self, records: Sequence[Record], deadline: float) -> list[EventNotSent | None]:
        """Hand records to one producer and wait for its answers; replace it unless all are good."""
        try:
            async with asyncio.timeout_at(deadline):
                producer = await self._current()
        except TimeoutError:
            return [EventNotSent("no connection to the cluster") for _ in records]
        answers = await deliver(producer, records, deadline)
        if any(answers) and producer is self._producer:
            self._broken.set()
        return answers

    async def _current(self) -> AIOKafkaProducer:
        while self._keeper is None or self._producer is None or self._broken.is_set():
            self._connected.clear()
            await self._connection_or_defect()
        return self._producer

    async def _connection_or_defect(self) -> None:
        """Wait for a connection, or raise what ended the keeper; just return when the producer is closed."""
        keeper = self._keeper
        if keeper is None:
            raise RuntimeError("start the producer first")
        connected = asyncio.ensure_future(self._connected.wait())
        try:
            await asyncio.wait((connected, keeper), return_when=asyncio.FIRST_COMPLETED)
        finally:
            connected.cancel()
        if keeper.done() and not keeper.cancelled():
            keeper.result()

    async def _keep_connected(self) -> None:
        while True:
            producer = await self._connect()
            try:
                self._broken.clear()
                self._producer = producer
                self._connected.set()
                await self._broken.wait()
            finally:
                self._connected.clear()
                self._producer = None
                await dispose(producer, self._close_seconds / 4)

    async def _connect(self) -> AIOKafkaProducer:
        for failures in count(1):
            producer = AIOKafkaProducer(
                client_id=self._service_name,
                acks="all",
                enable_idempotence=True,
                max_batch_size=BATCH_BYTES,
                request_timeout_ms=int(self._request_seconds * 1000),
                **client_options(self._config),
            )
            try:
                async with asyncio.timeout(2 * self._request_seconds * (broker_count(self._config) + 1)):
                    await producer.start()
            except CLUSTER_UNREACHABLE as error:
                await dispose(producer, self._close_seconds / 4)
                if self._outage.is_news:
                    self._outage.note(await cause_of(error, self._config))
                await asyncio.sleep(RECONNECT.seconds(failures, random.random()))  # noqa: S311
            except BaseException:
                await dispose(producer, self._close_seconds / 4)
                raise
            else:
                self._outage.over()
                log.info("kafka_connected", client=self._service_name)
                return producer
        raise AssertionError("the back-off never ends")


def _encode(outgoing: OutgoingEvent) -> Record:
    return Record(
        outgoing.topic,
        outgoing.key.encode(),
        encode(outgoing.event),
        cloudevents_headers(outgoing.event, outgoing.extensions),
    )
