"""The request that made an e-mail or call is known to the database and to its events."""

from collections.abc import Callable
from datetime import time, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from services.calls.offers import Offer
from services.calls.outcomes import Outcome, record_outcome
from services.models import Email, OutboxEvent, OutcomeKind, PhoneCall
from services.work import Actor
from shared.database import SessionFactory
from tests.factories import NOW, make_call, make_email, make_staff, make_therapist
from tests.integration.api.test_email_contract import NEW
from tests.integration.conftest import Client, submit
from tests.integration.pages.test_write_email import follow_up
from tests.kafka.outbox import make_event
from tests.work import work_of

EMAILS, CALLS = "/api/emails", "/api/phone-calls"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
FIRST = {"X-Request-ID": "matching-17", "traceparent": TRACE}
ORIGIN = ("matching-17", TRACE)
ANY_TIME = {"therapist_id": 1}
Make = Callable[..., Email | PhoneCall | OutboxEvent]
AT_TEN = {"therapist_id": 1, "geplantes_datum": "2026-10-15", "geplante_zeit": "10:00"}


async def origins(session: AsyncSession, model: type[Email | PhoneCall | OutboxEvent]) -> list[tuple]:
    """What each row has of the request it comes from, in order."""
    async with session.begin():
        query = select(model.anfrage_id, model.traceparent).order_by(model.id)
        return [tuple(row) for row in await session.execute(query)]


async def test_an_email_and_its_event_know_their_request(api: Client, session: AsyncSession):
    made = await api.post(EMAILS, json=NEW, headers=FIRST)
    assert (made.status_code, made.headers["x-request-id"]) == (201, "matching-17")
    assert await origins(session, Email) == await origins(session, OutboxEvent) == [ORIGIN]


@pytest.mark.parametrize("call", [ANY_TIME, AT_TEN])
@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "k"}])
async def test_a_call_and_its_event_know_their_request(
    api: Client, session: AsyncSession, call: dict[str, object], key: dict[str, str]
):
    made = await api.post(CALLS, json=call, headers=FIRST | key)
    assert made.status_code == 201, made.text
    assert await origins(session, PhoneCall) == await origins(session, OutboxEvent) == [ORIGIN]


@pytest.mark.parametrize(("path", "new"), [(EMAILS, NEW), (CALLS, AT_TEN)])
async def test_a_repeated_request_leaves_the_first_ones_id(
    api: Client, session: AsyncSession, path: str, new: dict[str, object]
):
    await api.post(path, json=new, headers=FIRST | {"Idempotency-Key": "k"})
    again = await api.post(path, json=new, headers={"X-Request-ID": "again", "Idempotency-Key": "k"})
    assert (again.headers["idempotent-replayed"], again.headers["x-request-id"]) == ("true", "again")
    assert await origins(session, OutboxEvent) == [ORIGIN]
    assert await origins(session, Email if path == EMAILS else PhoneCall) == [ORIGIN]


async def test_a_request_without_an_id_is_known_by_the_one_it_got(api: Client, session: AsyncSession):
    made = await api.post(EMAILS, json=NEW)
    assert await origins(session, Email) == [(made.headers["x-request-id"], None)]


async def test_what_another_request_changes_keeps_the_first_ones_id(api: Client, session: AsyncSession):
    call = (await api.post(CALLS, json=AT_TEN, headers=FIRST)).json()
    await api.put(f"{CALLS}/{call['id']}", json={"status": "failed"}, headers={"X-Request-ID": "later"})
    assert await origins(session, PhoneCall) == [ORIGIN, ORIGIN], "the call, and the next attempt"
    assert await origins(session, OutboxEvent) == [ORIGIN] * 3


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(art=OutcomeKind.REACHED, angebot=Offer(wieder_fragen_am=NOW.date() + timedelta(days=7))),
        Outcome(art=OutcomeKind.CALL_BACK_AGREED, neuer_termin=(NOW.date() + timedelta(days=2), time(11))),
    ],
)
async def test_what_staff_plan_because_of_a_call_keeps_its_id(
    api: Client, session: AsyncSession, sessions: SessionFactory, outcome: Outcome
):
    call = (await api.post(CALLS, json=AT_TEN, headers=FIRST)).json()
    async with session.begin():
        session.add(make_staff(id=1))
    async with sessions() as own:
        await record_outcome(work_of(own, actor=Actor("staff", 1)), call["id"], outcome, version=None)
    assert await origins(session, PhoneCall) == [ORIGIN, ORIGIN]


async def test_an_email_written_at_the_desk_knows_its_request(staff_client: Client, session: AsyncSession):
    async with session.begin():
        session.add(make_therapist())
    staff_client.headers["X-Request-ID"] = "proxy-4711"
    await submit(staff_client, "/emails/new", follow_up())
    assert await origins(session, Email) == await origins(session, OutboxEvent) == [("proxy-4711", None)]


@pytest.mark.parametrize("wrong", ["", "a b", "a\nb", "anna@example.org", "a\u00e4", "a;b", "-a"])
@pytest.mark.parametrize("make", [make_email, make_call, lambda **values: make_event("topic", **values)])
async def test_nothing_else_can_be_stored_as_an_id(session: AsyncSession, make: Make, wrong: str):
    session.add(make(anfrage_id=wrong))
    with pytest.raises(IntegrityError, match="_anfrage_id"):
        await session.flush()


@pytest.mark.parametrize("wrong", ["", TRACE.upper(), f"{TRACE}-1"[-55:], TRACE.replace("-", " ")])
@pytest.mark.parametrize("make", [make_email, make_call, lambda **values: make_event("topic", **values)])
async def test_nothing_else_can_be_stored_as_a_trace(session: AsyncSession, make: Make, wrong: str):
    session.add(make(traceparent=wrong))
    with pytest.raises(IntegrityError, match="_traceparent"):
        await session.flush()
