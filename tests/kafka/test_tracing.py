"""What a collector is told of events."""

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from sqlalchemy.ext.asyncio import AsyncSession

from shared import tracing
from shared.config import Settings
from tests.clock import FakeClock
from tests.collector import PARENT, STORED, TRACE, known, running_collector
from tests.eventually import eventually
from tests.kafka.outbox import add, make_event, running_relay, waiting

pytestmark = pytest.mark.kafka


async def all_out(session: AsyncSession) -> bool:
    return await waiting(session) == 0


async def test_an_events_publication_is_part_of_its_trace(
    session: AsyncSession,
    through_proxy: Settings,
    clock: FakeClock,
    topic: str,
    monkeypatch: pytest.MonkeyPatch,
):
    event = make_event(topic, **STORED)
    await add(session, event)
    with running_collector(monkeypatch) as collector:
        tracing.start("communication-service")
        async with running_relay(through_proxy, clock):
            await eventually(lambda: all_out(session))
        tracing.stop()
    span = collector.spans["publish communication.email_sent"]
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, PARENT)
    assert span.kind == Span.SPAN_KIND_PRODUCER
    assert known(span) == {
        "messaging.system": "kafka",
        "messaging.destination.name": topic,
        "messaging.message.id": str(event.event_id),
        "messaging.kafka.message.key": "email:1",
        "request.id": "matching-17",
    }
