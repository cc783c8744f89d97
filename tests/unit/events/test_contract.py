from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.events.contract import SUMMARIES, asyncapi
from services.events.types import PAYLOADS, EventType

DOCUMENT = Path(__file__).parents[3] / "docs" / "reference" / "asyncapi.yaml"


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for name, value in node.items():
            if name == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for item in node:
            yield from references(item)


def test_the_document_says_what_the_code_does():
    written = yaml.safe_load(DOCUMENT.read_text())
    assert written == asyncapi(), "run `make docs`"


def test_every_reference_leads_somewhere():
    document = asyncapi()
    found = list(references(document))
    assert found
    for reference in found:
        node: Any = document
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]
        assert node


@pytest.mark.parametrize("event_type", EventType)
def test_every_event_type_has_a_payload_and_a_message(event_type: EventType):
    (message,) = [
        message
        for message in asyncapi()["components"]["messages"].values()
        if message["name"] == event_type.value
    ]
    assert message["summary"] == SUMMARIES[event_type]
    assert PAYLOADS[event_type].__name__ in str(message["payload"])
