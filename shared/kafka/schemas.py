"""The platform's event envelope, as every service writes and reads it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any
from uuid import UUID

import msgspec

CLOUDEVENTS_VERSION = "1.0"

AwareDatetime = Annotated[datetime, msgspec.Meta(tz=True)]


class UnreadableEvent(Exception):
    """The bytes are no event envelope."""


class EventEnvelope(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What happened, where and when.

    Attributes:
        event_id: stable over every copy of the event; consumers drop what they have seen.
        event_type: dotted name, such as `communication.email_sent`.
        version: of the payload's schema.
        timestamp: when it happened, aware; written in UTC.
        producer: name of the service that reports it.
        payload: the event type's own fields.
    """

    event_id: UUID
    event_type: str
    version: str = "1.0"
    timestamp: AwareDatetime
    producer: str
    payload: dict[str, Any]


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(EventEnvelope)


def encode(event: EventEnvelope) -> bytes:
    """Return the record value.

    Raises:
        ValueError: a timestamp is naive.
        TypeError: the payload holds something JSON can't carry.
    """
    timestamp = _utc(event.timestamp)
    if timestamp is not event.timestamp:
        event = msgspec.structs.replace(event, timestamp=timestamp)
    return _encoder.encode(event)


def decode(value: bytes | None) -> EventEnvelope:
    """Return the event in a record value; unknown fields are ignored.

    Raises:
        UnreadableEvent: says what is wrong, without quoting the value.
    """
    try:
        return _decoder.decode(value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadableEvent(f"no event envelope: {error}") from error


def cloudevents_headers(
    event: EventEnvelope, extensions: Mapping[str, str] | None = None
) -> list[tuple[str, bytes]]:
    """Return the record headers of CloudEvents 1.0, Kafka protocol binding, binary content mode.

    `extensions` are further attributes, by the names that CloudEvents has for them or allows.
    """
    return [
        ("ce_id", str(event.event_id).encode()),
        ("ce_time", _utc(event.timestamp).isoformat().replace("+00:00", "Z").encode()),
        *_headers_of_many(event.event_type, event.producer),
        *((f"ce_{name}", value.encode()) for name, value in (extensions or {}).items()),
    ]


@lru_cache(maxsize=256)
def _headers_of_many(event_type: str, producer: str) -> list[tuple[str, bytes]]:
    return [
        ("ce_specversion", CLOUDEVENTS_VERSION.encode()),
        ("ce_type", event_type.encode()),
        ("ce_source", f"/{producer}".encode()),
    ]


def _utc(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError("an event's timestamp needs a time zone")
    return instant if instant.tzinfo is UTC else instant.astimezone(UTC)
