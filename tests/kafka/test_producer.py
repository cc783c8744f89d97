import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from shared.config import Settings
from shared.config.settings import ConfigurationError
from shared.kafka import robust_producer
from shared.kafka.consumer import EventConsumer, ReceivedEvent
from shared.kafka.robust_producer import EventNotSent, EventRefused, OutgoingEvent, RobustKafkaProducer
from shared.kafka.schemas import EventEnvelope
from tests.kafka.conftest import Broker

pytestmark = pytest.mark.kafka

NOW = datetime(2026, 10, 14, 8, 42, tzinfo=UTC)
OUT_OF_ORDER_SEQUENCE_NUMBER = 45
INVALID_PRODUCER_EPOCH = 47
MESSAGE_TOO_LARGE = 10


def event(number: int = 1, **payload: object) -> EventEnvelope:
    return EventEnvelope(
        event_id=uuid4(),
        event_type="test.counted",
        timestamp=NOW,
        producer="matching-service",
        payload={"number": number, **payload},
    )


def impatient(config: Settings) -> RobustKafkaProducer:
    return RobustKafkaProducer("matching-service", config=config, send_seconds=1, request_seconds=0.5)


async def read(config: Settings, topic: str, count: int, *, copies: int = 0) -> list[ReceivedEvent]:
    """Return what is in a topic, once `count` different events and `copies` records have arrived."""
    received: list[ReceivedEvent] = []
    async with asyncio.timeout(60), EventConsumer(topic, config=config, from_beginning=True) as consumer:
        while len({item.event.event_id for item in received}) < count or len(received) < copies:
            received += await consumer.receive(1)
    return received


def numbers(received: Sequence[ReceivedEvent]) -> list[int]:
    """Return the events' numbers, of every event its first copy."""
    first = {item.event.event_id: item.event.payload["number"] for item in reversed(received)}
    return list(reversed(first.values()))


async def send_until_acknowledged(
    producer: RobustKafkaProducer, topic: str, event: EventEnvelope, key: str
) -> list[EventNotSent]:
    failures: list[EventNotSent] = []
    while True:
        try:
            await producer.send(topic, event, key=key)
        except EventNotSent as failure:
            failures.append(failure)
        else:
            return failures


async def test_an_event_arrives_as_the_platforms_envelope_with_cloudevents_headers(
    kafka_only: Settings, direct: Settings, topic: str
):
    sent = event(bundle="Bündel 7")
    async with RobustKafkaProducer("matching-service", config=kafka_only) as producer:
        await producer.send(topic, sent, key="bundle:7")
    (received,) = await read(direct, topic, 1)
    assert received.event == sent
    assert received.key == "bundle:7"
    assert received.headers == {
        "ce_specversion": b"1.0",
        "ce_id": str(sent.event_id).encode(),
        "ce_type": b"test.counted",
        "ce_source": b"/matching-service",
        "ce_time": b"2026-10-14T08:42:00Z",
    }


async def test_a_producer_starts_without_a_broker_and_sends_once_there_is_one(
    kafka_only: Settings, direct: Settings, broker: Broker, topic: str
):
    await broker.network.gone()
    async with impatient(kafka_only) as producer:
        with pytest.raises(EventNotSent, match="no connection"):
            await producer.send(topic, event(), key="a")
        assert not producer.connected
        await broker.network.back()
        await send_until_acknowledged(producer, topic, event(2), "a")
    assert numbers(await read(direct, topic, 1)) == [2]


async def test_a_broker_killed_mid_stream_and_back_on_its_address_costs_no_event_and_no_order(
    kafka_only: Settings, direct: Settings, broker: Broker, topic: str
):
    events = [event(number) for number in range(60)]
    failed = asyncio.Event()

    async def outage() -> None:
        await broker.crash()
        await failed.wait()
        await broker.recover()

    async with impatient(kafka_only) as producer, asyncio.TaskGroup() as tasks:
        for number, item in enumerate(events):
            if number == 20:
                tasks.create_task(outage())
                await asyncio.sleep(0)
            while True:
                try:
                    await producer.send(topic, item, key="one key")
                    break
                except EventNotSent:
                    failed.set()
    assert failed.is_set()
    assert numbers(await read(direct, topic, 60)) == list(range(60))


async def test_a_broker_that_stalls_makes_send_fail_and_later_work_again(
    kafka_only: Settings, direct: Settings, broker: Broker, topic: str
):
    first, second = event(1), event(2)
    async with impatient(kafka_only) as producer:
        assert await producer.wait_connected(30)
        broker.network.stall()
        with pytest.raises(EventNotSent):
            await producer.send(topic, first, key="a")
        broker.network.flow()
        await send_until_acknowledged(producer, topic, first, "a")
        await send_until_acknowledged(producer, topic, second, "a")
    assert numbers(await read(direct, topic, 2)) == [1, 2]


@pytest.mark.parametrize("fault", ["stalled", "gone"])
async def test_closing_is_bounded_whatever_the_broker_does(
    kafka_only: Settings, broker: Broker, topic: str, fault: str
):
    producer = RobustKafkaProducer("matching-service", config=kafka_only, close_seconds=1)
    await producer.start()
    assert await producer.wait_connected(30)
    if fault == "stalled":
        broker.network.stall()
    else:
        await broker.network.gone()
    sending = asyncio.create_task(producer.send(topic, event(), key="a"))
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await producer.close()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending


@pytest.mark.parametrize("fatal", [OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_PRODUCER_EPOCH])
async def test_a_fatal_producer_error_costs_one_attempt_and_a_new_producer(
    kafka_only: Settings, direct: Settings, broker: Broker, topic: str, fatal: int
):
    first, second = event(1), event(2)
    async with RobustKafkaProducer("matching-service", config=kafka_only) as producer:
        await producer.send(topic, event(0), key="a")
        broker.network.answer_produce_with(fatal)
        with pytest.raises(EventNotSent) as failure:
            await producer.send(topic, first, key="a")
        assert not isinstance(failure.value, EventRefused)
        await producer.send(topic, first, key="a")
        await producer.send(topic, second, key="a")
    received = await read(direct, topic, 3)
    assert numbers(received) == [0, 1, 2]
    assert [item.event for item in received].count(first) == 2


async def test_what_a_broker_refuses_in_company_is_sent_again_alone(
    kafka_only: Settings, direct: Settings, broker: Broker, topic: str
):
    async with RobustKafkaProducer("matching-service", config=kafka_only) as producer:
        await producer.send(topic, event(0), key="a")
        broker.network.answer_produce_with(MESSAGE_TOO_LARGE)
        answers = await producer.send_many([OutgoingEvent(topic, "a", event(n)) for n in (1, 2, 3)])
    assert answers == [None, None, None]
    received = await read(direct, topic, 4, copies=7)
    assert [item.event.payload["number"] for item in received] == [0, 1, 2, 3, 1, 2, 3]


async def test_events_that_cant_be_sent_are_refused_and_take_no_others_down(
    kafka_only: Settings, direct: Settings, topic: str
):
    async with RobustKafkaProducer("matching-service", config=kafka_only) as producer:
        answers = await producer.send_many(
            [
                OutgoingEvent(topic, "a", event(1)),
                OutgoingEvent(topic, "b", event(2, too_much="x" * 2_000_000)),
                OutgoingEvent(topic, "c", event(3, no_json=object())),
                OutgoingEvent(topic, "d", event(4)),
            ]
        )
        assert [type(answer) for answer in answers] == [type(None), EventRefused, EventRefused, type(None)]
        await producer.send(topic, event(5), key="a")
    assert set(numbers(await read(direct, topic, 3))) == {1, 4, 5}


async def test_a_producer_without_a_broker_in_its_settings_does_not_start(kafka_only: Settings):
    producer = RobustKafkaProducer(
        "matching-service", config=kafka_only.model_copy(update={"kafka_bootstrap_servers": ""})
    )
    with pytest.raises(ConfigurationError, match="KAFKA_BOOTSTRAP_SERVERS"):
        await producer.start()


async def test_a_defect_that_ends_the_connecting_is_raised_and_a_new_start_begins_anew(
    kafka_only: Settings, direct: Settings, topic: str, monkeypatch: pytest.MonkeyPatch
):
    def defective(**_: object) -> None:
        raise ZeroDivisionError

    async with asyncio.timeout(60), RobustKafkaProducer("matching-service", config=kafka_only) as producer:
        with monkeypatch.context() as patched:
            patched.setattr(robust_producer, "AIOKafkaProducer", defective)
            waiting = asyncio.create_task(producer.wait_connected(600))
            for ask in (lambda: waiting, lambda: producer.send(topic, event(0), key="a")):
                with pytest.raises(ZeroDivisionError):
                    await ask()
        await producer.start()
        await producer.send(topic, event(1), key="a")
    assert numbers(await read(direct, topic, 1)) == [1]


async def test_a_setting_that_only_the_client_finds_wrong_is_not_tried_for_ever(kafka_only: Settings):
    config = kafka_only.model_copy(update={"kafka_bootstrap_servers": "kafka:abc"})
    async with asyncio.timeout(60), RobustKafkaProducer("matching-service", config=config) as producer:
        with pytest.raises(ValueError, match="abc"):
            await producer.wait_connected(600)
