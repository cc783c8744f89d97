"""One round of records over one aiokafka producer, and its disposal; all of it bounded."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
import asyncio
from collections.abc import Sequence
from contextlib import suppress

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

from shared.kafka.batches import Record, packed
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
LARGEST_VALUE = 1_000_000
"""Of a record sent with others, in bytes; a larger one may be too large for a broker and is tried alone."""

TOO_LATE = "not acknowledged in time"

log = structlog.get_logger(__name__)


class EventNotSent(Exception):
    """The cluster did not acknowledge the event in time; it may still have arrived. Send it again."""


class EventRefused(EventNotSent):
    """This event can't be sent as it is, however often it is tried; others can."""


_Pending = asyncio.Future[object] | EventNotSent


async def deliver(
    producer: AIOKafkaProducer, records: Sequence[Record], deadline: float
) -> list[EventNotSent | None]:
    """Send records together and answer per record, by `deadline` on the loop's clock."""
    pending: list[_Pending] = [EventNotSent(TOO_LATE)] * len(records)
    with suppress(TimeoutError):
        async with asyncio.timeout_at(deadline):
            if len(records) == 1:
                pending[0] = await _enqueue(producer, records[0])
            else:
                await _enqueue_together(producer, records, pending)
    return await _acknowledged(pending, deadline)


async def _enqueue(producer: AIOKafkaProducer, record: Record) -> _Pending:
    """Return the future acknowledgement, or why there will be none."""
    try:
        return await producer.send(record.topic, record.value, key=record.key, headers=record.headers)
    except (KafkaError, OSError) as error:
        return _failure(error)


async def _enqueue_together(
    producer: AIOKafkaProducer, records: Sequence[Record], pending: list[_Pending]
) -> None:
    """Note for each record the future acknowledgement of its batch, or why there will be none."""
    numbers_of: dict[str, list[int]] = {}
    for number, record in enumerate(records):
        if len(record.value) > LARGEST_VALUE:
            pending[number] = _failure(MessageSizeTooLargeError(f"{len(record.value)} bytes"))
        else:
            numbers_of.setdefault(record.topic, []).append(number)
    for topic, numbers in numbers_of.items():
        try:
            partitions = sorted(await producer.partitions_for(topic))
            for batch in packed(producer, partitions, ((number, records[number]) for number in numbers)):
                acknowledged = await producer.send_batch(batch.builder, topic, partition=batch.partition)
                for number in batch.numbers:
                    pending[number] = acknowledged
        except (KafkaError, OSError) as error:
            for number in numbers:
                if isinstance(pending[number], EventNotSent):
                    pending[number] = _failure(error)


async def _acknowledged(pending: Sequence[_Pending], deadline: float) -> list[EventNotSent | None]:
    futures = {item for item in pending if isinstance(item, asyncio.Future)}
    answers: dict[asyncio.Future[object], EventNotSent | None] = {}
    if futures:
        rest = max(0, deadline - asyncio.get_running_loop().time())
        done, late = await asyncio.wait(futures, timeout=rest)
        answers = {future: _answer(future) for future in done}
        for future in late:
            future.cancel()
            answers[future] = EventNotSent(TOO_LATE)
    return [answers[item] if isinstance(item, asyncio.Future) else item for item in pending]


def _answer(future: asyncio.Future[object]) -> EventNotSent | None:
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
