import json
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kafka.schemas import EventEnvelope, UnreadableEvent, cloudevents_headers, decode, encode

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=5,
)
OFFSETS = st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def envelope(**values: object) -> EventEnvelope:
    defaults: dict[str, object] = {
        "event_id": uuid4(),
        "event_type": "test.happened",
        "timestamp": datetime(2026, 10, 14, 8, 42, tzinfo=UTC),
        "producer": "matching-service",
        "payload": {},
    }
    return EventEnvelope(**(defaults | values))


@given(
    event_id=st.uuids(),
    payload=st.dictionaries(st.text(), JSON, max_size=4),
    timestamp=st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=OFFSETS),  # noqa: DTZ001
)
def test_what_is_written_is_read_back(event_id: UUID, payload: dict[str, object], timestamp: datetime):
    event = envelope(event_id=event_id, payload=payload, timestamp=timestamp)
    assert decode(encode(event)) == event


def test_the_envelope_has_the_platforms_field_names():
    assert json.loads(encode(envelope(payload={"email_id": 7}))).keys() == {
        "eventId",
        "eventType",
        "version",
        "timestamp",
        "producer",
        "payload",
    }


def test_timestamps_are_written_in_utc():
    berlin = datetime(2026, 10, 14, 10, 42, tzinfo=timezone(timedelta(hours=2)))
    event = envelope(timestamp=berlin)
    assert json.loads(encode(event))["timestamp"] == "2026-10-14T08:42:00Z"
    assert dict(cloudevents_headers(event))["ce_time"] == b"2026-10-14T08:42:00Z"


def test_a_timestamp_without_a_zone_is_refused():
    naive = envelope(timestamp=datetime(2026, 10, 14, 8, 42))  # noqa: DTZ001
    with pytest.raises(ValueError, match="time zone"):
        encode(naive)


@given(st.binary())
def test_any_bytes_are_an_event_or_unreadable(value: bytes):
    with pytest.raises(UnreadableEvent):
        decode(value)


def test_fields_of_later_versions_are_ignored():
    event = envelope()
    value = json.loads(encode(event)) | {"traceId": "x"}
    assert decode(json.dumps(value).encode()) == event
