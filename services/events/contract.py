"""The event contract as an AsyncAPI 3 document, made from the code.

`make docs` writes it to `docs/reference/asyncapi.yaml`; a test says when that is due.
"""

from typing import Any

import msgspec

from services.events.types import PAYLOADS, SERVICE_NAME, TOPIC, EventType
from shared.kafka.schemas import CLOUDEVENTS_VERSION, EventEnvelope

ASYNCAPI_VERSION = "3.1.0"
CONTRACT_VERSION = "1.4.0"
SCHEMAS = "#/components/schemas/"

CONTACT = {
    "name": "Therapieplatz-Vermittlung",
    "url": "https://therapieplatz.example",
    "email": "kontakt@therapieplatz.example",
}
"""The settings' example, as in `EMAIL_SENDER`: the document is of no one installation."""

LOGINS = {
    "plain": ("plain", "PLAIN"),
    "scramSha256": ("scramSha256", "SCRAM-SHA-256"),
    "scramSha512": ("scramSha512", "SCRAM-SHA-512"),
}
"""AsyncAPI's security schemes: the type of each, and what the setting calls it."""

SUMMARIES = {
    EventType.EMAIL_CREATED: "An e-mail was accepted, as a draft or queued for sending.",
    EventType.EMAIL_SENT: "The mail server has taken an e-mail, or a person said it was sent.",
    EventType.EMAIL_FAILED: "An e-mail was refused, not sent in time, or bounced.",
    EventType.EMAIL_REPLIED: "A therapist's reply was recorded.",
    EventType.CALL_SCHEDULED: "A phone call was planned or moved.",
    EventType.CALL_COMPLETED: "The therapist was reached.",
    EventType.CALL_FAILED: "The therapist was not reached.",
    EventType.CALL_CANCELED: "A planned call will not take place.",
    EventType.THERAPIST_PHONE_CORRECTED: "The right phone number of a therapist was noted, or lifted again.",
}


def asyncapi() -> dict[str, Any]:
    """Return the document, as plain data."""
    names = {event_type: _name(event_type) for event_type in EventType}
    return {
        "asyncapi": ASYNCAPI_VERSION,
        "info": {
            "title": "Communication service: events",
            "version": CONTRACT_VERSION,
            "description": (
                "What the communication service reports about e-mails and phone calls. At least once; in"
                " order per key; every copy of an event has the same eventId. Payloads hold ids, states and"
                " times, never message text, names or addresses."
            ),
            "contact": CONTACT,
            "license": {"name": "MIT", "url": "https://opensource.org/license/mit"},
            "tags": [
                {"name": "e-mails", "description": "How an e-mail fares."},
                {"name": "calls", "description": "When a call will be made, and what came of it."},
                {
                    "name": "therapists",
                    "description": "What the desk learned about reaching them.",
                },
            ],
        },
        "defaultContentType": "application/json",
        "servers": {"cluster": _cluster()},
        "channels": {
            "communicationEvents": {
                "address": TOPIC,
                "description": "All events. The key is `email:<id>`, `call:<id>` or `therapist:<id>`.",
                "messages": {name: _reference("messages", name) for name in names.values()},
            }
        },
        "operations": {
            "reportEvents": {
                "action": "send",
                "summary": "Reports what happened.",
                "description": "Written with the change it reports, published once the broker takes it.",
                "security": [_reference("securitySchemes", name) for name in LOGINS],
                "channel": {"$ref": "#/channels/communicationEvents"},
                "messages": [
                    {"$ref": f"#/channels/communicationEvents/messages/{name}"} for name in names.values()
                ],
            }
        },
        "components": {
            "messages": {name: _message(event_type, name) for event_type, name in names.items()},
            "schemas": {"CloudEventsHeaders": _headers()} | _schemas(),
            "securitySchemes": {
                name: {"type": kind, "description": f"`KAFKA_SASL_MECHANISM={mechanism}`"}
                for name, (kind, mechanism) in LOGINS.items()
            },
        },
    }


def _cluster() -> dict[str, Any]:
    return {
        "host": "{brokers}",
        "protocol": "kafka-secure",
        "description": "The platform's Kafka cluster; `KAFKA_SECURITY_PROTOCOL` says how it is spoken to.",
        "variables": {
            "brokers": {
                "description": "`KAFKA_BOOTSTRAP_SERVERS`: brokers to begin with.",
                "default": "localhost:9092",
            }
        },
        "security": [_reference("securitySchemes", name) for name in LOGINS],
    }


def _message(event_type: EventType, name: str) -> dict[str, Any]:
    subject = event_type.partition(".")[2].partition("_")[0]
    return {
        "name": event_type.value,
        "title": name,
        "summary": SUMMARIES[event_type],
        "headers": {"$ref": f"{SCHEMAS}CloudEventsHeaders"},
        "payload": {
            "allOf": [
                {"$ref": f"{SCHEMAS}EventEnvelope"},
                {
                    "type": "object",
                    "properties": {
                        "eventType": {"const": event_type.value},
                        "producer": {"const": SERVICE_NAME},
                        "payload": {"$ref": f"{SCHEMAS}{PAYLOADS[event_type].__name__}"},
                    },
                },
            ]
        },
        "bindings": {"kafka": {"key": {"type": "string", "pattern": rf"^{subject}:[1-9]\d*$"}}},
    }


def _headers() -> dict[str, Any]:
    properties = {
        "ce_specversion": {"type": "string", "const": CLOUDEVENTS_VERSION},
        "ce_id": {"type": "string", "format": "uuid", "description": "eventId"},
        "ce_type": {"type": "string", "description": "eventType"},
        "ce_source": {"type": "string", "const": f"/{SERVICE_NAME}"},
        "ce_time": {"type": "string", "format": "date-time", "description": "timestamp, in UTC"},
    }
    extensions = {
        "ce_requestid": {
            "type": "string",
            "pattern": "^[A-Za-z0-9][A-Za-z0-9._:/+=-]{0,63}$",
            "description": "`X-Request-ID` of the request that made the e-mail or call.",
        },
        "ce_traceparent": {
            "type": "string",
            "pattern": "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
            "description": "That request's trace (CloudEvents' extension for distributed tracing).",
        },
    }
    return {
        "type": "object",
        "description": "CloudEvents 1.0 context attributes, Kafka protocol binding.",
        "required": list(properties),
        "properties": properties | extensions,
    }


def _schemas() -> dict[str, Any]:
    payloads = dict.fromkeys(PAYLOADS.values())
    _, schemas = msgspec.json.schema_components([EventEnvelope, *payloads], ref_template=SCHEMAS + "{name}")
    for schema in schemas.values():
        schema["description"] = schema["description"].partition("\n")[0]
    return dict(schemas)


def _reference(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}


def _name(event_type: EventType) -> str:
    return "".join(word.capitalize() for word in event_type.partition(".")[2].split("_"))


def document() -> str:
    """Return the document as YAML."""
    opening = "# Made from the code by `make docs`; don't edit.\n"
    return opening + msgspec.yaml.encode(asyncapi()).decode()
