"""The OpenAPI document, and a client that another project's generator makes from it."""

import asyncio
import importlib
import json
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from litestar import Litestar
from openapi_spec_validator import validate

from shared.config import Settings
from tests.integration.api.test_emails import NEW, api
from tests.integration.conftest import Client
from webapp.controllers.api.openapi import plain

__all__ = ["api"]

Document = dict[str, Any]
GENERATOR = Path(sys.executable).with_name("openapi-python-client")
FORMAT_CHECKER = Draft202012Validator.FORMAT_CHECKER
METHODS = {"get", "put", "post", "delete"}


@pytest.fixture
def document(wired_app: Litestar) -> Document:
    return wired_app.openapi_schema.to_schema()


@pytest.fixture
async def generated(document: Document, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The package of a client in Python, every module of it imported."""
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    (tmp_path / "config.yml").write_text("post_hooks: []\npackage_name_override: generated_client\n")
    process = await asyncio.create_subprocess_exec(
        GENERATOR, "generate", "--fail-on-warning", "--meta", "none",
        "--path", tmp_path / "openapi.json",
        "--config", tmp_path / "config.yml",
        "--output-path", tmp_path / "generated_client",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    monkeypatch.syspath_prepend(tmp_path)
    package = importlib.import_module("generated_client")
    for module in pkgutil.walk_packages(package.__path__, "generated_client."):
        importlib.import_module(module.name)
    return package


def schemas(node: object) -> Iterator[Document]:
    """Return every object of the document, itself included."""
    if isinstance(node, dict):
        yield node
    for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from schemas(part)


def operations(document: Document) -> list[Document]:
    return [item[method] for item in document["paths"].values() for method in METHODS & item.keys()]


def test_the_document_is_valid_openapi(document: Document):
    validate(document)  # pyright: ignore[reportArgumentType]


def test_every_operation_has_a_name_a_summary_and_a_described_tag(document: Document):
    tags = {tag["name"] for tag in document["tags"] if tag["description"]}
    for operation in operations(document):
        assert operation["operationId"].isalnum(), operation
        assert operation["summary"], operation
        assert operation["description"], operation
        assert any(status.startswith("4") for status in operation["responses"]), operation
        assert all(answer["description"] for answer in operation["responses"].values()), operation
        assert len(operation["tags"]) == 1
        assert set(operation["tags"]) <= tags
    names = [operation["operationId"] for operation in operations(document)]
    assert len(names) == len(set(names))
    assert document["paths"]["/health"]["get"]["security"] == [{}]


def test_the_document_says_what_it_is_and_whom_to_ask(document: Document, config: Settings):
    info = document["info"]
    assert info["title"]
    assert info["version"]
    assert info["description"]
    assert info["contact"] == {"name": config.email_sender_name, "email": config.email_sender}
    assert info["license"] == {"name": "MIT", "identifier": "MIT"}
    assert document["servers"] == [{"url": "/"}]
    assert all(tag["description"] for tag in document["tags"])


def test_examples_are_examples(document: Document):
    documented = [schema for schema in schemas(document) if "examples" in schema and "type" in schema]
    assert documented
    for schema in documented:
        for example in schema["examples"]:
            Draft202012Validator(schema, format_checker=FORMAT_CHECKER).validate(example)


def test_the_rows_of_a_list_have_a_type(document: Document):
    rows = {
        name: schema["properties"]["data"]["items"]
        for name, schema in document["components"]["schemas"].items()
        if name.endswith(("List", "Templates"))
    }
    assert rows == {
        "CallList": {"$ref": "#/components/schemas/Call"},
        "EmailList": {"$ref": "#/components/schemas/EmailSummary"},
        "EmailTemplates": {"$ref": "#/components/schemas/EmailTemplate"},
        "IncomingList": {"$ref": "#/components/schemas/IncomingMessage"},
        "StopList": {"$ref": "#/components/schemas/StoppedAddress"},
    }


def test_a_choice_has_two_sides_and_a_parameter_is_never_null(document: Document):
    for schema in schemas(document):
        assert len(schema.get("oneOf", "two")) > 1, schema
        assert None not in schema.get("enum", ()), schema
        assert not isinstance(schema.get("maximum", 1), float), schema
    for operation in operations(document):
        for parameter in operation.get("parameters", ()):
            written = json.dumps(parameter["schema"])
            assert '"null"' not in written, written
            assert '"oneOf"' not in written, written


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ({"oneOf": [{"type": "string"}], "maxLength": 3}, {"type": "string", "maxLength": 3}),
        ({"oneOf": [{"type": "string"}, {"type": "null"}]}, {"type": ["string", "null"]}),
        ({"oneOf": [{"$ref": "#/a"}]}, {"$ref": "#/a"}),
        ({"oneOf": [{"$ref": "#/a"}], "description": "b"}, {"allOf": [{"$ref": "#/a"}], "description": "b"}),
        ({"oneOf": [{"$ref": "#/a"}, {"type": "null"}]}, {"oneOf": [{"$ref": "#/a"}, {"type": "null"}]}),
        ({"oneOf": [{"$ref": "#/a"}, {"$ref": "#/b"}]}, {"oneOf": [{"$ref": "#/a"}, {"$ref": "#/b"}]}),
        (
            {"type": ["null", "string"], "enum": ["a", None]},
            {"oneOf": [{"type": "string", "enum": ["a"]}, {"type": "null"}]},
        ),
        (
            {"in": "query", "schema": {"oneOf": [{"$ref": "#/a"}, {"type": "null"}]}},
            {"in": "query", "schema": {"$ref": "#/a"}},
        ),
        (
            {"in": "query", "schema": {"oneOf": [{"type": "integer"}, {"type": "null"}], "minimum": 1.0}},
            {"in": "query", "schema": {"type": "integer", "minimum": 1}},
        ),
    ],
)
def test_schemas_are_written_plainly(written: Document, wanted: Document):
    assert plain(written) == wanted


async def test_a_generated_client_speaks_to_the_api(api: Client, generated: ModuleType):
    def call(tag: str, operation: str) -> Any:
        return importlib.import_module(f"generated_client.api.{tag}.{operation}").asyncio

    models = importlib.import_module("generated_client.models")
    client = generated.Client(base_url=str(api.base_url)).set_async_httpx_client(api)
    made = await call("e_mails", "create_email")(client=client, body=models.EmailCreate.from_dict(NEW))
    assert isinstance(made, models.EmailDetail), made
    listed = await call("e_mails", "list_emails")(client=client, after=0, status=models.EmailStatus.QUEUED)
    assert [type(row) for row in listed.data] == [models.EmailSummary]
    assert (listed.data[0].id, listed.data[0].antwort_art, listed.next_) == (made.id, None, None)
    refused = await call("e_mails", "list_emails")(client=client, after=0, page=1)
    assert [(error.field, type(refused)) for error in refused.errors] == [("after", models.Problem)]
    calls = await call("phone_calls", "list_phone_calls")(client=client)
    assert (calls.data, calls.page, calls.total) == ([], 1, 0)
    health = await call("operation", "get_health")(client=client)
    assert health.status == "ok"
