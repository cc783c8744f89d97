import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer

from shared.config import Settings
from shared.kafka.consumer import EventConsumer
from shared.kafka.robust_producer import OutgoingEvent, RobustKafkaProducer
from shared.kafka.schemas import EventEnvelope
from tests.kafka.conftest import Broker

pytestmark = pytest.mark.kafka


async def publish(config: Settings, topic: str, *numbers: int) -> None:
    async with RobustKafkaProducer("matching-service", config=config) as producer:
        answers = await producer.send_many(
            [
                OutgoingEvent(
                    topic,
                    "one key",
                    EventEnvelope(
                        event_id=uuid4(),
                        event_type="test.counted",
                        timestamp=datetime(2026, 10, 14, tzinfo=UTC),
                        producer="matching-service",
                        payload={"number": number},
                    ),
                )
                for number in numbers
            ]
        )
    assert not any(answers)


async def receive(consumer: EventConsumer, count: int) -> list[int]:
    received: list[int] = []
    async with asyncio.timeout(60):
        while len(received) < count:
            received += [item.event.payload["number"] for item in await consumer.receive(1)]
    return received


@pytest.mark.parametrize(
    "poison", [b"", b"no json", b"{}", b'{"eventId": "x"}', b"\xff\xfe", b"[1]", None], ids=repr
)
async def test_records_that_are_no_envelope_are_counted_and_passed_over(
    kafka_only: Settings, direct: Settings, topic: str, poison: bytes | None
):
    await publish(direct, topic, 1)
    async with AIOKafkaProducer(bootstrap_servers=direct.kafka_bootstrap_servers) as bare:
        await bare.send_and_wait(topic, poison, key=b"one key")
    await publish(direct, topic, 2)
    async with EventConsumer(topic, config=kafka_only, from_beginning=True) as consumer:
        assert await receive(consumer, 2) == [1, 2]
        assert consumer.unreadable == 1


async def test_a_group_goes_on_after_what_it_handled_and_reads_the_rest_again(direct: Settings, topic: str):
    await publish(direct, topic, 1, 2)
    async with EventConsumer(topic, config=direct, group_id=topic, from_beginning=True) as consumer:
        assert await receive(consumer, 2) == [1, 2]
        await publish(direct, topic, 3)
        async for received in consumer:
            assert received.event.payload["number"] == 3
            break
    async with EventConsumer(topic, config=direct, group_id=topic, from_beginning=True) as consumer:
        assert await receive(consumer, 1) == [3]


async def test_a_consumer_outlives_its_broker_and_goes_on_where_it_was(
    kafka_only: Settings, direct: Settings, broker: Broker, topic: str
):
    await publish(direct, topic, 1)
    async with EventConsumer(topic, config=kafka_only, request_seconds=1) as unread:
        assert await unread.receive(0.1) == []
        await publish(direct, topic, 2)
        assert await receive(unread, 1) == [2]
        await broker.network.gone()
        await publish(direct, topic, 3)
        assert await unread.receive(0.1) == []
        await broker.network.back()
        assert await receive(unread, 1) == [3]


async def test_a_consumer_answers_in_bounded_time_without_a_broker(kafka_only: Settings, broker: Broker):
    await broker.network.gone()
    async with EventConsumer("events", config=kafka_only, request_seconds=0.5) as consumer:
        assert await consumer.receive(0.1) == []
