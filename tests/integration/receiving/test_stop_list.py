"""Addresses nobody writes to: refused when an e-mail is made or queued, listed, released."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from services.accounts.api_keys import create_key
from services.emails.changes import EmailChanges, update_email
from services.emails.states import (
    NotToBeSent,
    decide_all_unclear,
    queue_email,
    retry_email,
    retry_failed,
)
from services.emails.stop_list import (
    NotStopped,
    Stopped,
    is_stopped,
    list_stopped,
    release,
    stop,
    stop_address,
)
from services.errors import InvalidInput
from services.models import Email, EmailStatus, StopReason
from services.pagination import PageRequest
from shared.database import SessionFactory
from tests.clock import FakeClock
from tests.factories import NOW, make_email
from tests.incoming import make_incoming
from tests.integration.api.test_emails import NEW
from tests.integration.conftest import Client
from tests.work import tx_of, work_of

DEAD = "Praxis@Example.org"
SINCE = "2026-10-14 08:42 UTC"


@pytest.fixture
async def api(client: Client, sessions: SessionFactory, clock: FakeClock) -> Client:
    async with sessions() as session:
        key = await create_key(work_of(session, now=clock()), "matching")
    client.headers["Authorization"] = f"Bearer {key}"
    return client


async def stopped(sessions: SessionFactory, address: str = DEAD) -> int:
    async with sessions() as session:
        return (await stop_address(work_of(session), address, StopReason.DEAD)).id


async def test_an_address_is_stopped_once_in_any_spelling_until_it_is_released(
    sessions: SessionFactory,
) -> None:
    entry_id = await stopped(sessions, "Praxis@Xn--Mller-Kva.example")
    assert await stopped(sessions, "praxis@MÜLLER.example") == entry_id
    async with sessions.begin() as session:
        assert await stop(tx_of(session), "praxis@müller.example", StopReason.DEAD) is None
        assert await is_stopped(tx_of(session), "PRAXIS@müller.example") is not None
    async with sessions() as session:
        page = await list_stopped(work_of(session), PageRequest(), address="PRAXIS@müller.example")
        assert [row.id for row in page.rows] == [entry_id]
        await release(work_of(session), entry_id)
        assert (await list_stopped(work_of(session), PageRequest())).total == 0
        with pytest.raises(NotStopped):
            await release(work_of(session), entry_id)
    assert await stopped(sessions, "praxis@müller.example") != entry_id


async def test_an_email_to_it_is_refused_with_why_and_since_when(
    api: Client, sessions: SessionFactory
) -> None:
    entry_id = await stopped(sessions)
    for status in ("QUEUED", "DRAFT"):
        refused = await api.post("/api/emails", json=NEW | {"status": status})
        assert refused.status_code == 422
        (error,) = refused.json()["errors"]
        assert error["field"] == "empfaenger_email"
        assert SINCE in error["message"]
        assert "can't be delivered" in error["message"]
    async with sessions() as session:
        assert list(await session.scalars(select(Email))) == []

    listed = (await api.get("/api/stop-list")).json()
    assert listed["data"] == [
        {
            "id": entry_id,
            "adresse": "praxis@example.org",
            "grund": "unzustellbar",
            "seit": "2026-10-14T08:42:00Z",
            "email_id": None,
        }
    ]
    assert (await api.delete(f"/api/stop-list/{entry_id}")).status_code == 204
    assert (await api.delete(f"/api/stop-list/{entry_id}")).status_code == 404
    assert (await api.get("/api/stop-list")).json()["total"] == 0
    assert (await api.post("/api/emails", json=NEW)).status_code == 201


async def test_a_repeated_request_is_answered_as_before_the_address_died(
    api: Client, sessions: SessionFactory
) -> None:
    key = {"Idempotency-Key": "once"}
    made = await api.post("/api/emails", json=NEW, headers=key)
    await stopped(sessions)
    again = await api.post("/api/emails", json=NEW, headers=key)
    assert (again.status_code, again.json()["id"]) == (201, made.json()["id"])
    assert (await api.post("/api/emails", json=NEW, headers={"Idempotency-Key": "new"})).status_code == 422


async def test_nothing_is_queued_to_it_any_more(sessions: SessionFactory) -> None:
    draft = {"status": EmailStatus.DRAFT, "queued_at": None, "naechster_versuch_at": None}
    unclear = {"status": EmailStatus.SENDING, "uebergabe_begonnen_at": NOW}
    async with sessions.begin() as session:
        session.add_all([make_email(**draft), make_email(status=EmailStatus.FAILED), make_email(**unclear)])
        session.add(make_email(**draft, empfaenger_email="other@example.org"))
    await stopped(sessions)
    async with sessions() as session:
        work = work_of(session)
        for queueing in (queue_email(work, 1), retry_email(work, 2)):
            with pytest.raises(Stopped, match=SINCE):
                await queueing
        with pytest.raises(Stopped):
            await update_email(work, 1, EmailChanges(status=EmailStatus.QUEUED))
        with pytest.raises(InvalidInput):
            await update_email(work, 4, EmailChanges(empfaenger_email=DEAD))
        assert await retry_failed(work) == 0
        assert await decide_all_unclear(work, {3: 1}, "resend") == 0
        assert await decide_all_unclear(work, {3: 1}, "was_sent") == 1


async def test_who_has_answered_is_not_written_to_by_anybodys_retry(sessions: SessionFactory) -> None:
    async with sessions.begin() as session:
        session.add(make_email(status=EmailStatus.FAILED, antwort_erhalten=True, antwortdatum=NOW))
    async with sessions() as session:
        with pytest.raises(NotToBeSent):
            await retry_email(work_of(session), 1)


async def test_what_came_in_for_an_email_can_be_read(api: Client, sessions: SessionFactory) -> None:
    async with sessions.begin() as session:
        session.add(make_email(status=EmailStatus.SENT, sent_at=NOW))
        await session.flush()
        session.add_all(
            make_incoming(
                email_id=1, empfangen_at=NOW + timedelta(hours=hours), betreff=betreff, anhaenge=files
            )
            for hours, betreff, files in ((2, "Zweite", []), (1, "Erste", [{"name": "a.pdf", "size": 7}]))
        )
        session.add(make_incoming())
    read = (await api.get("/api/emails/1/eingang")).json()
    assert [(each["betreff"], each["anhaenge"]) for each in read["data"]] == [
        ("Erste", [{"name": "a.pdf", "size": 7}]),
        ("Zweite", []),
    ]
    assert (read["total"], read["data"][0]["art"], read["data"][0]["zustand"]) == (2, "reply", "offen")
    assert (await api.get("/api/emails/9/eingang")).status_code == 404
