import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from services.events.outbox import outbox_overview, retry_set_aside
from services.events.relay import EventRelay
from services.events.types import EventType
from services.models import Activity, OutboxEvent
from services.work import SYSTEM
from shared.backoff import Backoff
from shared.config import Settings
from shared.database import create_session_factory
from shared.kafka import robust_producer
from shared.kafka.robust_producer import RobustKafkaProducer
from shared.notifications import Listener, Notifier
from shared.supervision import keep_running
from tests.clock import FakeClock
from tests.eventually import eventually
from tests.factories import NOW, make_email
from tests.kafka.conftest import Broker
from tests.kafka.outbox import add, collect, first_copies, make_event, running_relay, waiting
from tests.work import tx_of, work_of

pytestmark = pytest.mark.kafka

EXTENSIONS = ("ce_requestid", "ce_traceparent")
TOO_LARGE = {"number": 0, "text": "x" * 2_000_000}


async def all_out(session: AsyncSession) -> bool:
    return await waiting(session) == 0


async def test_events_go_out_in_order_per_key_and_are_marked(
    session: AsyncSession, through_proxy: Settings, direct: Settings, clock: FakeClock, topic: str
):
    events = [make_event(topic, f"email:{number % 5}", number) for number in range(50)]
    await add(session, *events)
    async with running_relay(through_proxy, clock, batch_size=3):
        await eventually(lambda: all_out(session))
    received = await collect(direct, topic, 50)
    assert first_copies(received) == {f"email:{key}": list(range(key, 50, 5)) for key in range(5)}
    assert len(received) == 50
    by_id = {event.event_id: event for event in events}
    for item in received:
        assert item.event.producer == "communication-service"
        assert item.event.event_type == "communication.email_sent"
        assert item.event.timestamp == NOW
        assert item.event.payload == by_id[item.event.event_id].payload
    async with session.begin():
        assert set(await session.scalars(select(OutboxEvent.published_at))) == {clock()}


async def test_an_event_held_back_holds_back_later_ones_of_its_key_only(
    session: AsyncSession, through_proxy: Settings, direct: Settings, clock: FakeClock, topic: str
):
    await add(
        session,
        make_event(topic, "call:1", 1, available_at=NOW + timedelta(seconds=17)),
        make_event(topic, "call:1", 2),
        make_event(topic, "call:2", 3),
    )
    async with running_relay(through_proxy, clock):
        assert first_copies(await collect(direct, topic, 1)) == {"call:2": [3]}
        clock.advance(seconds=17)
        assert first_copies(await collect(direct, topic, 3)) == {"call:1": [1, 2], "call:2": [3]}


async def test_an_event_that_cant_be_sent_is_set_aside_and_others_go_on(
    session: AsyncSession, through_proxy: Settings, direct: Settings, clock: FakeClock, topic: str
):
    config = through_proxy.model_copy(update={"outbox_max_attempts": 3})
    poison = make_event(topic, "email:1", payload=TOO_LARGE)
    await add(session, poison, make_event(topic, "email:1", 2), make_event(topic, "email:2", 3))

    async def moved_on() -> bool:
        clock.advance(seconds=5)
        return await all_out(session)

    async with running_relay(config, clock):
        await eventually(moved_on)
        async with session.begin():
            overview = await outbox_overview(tx_of(session, now=clock()))
        assert (overview.waiting, overview.set_aside_count) == (0, 1)
        (shown,) = overview.set_aside
        await session.refresh(shown)
        assert (shown.id, shown.attempts) == (poison.id, 3)
        assert "MessageSizeTooLarge" in (shown.last_error or "")
        await session.rollback()

        async with session.begin():
            shown.payload = {"number": 1}
        assert (
            await retry_set_aside(work_of(session, now=clock(), actor=SYSTEM), [poison.id, poison.id + 1])
            == 1
        )
        await eventually(lambda: all_out(session))
    assert first_copies(await collect(direct, topic, 3)) == {"email:1": [2, 1], "email:2": [3]}
    async with session.begin():
        actions = await session.execute(select(Activity.action, Activity.object_id))
        assert actions.all() == [("event_retried", poison.id)]


async def test_an_outage_of_the_broker_burns_no_attempts_and_loses_nothing(
    session: AsyncSession,
    through_proxy: Settings,
    direct: Settings,
    broker: Broker,
    clock: FakeClock,
    topic: str,
):
    await add(session, make_event(topic, "email:0", 0))
    async with running_relay(through_proxy, clock):
        await eventually(lambda: all_out(session))
        broker.network.stall()
        await add(session, *(make_event(topic, f"email:{number % 7}", number) for number in range(1, 40)))
        await broker.crash()
        broker.network.flow()
        assert await waiting(session) == 39
        clock.advance(minutes=5)
        async with session.begin():
            overview = await outbox_overview(tx_of(session, now=clock()))
        assert (overview.waiting, overview.oldest_seconds) == (39, 300)
        await broker.recover()
        await eventually(lambda: all_out(session))
    received = first_copies(await collect(direct, topic, 40))
    assert received == {f"email:{key}": list(range(key, 40, 7)) for key in range(7)}
    async with session.begin():
        assert set(await session.scalars(select(OutboxEvent.attempts))) == {0}


async def test_without_a_broker_in_the_settings_events_wait(
    session: AsyncSession, config: Settings, through_proxy: Settings, clock: FakeClock, topic: str
):
    await add(session, make_event(topic))
    async with running_relay(config, clock), running_relay(through_proxy, clock):
        await eventually(lambda: all_out(session))
    async with session.begin():
        assert await session.scalar(select(OutboxEvent.published_at)) == clock()


async def test_a_hint_wakes_the_relay_long_before_it_polls(
    config: Settings,
    through_proxy: Settings,
    direct: Settings,
    engine: AsyncEngine,
    clock: FakeClock,
):
    patient = through_proxy.model_copy(update={"worker_poll_seconds": 3600})
    notifier = Notifier(config.get_database_url())
    async with create_session_factory(engine, notifier)() as session, running_relay(patient, clock):
        sending = asyncio.create_task(notifier.run())
        await eventually(lambda: is_active(session))
        for _ in range(2):
            async with session.begin():
                email = make_email()
                session.add(email)
                await session.flush()
                tx_of(session, now=clock()).report(EventType.EMAIL_CREATED, email)
            await eventually(lambda: all_out(session))
        sending.cancel()


async def is_active(session: AsyncSession) -> bool:
    async with session.begin():
        return bool(await session.scalar(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")))


async def test_one_relay_is_active_and_another_takes_over_when_its_database_connection_ends(
    session: AsyncSession, through_proxy: Settings, direct: Settings, clock: FakeClock, topic: str
):
    holder = text("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted")
    async with running_relay(through_proxy, clock), running_relay(through_proxy, clock):
        await eventually(lambda: is_active(session))
        for number in range(4):
            async with session.begin():
                holders = list(await session.scalars(holder))
                assert len(holders) == 1
                await session.execute(text(f"SELECT pg_terminate_backend({holders[0]})"))
            await add(session, make_event(topic, "email:1", number))
            await eventually(lambda: all_out(session))
    assert first_copies(await collect(direct, topic, 4)) == {"email:1": [0, 1, 2, 3]}


async def test_published_events_are_pruned_after_the_retention_and_no_others(
    session: AsyncSession, through_proxy: Settings, clock: FakeClock, topic: str
):
    days = through_proxy.outbox_retention_days
    old = [
        make_event(topic, number=number, published_at=clock() - timedelta(days=days, seconds=1))
        for number in range(1500)
    ]
    kept = [
        make_event(topic, number=1500, published_at=clock() - timedelta(days=days)),
        make_event(topic, number=1501, set_aside_at=clock() - timedelta(days=days + 1)),
        make_event(topic, number=1502, available_at=clock() + timedelta(days=1)),
    ]
    await add(session, *old, *kept)

    async def pruned() -> bool:
        async with session.begin():
            return set(await session.scalars(select(OutboxEvent.id))) == {event.id for event in kept}

    async with running_relay(through_proxy, clock):
        await eventually(pruned)


async def test_a_defect_of_the_producer_restarts_the_relay_which_then_publishes(
    session: AsyncSession,
    through_proxy: Settings,
    clock: FakeClock,
    topic: str,
    monkeypatch: pytest.MonkeyPatch,
):
    works, defects = robust_producer.AIOKafkaProducer, iter([ZeroDivisionError])

    def defective_once(**options: Any) -> object:
        for defect in defects:
            raise defect
        return works(**options)

    monkeypatch.setattr(robust_producer, "AIOKafkaProducer", defective_once)
    await add(session, make_event(topic))
    async with RobustKafkaProducer("communication-service", config=through_proxy) as producer:
        listener = Listener(through_proxy.get_database_url())
        relay = EventRelay(
            config=through_proxy, clock=clock, listener=listener, producer=producer, identity="test"
        )
        supervised = asyncio.create_task(keep_running("event_relay", relay, Backoff.of_seconds(0.01, 30)))
        await eventually(lambda: all_out(session))
        supervised.cancel()
        await asyncio.wait([supervised])


async def test_events_carry_the_request_and_the_trace_they_come_from(
    session: AsyncSession, through_proxy: Settings, direct: Settings, clock: FakeClock, topic: str
):
    trace = f"00-{'1' * 32}-{'2' * 16}-01"
    await add(
        session,
        make_event(topic, "email:1", anfrage_id="matching-17", traceparent=trace),
        make_event(topic, "email:2", anfrage_id="desk-18"),
        make_event(topic, "therapist:3"),
    )
    async with running_relay(through_proxy, clock):
        received = {item.key: item.headers for item in await collect(direct, topic, 3)}
    extensions = {
        key: {name: value.decode() for name, value in headers.items() if name in EXTENSIONS}
        for key, headers in received.items()
    }
    assert extensions == {
        "email:1": {"ce_requestid": "matching-17", "ce_traceparent": trace},
        "email:2": {"ce_requestid": "desk-18"},
        "therapist:3": {},
    }
