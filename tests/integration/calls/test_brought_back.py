"""Taking "do not call" back brings back the calls it cancelled, and no others."""

from datetime import date, time, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.calls.wishes import cancel_calls_in_vain, set_do_not_call
from services.errors import StaleVersion
from services.models import (
    Activity,
    CallStatus,
    CancelReason,
    Email,
    NoRetry,
    OutboxEvent,
    OutcomeKind,
    PhoneCall,
    Therapist,
)
from services.work import API
from tests.factories import NOW, make_call, make_email, make_therapist
from tests.work import work_of

TOMORROW = date(2026, 10, 15)
LATER = NOW + timedelta(hours=1)
AUTOMATIC: dict[str, Any] = {"grund": "nicht_zugestellt", "geplantes_datum": TOMORROW}


async def store(session: AsyncSession, *rows: object) -> None:
    async with session.begin():
        for row in rows:
            session.add(row)
            await session.flush()


async def block(session: AsyncSession, version: int = 1) -> None:
    await set_do_not_call(work_of(session, now=NOW, actor=API), 1, True, "nur Post", version=version)


async def lift(session: AsyncSession, version: int = 2, **when: Any) -> None:
    work = work_of(session, now=when.get("now", LATER), actor=API)
    await set_do_not_call(work, 1, False, None, version=version)


async def load(session: AsyncSession, call_id: int) -> PhoneCall:
    async with session.begin():
        return await session.get_one(PhoneCall, call_id, populate_existing=True)


async def test_the_calls_come_back_at_their_times_with_events_and_a_trace(session: AsyncSession):
    await store(
        session, make_therapist(), make_call(id=7, **AUTOMATIC), make_call(id=8, geplante_zeit=time(12))
    )
    await block(session)
    await lift(session)
    back = await load(session, 7)
    assert (back.status, back.geplantes_datum, back.geplante_zeit) == ("scheduled", TOMORROW, time(11))
    assert (back.ergebnis_art, back.absage_grund, back.abgeschlossen_at, back.version) == (
        None,
        None,
        None,
        3,
    )
    assert (await load(session, 8)).version == 1
    async with session.begin():
        events = list(await session.scalars(select(OutboxEvent.event_type).order_by(OutboxEvent.id)))
        done = list(await session.scalars(select(Activity.action).order_by(Activity.id)))
    assert events == ["communication.call_canceled", "communication.call_scheduled"]
    assert done == ["do_not_call_set", "call_canceled", "do_not_call_lifted", "call_restored"]


async def test_what_was_written_about_the_call_is_there_again(session: AsyncSession):
    await store(session, make_therapist(), make_call(id=7, notizen="Bündel 4", ergebnis="Di", **AUTOMATIC))
    await block(session)
    await lift(session)
    back = await load(session, 7)
    assert (back.notizen, back.ergebnis) == ("Bündel 4", "Di")


async def test_a_time_given_away_meanwhile_is_the_next_free_one(session: AsyncSession):
    await store(session, make_therapist(), make_call(id=7, **AUTOMATIC))
    await block(session)
    await store(session, make_call(id=9, geplantes_datum=TOMORROW))
    await lift(session)
    back = await load(session, 7)
    assert back.status == CallStatus.SCHEDULED
    assert (back.geplantes_datum, back.geplante_zeit) != (TOMORROW, time(11))


async def test_only_the_line_was_given_away(session: AsyncSession):
    await store(session, make_therapist(), make_therapist(id=2), make_call(id=7, **AUTOMATIC))
    await block(session)
    await store(session, make_call(id=9, therapist_id=2, geplantes_datum=TOMORROW))
    await lift(session)
    back = await load(session, 7)
    assert (back.geplantes_datum, back.geplante_zeit, back.leitung) == (TOMORROW, time(11), 2)


async def test_a_time_that_is_past_is_the_next_free_one(session: AsyncSession):
    await store(session, make_therapist(), make_call(id=7, **AUTOMATIC))
    await block(session)
    await lift(session, now=NOW + timedelta(days=2))
    back = await load(session, 7)
    assert back.status == CallStatus.SCHEDULED
    assert back.geplantes_datum >= date(2026, 10, 16)


async def test_a_call_cancelled_by_somebody_or_for_another_reason_stays_so(
    session: AsyncSession,
):
    closed: dict[str, Any] = {
        "status": CallStatus.CANCELED,
        "ergebnis_art": OutcomeKind.CANCELED,
        "abgeschlossen_at": NOW,
    }
    await store(
        session,
        make_therapist(),
        make_call(id=7, **closed),
        make_call(id=8, absage_grund=CancelReason.NOT_ACTIVE, **closed),
        make_call(id=9, therapist_id=2, absage_grund=CancelReason.DO_NOT_CALL, **closed),
    )
    await block(session)
    await lift(session)
    assert {(await load(session, number)).status for number in (7, 8, 9)} == {"canceled"}


async def test_a_call_about_an_email_answered_since_stays_cancelled(session: AsyncSession):
    await store(session, make_therapist(), make_email(id=3, status="SENT", sent_at=NOW))
    await store(session, make_call(id=7, email_id=3, grund="keine_antwort", geplantes_datum=TOMORROW))
    await block(session)
    async with session.begin():
        email = await session.get_one(Email, 3)
        email.antwort_erhalten, email.antwortdatum = True, NOW
    await lift(session)
    kept = await load(session, 7)
    assert (kept.status, kept.absage_grund) == ("canceled", CancelReason.ANSWERED)


@pytest.mark.parametrize(
    ("hours", "reason"), [(None, NoRetry.NO_WINDOW), ({"monday": "vormittags"}, NoRetry.UNREADABLE_HOURS)]
)
async def test_a_call_without_a_time_left_asks_for_a_person(
    session: AsyncSession, hours: object, reason: NoRetry
):
    await store(session, make_therapist(telefonische_erreichbarkeit=hours), make_call(id=7, **AUTOMATIC))
    await block(session)
    await lift(session, now=NOW + timedelta(days=2))
    asks = await load(session, 7)
    assert (asks.status, asks.klaerung_noetig, asks.klaerung_grund) == ("canceled", True, reason)


async def test_nothing_comes_back_while_the_directory_blocks_the_therapist(session: AsyncSession):
    await store(session, make_therapist(), make_call(id=7, **AUTOMATIC))
    await block(session)
    async with session.begin():
        (await session.get_one(Therapist, 1)).status = "gesperrt"
    await lift(session)
    assert (await load(session, 7)).status == CallStatus.CANCELED


async def test_what_comes_back_is_cancelled_again_by_the_next_wish(session: AsyncSession):
    await store(session, make_therapist(), make_call(id=7, **AUTOMATIC))
    await block(session)
    await lift(session)
    await block(session, version=3)
    assert (await load(session, 7)).status == CallStatus.CANCELED
    with pytest.raises(StaleVersion):
        await lift(session, version=3)
    assert (await load(session, 7)).status == CallStatus.CANCELED
    assert await cancel_calls_in_vain(work_of(session, now=LATER)) == 0
