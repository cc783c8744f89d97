"""The JSON API of e-mails answers and refuses exactly what its OpenAPI document says."""

import re
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from services.accounts.api_keys import create_key
from shared.database import SessionFactory
from tests.clock import FakeClock
from tests.factories import make_call, make_email
from tests.integration.conftest import Client
from tests.work import work_of

NEW = {
    "therapist_id": 123,
    "betreff": "Anfrage für drei Patientinnen",
    "body_html": "<p>Grüße</p>",
    "empfaenger_email": "praxis@example.org",
    "empfaenger_name": "Dr. Jürgen Schmidt",
}
MADE_HEADERS = {"Location", "Idempotent-Replayed"}
PREVIEW = "/api/email-templates/initial_contact/preview"
Document = dict[str, Any]


@pytest.fixture
async def api(client: Client, sessions: SessionFactory, clock: FakeClock) -> Client:
    """The Matching Service, with its key."""
    async with sessions() as session:
        client.headers["Authorization"] = (
            f"Bearer {await create_key(work_of(session, now=clock()), 'matching')}"
        )
    return client


@pytest.fixture
async def document(api: Client) -> Document:
    return (await api.get("/api/docs/openapi.json")).json()


def validator(document: Document, *path: str) -> Draft202012Validator:
    """Return a validator for the schema at a path of the document."""
    pointer = "/".join(part.replace("~", "~0").replace("/", "~1") for part in path)
    return Draft202012Validator({**document, "$ref": f"#/{pointer}"})


def check(document: Document, answer: httpx.Response, status: int) -> None:
    """Hold an answer against what is documented for its address, method and status."""
    assert answer.status_code == status, answer.text
    path = next(
        template
        for template in document["paths"]
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), answer.request.url.path)
    )
    content_type = answer.headers["content-type"].partition(";")[0]
    operation = ("paths", path, answer.request.method.lower())
    schema = validator(document, *operation, "responses", str(status), "content", content_type, "schema")
    schema.validate(answer.json())
    documented = document["paths"][path][operation[2]]["responses"][str(status)].get("headers", {})
    given = {name.title() for name in answer.headers}
    assert {name for name, header in documented.items() if header["required"]} <= given
    assert given & MADE_HEADERS <= documented.keys()


async def test_every_answer_is_as_documented(
    api: Client, document: Document, sessions: SessionFactory, clock: FakeClock
):
    key = {"Idempotency-Key": "k"}
    for _ in "first", "again":
        check(document, await api.post("/api/emails", json=NEW | {"status": "DRAFT"}, headers=key), 201)
    check(document, await api.put("/api/emails/1", json={"nachverfolgung_erforderlich": True}), 200)
    async with sessions.begin() as session:
        session.add(make_email(status="SENT", sent_at=clock(), antwort_erhalten=True, antwortdatum=clock()))
        session.add(make_call())
    for path in ("/api/emails", "/api/emails/1", "/api/email-templates", PREVIEW.removesuffix("/preview")):
        check(document, await api.get(path), 200)
    for path in (
        "/api/emails?after=0",
        "/api/phone-calls",
        "/api/phone-calls?after=0",
        "/api/phone-calls/1",
        "/health",
    ):
        check(document, await api.get(path), 200)
    check(document, await api.post(PREVIEW, json={}), 200)


async def test_every_refusal_is_as_documented(api: Client, document: Document):
    key = {"Idempotency-Key": "k"}
    await api.post("/api/emails", json=NEW, headers=key)
    check(document, await api.post("/api/emails", json=NEW | {"therapist_id": 1}, headers=key), 409)
    check(document, await api.post("/api/emails", json=NEW | {"therapist_id": 0}), 422)
    check(document, await api.post("/api/emails", content="{"), 400)
    check(document, await api.post("/api/emails", data=NEW), 415)
    check(document, await api.put("/api/emails/1", data=NEW), 415)
    check(document, await api.post(PREVIEW, data=NEW), 415)
    check(document, await api.post("/api/emails", content=b" " * 7_000_000), 413)
    check(document, await api.put("/api/emails/1", json={"betreff": "Neu"}), 409)
    check(document, await api.put("/api/emails/1", json={"version": 7}), 409)
    check(document, await api.put("/api/emails/2", json={"status": "DRAFT"}), 404)
    check(document, await api.get("/api/emails/2"), 404)
    check(document, await api.get("/api/emails?limit=0"), 422)
    check(document, await api.get("/api/email-templates/none"), 404)
    check(document, await api.post(PREVIEW, json={"template_data": {"anzahl": "x"}}), 422)
    del api.headers["Authorization"]
    for path in ("/api/emails", "/api/emails/1", "/api/email-templates"):
        check(document, await api.get(path), 401)


WRONG_BODIES = (
    {"unbekannt": 1},
    {"therapist_id": 0},
    {"therapist_id": 2**31},
    {"therapist_id": 1.5},
    {"therapist_id": None},
    {"therapist_id": "123"},
    {"betreff": 7},
    {"nachverfolgung_erforderlich": "false"},
    {"nachverfolgung_erforderlich": 0},
    {"betreff": ""},
    {"betreff": "x" * 256},
    {"empfaenger_name": ""},
    {"status": "SENT"},
    {"nachverfolgung_notizen": "x" * 10_001},
    {"template_data": []},
)


async def test_what_the_document_forbids_is_refused(api: Client, document: Document):
    schema = validator(document, "components", "schemas", "EmailCreate")
    assert schema.is_valid(NEW)
    for wrong in WRONG_BODIES:
        assert not schema.is_valid(NEW | wrong), wrong
        refusal = await api.post("/api/emails", json=NEW | wrong)
        check(document, refusal, 422)
        assert {problem["field"] for problem in refusal.json()["errors"]} == set(wrong), wrong


async def test_times_and_addresses_are_documented_as_they_are_taken(api: Client, document: Document):
    async def change(field: str, value: str) -> int:
        return (await api.put("/api/emails/1", json={field: value, "antwort_erhalten": True})).status_code

    await api.post("/api/emails", json=NEW)
    schema = validator(document, "components", "schemas", "EmailUpdate")
    for value in (
        "2026-10-14T10:42",
        "2026-10-14 10:42:00.5",
        "2026-10-14T08:42:00Z",
        "2026-10-14T10:42:00+02:00",
    ):
        assert schema.is_valid({"antwortdatum": value})
        assert await change("antwortdatum", value) == 200
    for value in ("2026-10-14", "20261014T1042", "2026-W42-3T10:42", "gestern"):
        assert not schema.is_valid({"antwortdatum": value})
        assert await change("antwortdatum", value) == 422
    properties = document["components"]["schemas"]["EmailCreate"]["properties"]
    assert properties["empfaenger_email"]["format"] == "idn-email"


async def test_bodies_that_refuse_unknown_fields_say_so(document: Document):
    for name in ("EmailCreate", "EmailUpdate", "PreviewRequest"):
        assert document["components"]["schemas"][name]["additionalProperties"] is False


async def test_the_examples_are_accepted(api: Client, document: Document):
    properties = document["components"]["schemas"]["EmailCreate"]["properties"]
    body = {name: field["examples"][0] for name, field in properties.items() if "examples" in field}
    check(document, await api.post("/api/emails", json=body), 201)
