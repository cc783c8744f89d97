"""`docs/reference/events.md`, from the contract in `services.events.contract`."""

from typing import Any

from services.events.contract import SUMMARIES, asyncapi
from services.events.types import PAYLOADS, EventType
from tools.reference.tables import table

OPENING = """# Event types

Value and payload of the events on `communication-events`. [asyncapi.yaml](asyncapi.yaml) is the
same for machines; what is promised, and what some fields mean, stands in
[events](../explanation/events.md). New fields may appear within version 1: ignore what you don't
know.
"""
HEADERS = "CloudEventsHeaders"

Schema = dict[str, Any]


def events_page() -> str:
    """Return every event type, every payload with its fields, and the values they take."""
    schemas = asyncapi()["components"]["schemas"]
    rows = [
        (f"`{event_type.value}`", SUMMARIES[event_type], _link(PAYLOADS[event_type].__name__))
        for event_type in EventType
    ]
    structures = [name for name in schemas if "properties" in schemas[name] and name != HEADERS]
    words = [name for name in schemas if "enum" in schemas[name]]
    return "\n".join(
        [
            OPENING,
            table(("Type", "When", "Payload"), rows),
            *(_structure(name, schemas[name]) for name in (HEADERS, *structures)),
            *(_values(name, schemas[name]) for name in words),
        ]
    )


def _structure(name: str, schema: Schema) -> str:
    required = schema.get("required", [])
    rows = [
        (f"`{field}`", _type(of), "yes" if field in required else "", _description(of))
        for field, of in schema["properties"].items()
    ]
    return _head(name, schema) + table(("Field", "Type", "Always there", "Meaning"), rows)


def _values(name: str, schema: Schema) -> str:
    return _head(name, schema) + ", ".join(f"`{value}`" for value in schema["enum"]) + "\n"


def _head(name: str, schema: Schema) -> str:
    return f"## {name}\n\n{schema['description']}\n\n"


def _type(schema: Schema) -> str:
    if choices := schema.get("anyOf"):
        return " or ".join(map(_type, choices))
    if reference := schema.get("$ref"):
        return _link(reference.rpartition("/")[2])
    if "const" in schema:
        return f"`{schema['const']}`"
    if schema["type"] == "array":
        return f"list of {_type(schema['items'])}"
    return schema.get("format", schema["type"])


def _description(schema: Schema) -> str:
    found = [schema, *schema.get("anyOf", [])]
    return next((each["description"] for each in found if "description" in each), "")


def _link(name: str) -> str:
    return f"[{name}](#{name.lower()})"
