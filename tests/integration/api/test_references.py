"""What callers say of e-mails and calls: their own reference, where answers go, when to send."""

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.models import Base, Email, EmailStatus, OutboxEvent
from tests.clock import FakeClock
from tests.factories import NOW, make_call, make_email
from tests.integration.api.test_email_contract import NEW
from tests.integration.conftest import Client

EMAILS, CALLS = "/api/emails", "/api/phone-calls"
REFERENCE = {"extern_id": "Bündel 4711/ß"}
CALL = {"therapist_id": 1, "geplantes_datum": "2026-10-15", "geplante_zeit": "10:00"}


async def payloads(session: AsyncSession) -> list[dict[str, object]]:
    async with session.begin():
        return list(await session.scalars(select(OutboxEvent.payload).order_by(OutboxEvent.id)))


OTHER_EMAILS = make_email(extern_id="Bündel 4711"), make_email()
OTHER_CALLS = make_call(extern_id="Bündel 4711", leitung=2), make_call(therapist_id=2, leitung=3)


@pytest.mark.parametrize(("path", "new", "others"), [(EMAILS, NEW, OTHER_EMAILS), (CALLS, CALL, OTHER_CALLS)])
async def test_a_reference_is_kept_found_and_told(
    api: Client, session: AsyncSession, path: str, new: dict[str, object], others: tuple[Base, ...]
):
    made = await api.post(path, json=new | REFERENCE)
    assert (made.status_code, made.json()["extern_id"]) == (201, REFERENCE["extern_id"])
    async with session.begin():
        session.add_all(others)
    for more in ({}, {"after": 0}):
        found = (await api.get(path, params=REFERENCE | more)).json()
        assert ([row["id"] for row in found["data"]], found["total"]) == ([made.json()["id"]], 1)
    assert (await api.get(path, params={"extern_id": "bündel 4711"})).json()["total"] == 0
    [told] = await payloads(session)
    assert told["extern_id"] == REFERENCE["extern_id"]


@pytest.mark.parametrize("wrong", ["", " ", "a\nb", " a", "a\u200bb", "x" * 101])
@pytest.mark.parametrize(("path", "new"), [(EMAILS, NEW), (CALLS, CALL)])
async def test_what_is_no_reference_is_named(api: Client, path: str, new: dict[str, object], wrong: str):
    refused = await api.post(path, json=new | {"extern_id": wrong})
    assert refused.status_code == 422
    assert [error["field"] for error in refused.json()["errors"]] == ["extern_id"]


@pytest.mark.parametrize("path", [EMAILS, CALLS])
@pytest.mark.parametrize("wrong", ["", "%00", "a%00", "a%0Ab", "x" * 101])
async def test_what_no_reference_can_be_is_not_looked_for(api: Client, path: str, wrong: str):
    refused = await api.get(f"{path}?extern_id={wrong}")
    assert refused.status_code == 422
    assert [error["field"] for error in refused.json()["errors"]] == ["extern_id"]


async def test_a_reference_typed_into_the_search_is_found(api: Client, session: AsyncSession):
    async with session.begin():
        session.add_all([make_email(extern_id="AZ-77/b"), make_email(betreff="AZ 77 b"), make_email()])
    assert {row["id"] for row in (await api.get(f"{EMAILS}?q=AZ-77/b")).json()["data"]} == {1, 2}
    assert (await api.get(f"{EMAILS}?q=AZ-77/B")).json()["total"] == 1


async def test_calls_that_follow_keep_the_reference(api: Client, clock: FakeClock):
    first = (await api.post(CALLS, json=CALL | REFERENCE)).json()
    missed = await api.put(f"{CALLS}/{first['id']}", json={"status": "failed"})
    assert missed.status_code == 200, missed.text
    followed = (await api.get(CALLS, params=REFERENCE)).json()["data"]
    assert [(call["vorheriger_anruf_id"], call["versuch"]) for call in followed] == [
        (None, 1),
        (first["id"], 2),
    ]


async def test_a_follow_up_with_a_reference_joins_no_call_that_has_another(
    api: Client, session: AsyncSession
):
    async with session.begin():
        session.add(make_email(status=EmailStatus.SENT, sent_at=NOW))
        session.add(make_email(status=EmailStatus.SENT, sent_at=NOW))
    follow_up = {"therapist_id": 1, "grund": "keine_antwort"}
    assert (await api.post(CALLS, json=follow_up | {"email_id": 1})).status_code == 201
    assert (await api.post(CALLS, json=follow_up | {"email_id": 2} | REFERENCE)).status_code == 409
    assert (await api.post(CALLS, json=follow_up | {"email_id": 2})).json()["extern_id"] is None


async def test_answers_go_where_the_email_says(api: Client):
    made = await api.post(EMAILS, json=NEW | {"antwort_an": "Team@MÜLLER.example", "status": "DRAFT"})
    assert made.json()["antwort_an"] == "Team@müller.example"
    path = f"{EMAILS}/{made.json()['id']}"
    assert (await api.put(path, json={"antwort_an": "b@example.de"})).json()["antwort_an"] == "b@example.de"
    assert (await api.put(path, json={"antwort_an": None, "status": "QUEUED"})).json()["antwort_an"] is None
    assert (await api.put(path, json={"antwort_an": "c@example.de"})).status_code == 409


@pytest.mark.parametrize(
    "wrong",
    ["", "team", "a@example.de\r\nBcc: x@example.de", "a@example.de, b@example.de", "A <a@example.de>"],
)
async def test_what_is_no_address_for_answers_is_named(api: Client, wrong: str):
    draft = (await api.post(EMAILS, json=NEW | {"status": "DRAFT"})).json()["id"]
    for refused in (
        await api.post(EMAILS, json=NEW | {"antwort_an": wrong}),
        await api.put(f"{EMAILS}/{draft}", json={"antwort_an": wrong}),
    ):
        assert refused.status_code == 422
        assert [error["field"] for error in refused.json()["errors"]] == ["antwort_an"]


async def test_times_are_read_shown_and_changed(api: Client):
    times = {"send_at": "2026-10-15T08:30", "expires_at": "2026-10-15T18:00:00+02:00"}
    made = (await api.post(EMAILS, json=NEW | times)).json()
    shown = {"send_at": "2026-10-15T06:30:00Z", "expires_at": "2026-10-15T16:00:00Z"}
    assert {name: made[name] for name in shown} == shown
    assert (made["status"], made["naechster_versuch_at"]) == ("QUEUED", shown["send_at"])
    path = f"{EMAILS}/{made['id']}"
    assert (await api.get(path)).json() == made
    changed = (await api.put(path, json={"send_at": "2026-10-15T07:00:00Z"})).json()
    assert (changed["naechster_versuch_at"], changed["version"]) == ("2026-10-15T07:00:00Z", 2)
    refused = await api.put(path, json={"send_at": "2026-10-15T20:00:00"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "send_at")
    assert (await api.put(path, json={"send_at": None, "expires_at": None})).json()["expires_at"] is None


@pytest.mark.parametrize("field", ["send_at", "expires_at"])
@pytest.mark.parametrize("wrong", ["morgen", "2026-10-15", "2026-10-15T25:00", "", 5, "2999-01-01T00:00"])
async def test_what_is_no_time_is_named(api: Client, field: str, wrong: object):
    refused = await api.post(EMAILS, json=NEW | {field: wrong})
    assert refused.status_code in (400, 422)
    assert [error["field"] for error in refused.json()["errors"]] == [field]


async def test_a_repeated_request_is_answered_as_before_whatever_time_it_is(
    api: Client, session: AsyncSession, clock: FakeClock
):
    body, key = NEW | {"expires_at": "2026-10-14T10:00:00Z"}, {"Idempotency-Key": "once"}
    first = await api.post(EMAILS, json=body, headers=key)
    async with session.begin():
        failed = {"status": EmailStatus.FAILED, "naechster_versuch_at": None}
        await session.execute(update(Email).values(failed))
    clock.advance(hours=5)
    again = await api.post(EMAILS, json=body, headers=key)
    assert (again.status_code, again.json()) == (201, first.json())
    other = await api.post(EMAILS, json=body | {"send_at": "2026-10-14T09:00:00Z"}, headers=key)
    assert other.status_code == 409
