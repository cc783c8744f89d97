"""One round of records over one aiokafka producer, and its disposal; all of it bounded."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    CorruptRecordException,
    InvalidTimestampError,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    UnknownError,
    UnsupportedForMessageFormatError,
)

from shared.kafka.connection import CLUSTER_UNREACHABLE
from shared.reasons import reason_of

REFUSALS = (
    CorruptRecordException,
    InvalidTimestampError,
    InvalidTopicError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    UnknownError,  # among others a broker's "invalid record", a code aiokafka has no name for
    UnsupportedForMessageFormatError,
)
TOO_LATE = "not acknowledged in time"

log = structlog.get_logger(__name__)


class EventNotSent(Exception):
    """The cluster did not acknowledge the event in time; it may still have arrived. Send it again."""


class EventRefused(EventNotSent):
    """This event can't be sent as it is, however often it is tried; others can."""


@dataclass(frozen=True, slots=True)
class Record:
    """An event as Kafka carries it."""

    topic: str
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


_Pending = asyncio.Future[object] | EventNotSent


async def deliver(
    producer: AIOKafkaProducer, records: Sequence[Record], deadline: float
) -> list[EventNotSent | None]:
    """Send records together and answer per record, by `deadline` on the loop's clock."""
    pending: list[_Pending] = []
    with suppress(TimeoutError):
        async with asyncio.timeout_at(deadline):
            for record in records:
                pending.append(await _enqueue(producer, record))
    answers = await _acknowledged(pending, deadline)
    return answers + [EventNotSent(TOO_LATE) for _ in records[len(pending) :]]


async def _enqueue(producer: AIOKafkaProducer, record: Record) -> _Pending:
    """Return the future acknowledgement, or why there will be none."""
    try:
        return await producer.send(record.topic, record.value, key=record.key, headers=record.headers)
    except (KafkaError, OSError) as error:
        return _failure(error)


async def _acknowledged(pending: Sequence[_Pending], deadline: float) -> list[EventNotSent | None]:
    futures = [item for item in pending if isinstance(item, asyncio.Future)]
    if futures:
        await asyncio.wait(futures, timeout=max(0, deadline - asyncio.get_running_loop().time()))
    return [_answer(item) if isinstance(item, asyncio.Future) else item for item in pending]


def _answer(future: asyncio.Future[object]) -> EventNotSent | None:
    if not future.done():
        future.cancel()
        return EventNotSent(TOO_LATE)
    error = future.exception()
    return _failure(error) if error else None


def _failure(error: BaseException) -> EventNotSent:
    kind = EventRefused if isinstance(error, REFUSALS) else EventNotSent
    return kind(f"{type(error).__name__}: {error}")


async def dispose(producer: AIOKafkaProducer, seconds: float) -> None:
    """Throw a producer away without sending another byte; its `stop` would try to flush and may hang.

    The sender task is cancelled until it ends: at the first cancellation it waits for requests under way.
    """
    producer._closed = True  # pyright: ignore[reportPrivateUsage]
    sender: asyncio.Task[None] | None = producer._sender.sender_task  # pyright: ignore[reportPrivateUsage]
    try:
        async with asyncio.timeout(seconds):
            while sender is not None and not sender.done():
                sender.cancel()
                await asyncio.wait([sender], timeout=0.05)
            await producer.client.close()
    except CLUSTER_UNREACHABLE as error:
        log.warning("kafka_not_closed", reason=reason_of(error))
