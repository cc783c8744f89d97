"""Records of one topic packed into as few batches as hold them: a batch is acknowledged as one."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.producer.message_accumulator import BatchBuilder

BATCH_BYTES = 131_072
"""The most a batch holds, unless a single record is larger; brokers take a megabyte unless told otherwise."""

_partition_of = DefaultPartitioner()


class Record(NamedTuple):
    """An event as Kafka carries it."""

    topic: str
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


class Batch(NamedTuple):
    """Records for one partition, each by its number, in their order."""

    partition: int
    builder: BatchBuilder
    numbers: list[int]


def packed(
    producer: AIOKafkaProducer, partitions: Sequence[int], numbered: Iterable[tuple[int, Record]]
) -> list[Batch]:
    """Return batches to be sent in this order; a record's partition is the one aiokafka would choose.

    Args:
        producer: makes the batches and has `BATCH_BYTES` as their size.
        partitions: all of the topic, in their order.
        numbered: records with numbers to know them by.
    """
    batches: list[Batch] = []
    open_batches: dict[int, Batch] = {}
    for number, record in numbered:
        partition: int = _partition_of(record.key, partitions, partitions)
        batch = open_batches.get(partition)
        if batch is None or not _added(batch, number, record):
            batch = open_batches[partition] = Batch(partition, producer.create_batch(), [])
            batches.append(batch)
            _added(batch, number, record)
    for batch in batches:
        batch.builder.close()
    return batches


def _added(batch: Batch, number: int, record: Record) -> bool:
    """Say whether there was room; for the first record there always is."""
    room = batch.builder.append(timestamp=None, key=record.key, value=record.value, headers=record.headers)
    if room is not None:
        batch.numbers.append(number)
    return room is not None
