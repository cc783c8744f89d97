"""Publishes the outbox: one relay at a time across all processes, in order per key, at least once.

An event goes out only when every earlier one of its key is published or set aside, and of each key one is
under way at a time. So the order of first copies holds whatever fails, even while a relay that lost its lock
is still sending; copies after the first carry the same `eventId`.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NoReturn

import structlog

from services import measures
from services.events.due import DueEvent, due_events, mark_published, note_refusal, prune_published
from services.hints import OUTBOX
from services.origins import Origin
from shared import tracing
from shared.clock import Clock
from shared.config import Settings
from shared.database_errors import UNREACHABLE
from shared.direct_connection import LOOKUPS_BY_INDEX
from shared.heartbeat import TURN_SECONDS, turned
from shared.kafka.robust_producer import EventNotSent, EventRefused, OutgoingEvent, RobustKafkaProducer
from shared.notifications import Listener, Subscription
from shared.outage import Outage
from shared.postgresql import LOCK_SECONDS, Connection, connect, leave

RELAY_LOCK = 0x63616C6C6465736B
BATCH = 500
STANDBY_SECONDS = 1
PRUNE_EVERY = timedelta(minutes=10)

FREE_THE_LOCK_OF_A_DEAD_HOLDER = {
    "idle_session_timeout": "30s",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "10s",
}
SESSION = LOOKUPS_BY_INDEX | FREE_THE_LOCK_OF_A_DEAD_HOLDER | {"lock_timeout": f"{LOCK_SECONDS}s"}

Batch = Sequence[DueEvent]

log = structlog.get_logger(__name__)


class EventRelay:
    """Moves events from the outbox to Kafka.

    Args:
        config: where the database is; `KAFKA_BOOTSTRAP_SERVERS` empty means that events wait.
        clock: the current instant.
        listener: hints that events were written; without hints the relay polls.
        producer: started here, closed by its owner.
        identity: this process's name in `pg_stat_activity`.
        batch_size: how many events are sent together at most.
    """

    def __init__(
        self,
        *,
        config: Settings,
        clock: Clock,
        listener: Listener,
        producer: RobustKafkaProducer,
        identity: str,
        batch_size: int = BATCH,
    ) -> None:
        self._config = config
        self._clock = clock
        self._listener = listener
        self._producer = producer
        self._name = f"calldesk-relay {identity}"
        self._batch_size = batch_size
        self._prune_at: datetime | None = None
        self._outage = Outage("relay_lost_database")

    async def run(self) -> NoReturn:
        """Publish until cancelled; lost connections of either side only delay it."""
        if not self._config.kafka_bootstrap_servers:
            log.info("relay_idle", reason="KAFKA_BOOTSTRAP_SERVERS is empty, events wait in the outbox")
            turned(within=None)
            await asyncio.Event().wait()
        await self._producer.start()
        hints = self._listener.subscribe(OUTBOX)
        try:
            while True:
                turned()
                try:
                    await self._take_turn(hints)
                except UNREACHABLE as error:
                    self._outage.note(error)
                await asyncio.sleep(STANDBY_SECONDS)
        finally:
            self._listener.unsubscribe(hints)

    async def _take_turn(self, hints: Subscription) -> None:
        """Be the active relay once there is no other; the lock ends with the connection all runs on."""
        url = self._config.get_direct_url()
        connection = await connect(url, application_name=self._name, settings=SESSION)
        try:
            while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", RELAY_LOCK):
                self._outage.over()
                turned()
                await asyncio.sleep(STANDBY_SECONDS)
            self._outage.over()
            log.info("relay_active")
            while True:
                await self._step(connection, hints)
        finally:
            await leave(connection)

    async def _step(self, connection: Connection, hints: Subscription) -> None:
        poll = self._config.worker_poll_seconds
        turned(within=2 * poll + TURN_SECONDS)
        if not await self._producer.wait_connected(poll):
            await connection.execute("SELECT 1")
            return
        batch = await self._due(connection, ())
        if not batch:
            await self._prune(connection)
            await hints.next(poll)
        elif not await self._publish(connection, batch):
            await asyncio.sleep(poll)

    async def _due(self, connection: Connection, under_way: Batch) -> Batch:
        return await due_events(
            connection, self._clock(), self._batch_size, under_way=[event.id for event in under_way]
        )

    async def _publish(self, connection: Connection, batch: Batch) -> bool:
        """Publish a batch and those after it, the next being fetched and sent while one is marked.

        Returns:
            Whether the cluster could be spoken to.
        """
        sending = self._send(batch)
        try:
            while True:
                turned()
                following = await self._due(connection, batch)
                answers = await sending
                reachable = not any(answer and not isinstance(answer, EventRefused) for answer in answers)
                if following and reachable:
                    sending = self._send(following)
                await self._note(connection, batch, answers)
                if not following or not reachable:
                    return reachable
                batch = following
        finally:
            sending.cancel()

    def _send(self, batch: Batch) -> asyncio.Task[list[EventNotSent | None]]:
        return asyncio.create_task(self._producer.send_many([self._outgoing(event) for event in batch]))

    async def _note(self, connection: Connection, batch: Batch, answers: list[EventNotSent | None]) -> None:
        now = self._clock()
        answered = list(zip(batch, answers, strict=True))
        published = [event for event, answer in answered if answer is None]
        await mark_published(connection, [event.id for event in published], now)
        measures.events_published.inc(len(published))
        for event in published:
            measures.outbox_lag_seconds.observe((now - event.available_at).total_seconds())
            _trace(event, now)
        for event, answer in answered:
            if isinstance(answer, EventRefused):
                await self._refuse(connection, event, str(answer), now)
        missing = [answer for answer in answers if answer and not isinstance(answer, EventRefused)]
        if missing:
            log.warning("events_not_published", count=len(missing), error=str(missing[0]))

    def _outgoing(self, event: DueEvent) -> OutgoingEvent:
        envelope = self._producer.new_event(
            event.event_type, event.payload, timestamp=event.created_at, event_id=event.event_id
        )
        origin = Origin(event.anfrage_id, event.traceparent)
        return OutgoingEvent(event.topic, event.key, envelope, origin.extensions)

    async def _refuse(self, connection: Connection, event: DueEvent, reason: str, now: datetime) -> None:
        measures.events_refused.inc()
        set_aside = await note_refusal(
            connection, event, reason, now=now, max_attempts=self._config.outbox_max_attempts
        )
        log.error(
            "event_set_aside" if set_aside else "event_refused",
            id=event.id,
            event_id=str(event.event_id),
            request_id=event.anfrage_id,
            error=reason,
        )

    async def _prune(self, connection: Connection) -> None:
        now = self._clock()
        if self._prune_at is not None and now < self._prune_at:
            return
        more = await prune_published(connection, now - timedelta(days=self._config.outbox_retention_days))
        self._prune_at = now if more else now + PRUNE_EVERY


def _trace(event: DueEvent, published_at: datetime) -> None:
    if not tracing.is_on():
        return
    tracing.record(
        f"publish {event.event_type}",
        tracing.Kind.PRODUCER,
        event.traceparent,
        since=event.available_at,
        until=published_at,
        attributes={
            "messaging.system": "kafka",
            "messaging.destination.name": event.topic,
            "messaging.message.id": str(event.event_id),
            "messaging.kafka.message.key": event.key,
            "request.id": event.anfrage_id,
        },
    )
