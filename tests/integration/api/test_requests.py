"""How any request to the JSON API has to be made, and how a POST is made safe to repeat."""

import asyncio
import hashlib
import json

import httpx
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services import idempotency
from services.accounts.api_keys import create_key
from services.idempotency import RepeatableRequest
from shared.database import SessionFactory
from tests.clock import FakeClock
from tests.integration.api.test_emails import NEW, api
from tests.integration.conftest import Client
from tests.work import tx_of, work_of

__all__ = ["api"]


async def test_one_key_makes_one_email_and_the_same_answer(api: Client):
    headers = {"Idempotency-Key": "bundle-456"}
    answers = await asyncio.gather(*(api.post("/api/emails", json=NEW, headers=headers) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert sum("idempotent-replayed" in answer.headers for answer in answers) == 49
    assert (await api.get("/api/emails")).json()["total"] == 1


async def test_the_spelling_of_the_json_does_not_matter_to_a_key_but_its_content_does(api: Client):
    headers = {"Idempotency-Key": "k"}
    first = await api.post("/api/emails", json=NEW, headers=headers)
    turned = json.dumps(dict(reversed(NEW.items())), ensure_ascii=True, indent=2)
    kind = {"Content-Type": "application/json"}
    again = await api.post("/api/emails", content=turned, headers=headers | kind)
    assert (again.status_code, again.text) == (201, first.text)
    other = await api.post("/api/emails", json=NEW | {"therapist_id": 124}, headers=headers)
    assert other.status_code == 409
    assert other.json()["message"] == "This idempotency key was used with another request."


async def test_a_key_stands_for_what_was_sent_so_that_a_release_may_add_fields(
    api: Client, sessions: SessionFactory
):
    await api.post("/api/emails", json=NEW, headers={"Idempotency-Key": "k"})
    sent = json.dumps(NEW, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    async with sessions() as session:
        kept = await session.scalar(text("SELECT request_hash FROM communication_service.idempotency_keys"))
    assert kept == hashlib.sha256(sent).digest()


async def test_two_services_may_use_the_same_key(api: Client, sessions: SessionFactory, clock: FakeClock):
    headers = {"Idempotency-Key": "1"}
    first = await api.post("/api/emails", json=NEW, headers=headers)
    async with sessions() as session:
        other = {"Authorization": f"Bearer {await create_key(work_of(session, now=clock()), 'other')}"}
    second = await api.post("/api/emails", json=NEW | {"therapist_id": 7}, headers=headers | other)
    assert (second.status_code, second.json()["therapist_id"]) == (201, 7)
    assert "idempotent-replayed" not in second.headers
    again = await api.post("/api/emails", json=NEW, headers=headers)
    assert (again.text, again.headers["idempotent-replayed"]) == (first.text, "true")


async def test_a_key_made_by_another_service_is_another_key_for_calls_too(session: AsyncSession):
    mine, theirs = (RepeatableRequest("1", b"h" * 32, caller=caller) for caller in (1, 2))
    assert await idempotency.reserve(tx_of(session), "calls", mine) is None
    await idempotency.fulfil(tx_of(session), "calls", mine, 7)
    assert await idempotency.reserve(tx_of(session), "calls", theirs) is None
    assert await idempotency.reserve(tx_of(session), "calls", mine) == 7


async def test_a_key_that_is_none_is_named_as_the_header(api: Client):
    for wrong in ("", " ", "x" * 256, "a\x01b"):
        refused = await api.post("/api/emails", json=NEW, headers={"Idempotency-Key": wrong})
        assert refused.status_code == 422
        assert [error["field"] for error in refused.json()["errors"]] == ["Idempotency-Key"], wrong
    headers = [("Idempotency-Key", "a"), ("Idempotency-Key", "b"), *api.headers.items()]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api.app), base_url=str(api.base_url)) as two:
        refused = await two.post("/api/emails", json=NEW, headers=headers)
    assert [error["field"] for error in refused.json()["errors"]] == ["Idempotency-Key"]
    accepted = await api.post("/api/emails", json=NEW, headers={"Idempotency-Key": "x" * 255})
    assert accepted.status_code == 201
    assert (await api.get("/api/emails")).json()["total"] == 1


async def test_what_is_no_json_is_refused(api: Client):
    for body, status in ((b"", 400), (b"{", 400), (b"[]", 422), (b'{"\\ud800": 1}', 400), (b"\xff", 400)):
        for answer in (
            await api.post("/api/emails", content=body, headers={"Content-Type": "application/json"}),
            await api.put("/api/emails/1", content=body),
        ):
            assert answer.status_code == status, body
            assert answer.headers["content-type"].startswith("application/problem+json")


async def test_a_field_that_is_no_text_no_number_or_there_twice_is_named(api: Client):
    start = json.dumps(NEW)[:-1].encode()
    for rest, field in (
        (b', "absender_name": "\\ud800"}', "absender_name"),
        (b', "template_data": {"anrede": "\\ud800"}}', "template_data.anrede"),
        (b', "template_data": {"absaetze": ["\\ud800"]}}', "template_data.absaetze"),
        (b', "betreff": "Anfrage"}', "betreff"),
        (b', "template_data": {"anrede": "A", "anrede": "B"}}', "template_data.anrede"),
        (b', "template_data": {"anzahl": 1e400}}', "template_data"),
    ):
        answer = await api.post("/api/emails", content=start + rest)
        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert (await api.get("/api/emails")).json()["total"] == 0


async def test_a_body_said_to_be_something_else_than_json_is_415(api: Client):
    for headers, status in (
        ({"Content-Type": "application/json; charset=utf-8"}, 201),
        ({"Content-Type": "Application/JSON"}, 201),
        ({"Content-Type": "application/merge-patch+json"}, 201),
        ({"Content-Type": "application/json", "Content-Encoding": "identity"}, 201),
        ({}, 415),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "application/msgpack"}, 415),
        ({"Content-Type": "application/jsonx"}, 415),
        ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, 415),
    ):
        answer = await api.post("/api/emails", content=json.dumps(NEW).encode(), headers=headers)
        assert answer.status_code == status, headers
    assert answer.headers["accept-encoding"] == "identity"
    assert (await api.get("/api/emails")).json()["total"] == 4


async def test_json_nested_too_deeply_is_refused(api: Client):
    nested = '{"template_data": {"a": ' + "[" * 5_000 + "]" * 5_000 + "}}"
    kind = {"Content-Type": "application/json", "Idempotency-Key": "k"}
    assert (await api.post("/api/emails", content=nested.encode(), headers=kind)).status_code == 400
    for depth in range(900, 1000, 5):
        nested = json.dumps(NEW)[:-1] + ', "template_data": {"a": ' + "[" * depth + "]" * depth + "}}"
        answer = await api.post("/api/emails", content=nested.encode(), headers=kind)
        assert answer.status_code in (400, 422), depth


async def test_an_id_has_one_spelling(api: Client):
    await api.post("/api/emails", json=NEW)
    assert (await api.get("/api/emails/1")).status_code == 200
    for spelling in ("+1", "01", "1.0", "0_1", "%201", "1%20", "%D9%A1", "-1", "9" * 5000):
        for answer in (
            await api.get(f"/api/emails/{spelling}"),
            await api.put(f"/api/emails/{spelling}", json={"nachverfolgung_erforderlich": True}),
            await api.get(f"/api/phone-calls/{spelling}"),
        ):
            assert answer.status_code == 404, spelling


async def test_a_name_that_looks_like_a_path_is_answered_whatever_its_length(api: Client):
    name = f" - at `${'a' * 200_000}`b"
    answer = await api.post("/api/emails", json=NEW | {name: 1})
    assert answer.status_code == 422
    answer = await api.post("/api/emails", json=NEW | {"therapist_id": "7"})
    assert answer.json()["errors"][0] == {"field": "therapist_id", "message": "Expected `int`, got `str`"}


async def test_half_a_character_deep_inside_is_named_by_its_path(api: Client):
    body = json.dumps(NEW | {"template_data": {"a": {"ok": "x", "b": "\ud800"}, "c": "\ud800"}})
    answer = await api.post("/api/emails", content=body, headers={"Content-Type": "application/json"})
    assert [error["field"] for error in answer.json()["errors"]] == ["template_data.a.b"]


async def test_a_byte_order_mark_before_json_is_passed_over(api: Client):
    mark = b"\xef\xbb\xbf"
    kind = {"Content-Type": "application/json"}
    headers = kind | {"Idempotency-Key": "k"}
    plain = json.dumps(NEW).encode()
    created = await api.post("/api/emails", content=mark + plain, headers=headers)
    assert created.status_code == 201, created.text
    again = await api.post("/api/emails", content=plain, headers=headers)
    assert (again.text, again.headers["idempotent-replayed"]) == (created.text, "true")
    changed = await api.put(
        "/api/emails/1", content=mark + b'{"nachverfolgung_erforderlich": true}', headers=kind
    )
    assert (changed.status_code, changed.json()["nachverfolgung_erforderlich"]) == (200, True)
    for wrong, status in ((mark, 400), (mark + mark + plain, 400), (mark + b'{"betreff": "\\ud800"}', 422)):
        assert (await api.post("/api/emails", content=wrong, headers=kind)).status_code == status, wrong


async def test_null_stands_for_the_default_of_a_field_that_may_be_left_out(api: Client):
    optional = ("status", "nachverfolgung_erforderlich", "nachverfolgung_notizen", "body_text", "template",
                "absender_email", "absender_name", "template_data")  # fmt: skip
    made = await api.post("/api/emails", json=NEW | dict.fromkeys(optional))
    assert made.status_code == 201, made.text
    assert (made.json()["status"], made.json()["nachverfolgung_erforderlich"]) == ("QUEUED", False)
    for path in "/api/emails", "/api/phone-calls":
        refused = await api.post(path, json=NEW | {"therapist_id": None})
        assert refused.status_code == 422
    nothing = {"template_data": None, "betreff": None}
    assert (await api.post("/api/email-templates/follow_up/preview", json=nothing)).status_code == 200
