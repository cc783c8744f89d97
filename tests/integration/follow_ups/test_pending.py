"""What becomes of a pending follow-up, and of an e-mail that did not arrive."""

import asyncio
from datetime import date, time

import pytest
import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.testing import capture_logs

from services.events.types import EventType
from services.follow_ups.automatic import create_due
from services.follow_ups.pending import (
    AlreadyPlanned,
    NotUndelivered,
    cancel_pending,
    offer_call_for_failed,
    pending_call,
    postpone_pending,
)
from services.models import (
    Activity,
    EmailStatus,
    OutboxEvent,
    PhoneCall,
)
from services.rules import DeskRules
from services.therapists.directory import TherapistDirectory
from services.work import SYSTEM
from shared.database import SessionFactory
from tests.factories import NOW, make_call, make_email, make_therapist
from tests.integration.follow_ups.conftest import all_calls, events, reload, sent_email, store
from tests.work import tx_of, work_of, workplace_of


async def test_an_answer_cancels_what_is_pending_but_a_call_back(session: AsyncSession):
    email = sent_email()
    await store(session, email)
    await store(
        session,
        make_call(email_id=email.id, grund="keine_antwort", bearbeitet_bis=None),
        make_call(email_id=email.id, geplante_zeit=time(10), grund="manuell"),
        make_call(email_id=email.id, geplante_zeit=time(9), grund="rueckruf"),
        make_call(email_id=email.id, geplante_zeit=time(8), grund="manuell", status="completed"),
    )
    async with session.begin():
        pending = await pending_call(tx_of(session), email.id)
        cancelled = await cancel_pending(tx_of(session, now=NOW, actor=SYSTEM), email.id)
    assert pending is not None
    assert pending is cancelled
    assert pending.geplante_zeit == time(10)
    assert [call.status for call in await all_calls(session)] == [
        "canceled",
        "canceled",
        "scheduled",
        "completed",
    ]
    assert (pending.ergebnis_art, pending.abgeschlossen_at, pending.version) == ("abgesagt", NOW, 2)
    assert (pending.absage_grund, pending.ergebnis) == ("beantwortet", None)
    assert await events(session) == [EventType.CALL_CANCELED] * 2
    async with session.begin():
        assert await pending_call(tx_of(session), email.id) is None
        assert await cancel_pending(tx_of(session, now=NOW, actor=SYSTEM), email.id) is None
        actions = list(await session.scalars(select(Activity.action)))
    assert actions == ["call_canceled"] * 2


async def test_an_absence_moves_the_pending_call_behind_it(session: AsyncSession, rules: DeskRules):
    email = sent_email()
    await store(session, make_therapist(), email)
    await store(session, make_call(email_id=email.id, grund="keine_antwort", dauer_minuten=20))
    back = date(2026, 10, 24)
    async with session.begin():
        call = await postpone_pending(tx_of(session, now=NOW, rules=rules, actor=SYSTEM), email, back)
    assert call is not None
    assert (call.geplantes_datum, call.geplante_zeit, call.version) == (date(2026, 10, 26), time(10), 2)
    assert call.dauer_minuten == 20
    assert await events(session) == [EventType.CALL_SCHEDULED]
    async with session.begin():
        again = await postpone_pending(tx_of(session, now=NOW, rules=rules, actor=SYSTEM), email, back)
    assert again is None, "it is late enough already"


async def test_an_absence_without_a_time_after_it_asks_a_person(session: AsyncSession, rules: DeskRules):
    email = sent_email()
    await store(session, make_therapist(telefonische_erreichbarkeit={}), email)
    await store(session, make_call(email_id=email.id, grund="keine_antwort"))
    async with session.begin():
        call = await postpone_pending(
            tx_of(session, now=NOW, rules=rules, actor=SYSTEM), email, date(2026, 11, 2)
        )
    assert call is not None
    assert (call.status, call.absage_grund, call.ergebnis) == ("canceled", "keine_zeit_frei", None)
    assert (await reload(session, email)).nachverfolgung_erforderlich


async def test_a_mail_that_did_not_arrive_offers_a_call_at_once(
    session: AsyncSession, directory: TherapistDirectory, rules: DeskRules
):
    failed = make_email(status=EmailStatus.FAILED)
    bounced = sent_email(antwort_art="unzustellbar", therapist_id=2)
    fine = sent_email()
    await store(session, make_therapist(), make_therapist(id=2), failed, bounced, fine)

    failed_id, bounced_id, fine_id = failed.id, bounced.id, fine.id

    async def offer(email_id: int) -> PhoneCall:
        return await offer_call_for_failed(
            work_of(session, now=NOW, rules=rules, actor=SYSTEM), email_id, directory=directory
        )

    call = await offer(failed_id)
    assert (call.grund, call.email_id, call.geplante_zeit) == ("nicht_zugestellt", failed_id, time(11, 15))
    assert (await offer(bounced_id)).therapist_id == 2
    with pytest.raises(AlreadyPlanned):
        await offer(failed_id)
    with pytest.raises(NotUndelivered):
        await offer(fine_id)
    assert len(await all_calls(session)) == 2


async def test_offering_a_call_twice_at_once_makes_one(
    sessions: SessionFactory, session: AsyncSession, directory: TherapistDirectory, rules: DeskRules
):
    failed = make_email(status=EmailStatus.FAILED)
    await store(session, make_therapist(), failed)

    async def offer() -> None:
        async with sessions() as own:
            await offer_call_for_failed(
                work_of(own, now=NOW, rules=rules, actor=SYSTEM), failed.id, directory=directory
            )

    outcomes = await asyncio.gather(*(offer() for _ in range(4)), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["AlreadyPlanned"] * 3 + ["NoneType"]
    assert len(await all_calls(session)) == 1


async def test_an_absence_moves_every_pending_call(session: AsyncSession, rules: DeskRules):
    email = sent_email()
    await store(session, make_therapist(), email)
    await store(
        session,
        make_call(id=1, email_id=email.id, grund="keine_antwort", geplante_zeit=time(11)),
        make_call(id=2, email_id=email.id, geplante_zeit=time(11, 30)),
    )
    async with session.begin():
        back = date(2026, 10, 26)
        earliest = await postpone_pending(tx_of(session, now=NOW, rules=rules, actor=SYSTEM), email, back)
    calls = await all_calls(session)
    assert [call.geplantes_datum for call in calls] == [back, back]
    assert earliest is not None
    assert earliest.geplante_zeit == min(call.geplante_zeit for call in calls)


async def test_a_follow_up_comes_from_where_its_email_does_and_the_log_says_so(
    session: AsyncSession, sessions: SessionFactory, directory: TherapistDirectory, rules: DeskRules
):
    came_from = {"anfrage_id": "matching-17", "traceparent": f"00-{'1' * 32}-{'2' * 16}-01"}
    email = sent_email(**came_from)
    await store(session, make_therapist(), email)
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as said:
        async with workplace_of(sessions, lambda: NOW, rules).work() as work:
            await create_due(work, directory)
    [call] = await all_calls(session)
    [event] = list(await session.scalars(select(OutboxEvent)))
    for row in (call, event):
        assert {name: getattr(row, name) for name in came_from} == came_from
    [planned] = [line for line in said if line["event"] == "follow_up_planned"]
    assert (planned["email_id"], planned["call_id"]) == (email.id, call.id)
    assert planned["request_id"] == "matching-17"
