"""`clients/python` against the real application over real sockets: what it promises its users."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from typing import Any

import pytest
from calldesk_client import (
    CallChanges,
    Client,
    Conflict,
    EmailChanges,
    FieldProblem,
    Invalid,
    NewCall,
    NewEmail,
    NotAuthorized,
    NotFound,
    Unavailable,
    Unreachable,
)
from calldesk_client import client as client_module
from calldesk_client.retries import Backoff
from sqlalchemy import func, select

from services.accounts.api_keys import create_key
from services.models import Email, OutboxEvent
from shared.database import SessionFactory
from tests.clock import FakeClock
from tests.factories import make_therapist
from tests.tcp_proxy import AnswersLost
from tests.work import work_of

QUICK = Backoff(first_seconds=0.01)
NEW = NewEmail(
    therapist_id=1,
    empfaenger_email="praxis@example.org",
    empfaenger_name="Dr. Jürgen Schmidt",
    betreff="Anfrage für drei Patientinnen",
    body_text="Grüße",
)


@pytest.fixture
async def key(sessions: SessionFactory, clock: FakeClock) -> str:
    """The Matching Service's; therapist 1 answers the phone on weekdays from 10 to 12."""
    async with sessions() as session:
        key = await create_key(work_of(session, now=clock()), "matching")
        async with session.begin():
            session.add(make_therapist())
    return key


@pytest.fixture
async def network(server: str) -> AsyncGenerator[AnswersLost]:
    async with AnswersLost(int(server.rpartition(":")[2])) as network:
        yield network


@pytest.fixture
def desk(network: AnswersLost, key: str) -> Generator[Client]:
    """A client whose answers the network can lose."""
    with Client(f"http://127.0.0.1:{network.port}", key, deadline_seconds=10, backoff=QUICK) as desk:
        yield desk


async def stored(sessions: SessionFactory, kind: Any) -> int:
    async with sessions() as session:
        return await session.scalar(select(func.count()).select_from(kind)) or 0


async def test_an_email_and_a_call_are_made_read_and_changed(desk: Client):
    def work() -> None:
        email = desk.create_email(NEW)
        assert (email.status, email.betreff, email.created_at.isoformat()) == (
            "QUEUED",
            NEW.betreff,
            "2026-10-14T08:42:00+00:00",
        )
        assert desk.get_email(email.id) == email
        changed = desk.update_email(
            email.id, EmailChanges(nachverfolgung_notizen="bald", version=email.version)
        )
        assert (changed.nachverfolgung_notizen, changed.betreff) == ("bald", NEW.betreff)
        call = desk.create_call(NewCall(therapist_id=1, email_id=email.id))
        assert (call.geplante_zeit, call.email_ids) == ("11:15", [email.id])
        free = desk.free_slots(1, call.geplantes_datum)
        assert call.geplante_zeit not in free.slots
        moved = desk.update_call(call.id, CallChanges(geplante_zeit=free.slots[-1]))
        assert (moved.geplante_zeit, moved.status) == (free.slots[-1], "scheduled")
        assert [desk.cancel_call(call.id).status for _ in "ab"] == ["canceled", "canceled"]
        assert [row.id for row in desk.calls(therapist_id=1, status="canceled")] == [call.id]
        assert (list(desk.incoming(email.id)), list(desk.stopped())) == ([], [])
        away = desk.set_absence(1, call.geplantes_datum.replace(day=20))
        assert away.wieder_da_am == call.geplantes_datum.replace(day=20)

    await asyncio.to_thread(work)


async def test_an_answer_lost_after_the_email_was_stored_leads_to_one_email(
    desk: Client, network: AnswersLost, sessions: SessionFactory
):
    network.lose(2)
    email = await asyncio.to_thread(desk.create_email, NEW)
    assert (network.lost, network.asked) == (2, 3)
    assert (email.betreff, await stored(sessions, Email), await stored(sessions, OutboxEvent)) == (
        NEW.betreff,
        1,
        1,
    )


async def test_a_key_of_the_callers_own_makes_one_email_over_two_processes(desk: Client):
    made = [await asyncio.to_thread(desk.create_email, NEW, idempotency_key="order 7") for _ in "ab"]
    assert made[0] == made[1]
    without = await asyncio.to_thread(desk.create_email, NEW)
    assert without.id != made[0].id


async def test_a_change_whose_answer_is_lost_is_not_sent_again(desk: Client, network: AnswersLost):
    email = await asyncio.to_thread(desk.create_email, NEW)
    network.lose(1)
    with pytest.raises(Unreachable):
        await asyncio.to_thread(desk.update_email, email.id, EmailChanges(status="DRAFT"))
    assert network.lost == 1
    assert (await asyncio.to_thread(desk.get_email, email.id)).status == "DRAFT"


async def test_the_deadline_ends_all_tries(network: AnswersLost, key: str):
    network.lose(1_000_000)
    with (
        Client(f"http://127.0.0.1:{network.port}", key, deadline_seconds=0.5, backoff=QUICK) as hurried,
        pytest.raises(Unreachable, match="GET /api/emails/1: "),
    ):
        await asyncio.to_thread(hurried.get_email, 1)
    assert network.lost > 1


async def test_a_longer_wait_than_there_is_time_for_is_not_waited(network: AnswersLost, key: str):
    """The Therapist Service can't be reached, and the answer asks for some seconds."""
    with (
        Client(f"http://127.0.0.1:{network.port}", key, deadline_seconds=2, backoff=QUICK) as hurried,
        pytest.raises(Unavailable) as unavailable,
    ):
        await asyncio.to_thread(hurried.create_call, NewCall(therapist_id=77))
    assert (unavailable.value.status, network.asked) == (503, 1)


async def test_without_a_key_nobody_gets_anything(server: str):
    with Client(server) as stranger, pytest.raises(NotAuthorized):
        await asyncio.to_thread(stranger.get_email, 1)


async def test_refusals_have_names(desk: Client):
    def work() -> None:
        with pytest.raises(Invalid) as invalid:
            desk.create_email(NewEmail(therapist_id=1, empfaenger_email="praxis", empfaenger_name="A"))
        assert {problem.field for problem in invalid.value.fields} >= {"empfaenger_email", "betreff"}
        assert all(isinstance(problem, FieldProblem) for problem in invalid.value.fields)
        with pytest.raises(NotFound):
            desk.get_call(99)
        email = desk.create_email(NEW)
        with pytest.raises(Conflict):
            desk.update_email(email.id, EmailChanges(status="SENT"))

    await asyncio.to_thread(work)


async def test_a_list_is_read_to_its_end_while_rows_come_in(desk: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(client_module, "ROWS", 2)

    def work() -> None:
        made = [desk.create_email(NEW).id for _ in range(5)]
        read: list[int] = []
        for row in desk.emails(status="QUEUED", antwort_erhalten=False):
            read.append(row.id)
            if len(read) < 4:
                desk.create_email(NEW)
        assert read == made[::-1]

    await asyncio.to_thread(work)
