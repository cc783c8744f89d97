"""Why nobody was reached is corrected for all calls that were settled together."""

from datetime import time, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.calls.changes import CallChanges, change_call
from services.calls.outcome_said import Outcome
from services.conversations.settling import Settlement, settle
from services.models import Activity, OutboxEvent, OutcomeKind, PhoneCall
from services.work import Action, Actor, Work
from tests.factories import NOW, make_call, make_staff, make_therapist
from tests.work import work_of

LEAD, ALONG, OWN = 101, 102, 103
BUSY, MACHINE, MISSED = OutcomeKind.BUSY, OutcomeKind.ANSWERING_MACHINE, OutcomeKind.NOT_REACHED


def afterwards(session: AsyncSession) -> Work:
    return work_of(session, actor=Actor("staff", 1), now=NOW + timedelta(minutes=5))


@pytest.fixture
async def settled(session: AsyncSession) -> None:
    """Busy, said of two calls; the third was cancelled."""
    async with session.begin():
        session.add_all([make_staff(id=1, name="Anna"), make_therapist()])
    async with session.begin():
        session.add_all(
            make_call(id=call_id, geplante_zeit=time(11, minute))
            for call_id, minute in ((LEAD, 0), (ALONG, 15), (OWN, 30))
        )
    busy = Settlement(outcome=Outcome(art=BUSY), along=[ALONG], own={OWN: OutcomeKind.CANCELED})
    await settle(work_of(session, actor=Actor("staff", 1)), LEAD, busy, version=None)


async def outcomes(session: AsyncSession) -> dict[int, str | None]:
    async with session.begin():
        calls = select(PhoneCall.id, PhoneCall.ergebnis_art).where(PhoneCall.id.in_([LEAD, ALONG, OWN]))
        return {row.id: row.ergebnis_art for row in await session.execute(calls)}


async def told(session: AsyncSession) -> list[tuple[object, ...]]:
    async with session.begin():
        events = await session.scalars(select(OutboxEvent).order_by(OutboxEvent.id))
        corrections = [event.payload for event in events if event.payload.get("korrigiert_at")]
    names = ("phone_call_id", "ergebnis_art", "gemeinsam_mit_id")
    return [tuple(said.get(name) for name in names) for said in corrections]


@pytest.mark.usefixtures("settled")
async def test_the_calls_settled_along_are_corrected_and_told_of(session: AsyncSession):
    await change_call(afterwards(session), LEAD, CallChanges(ergebnis_art=MACHINE), version=2)
    assert await outcomes(session) == {LEAD: MACHINE, ALONG: MACHINE, OWN: OutcomeKind.CANCELED}
    assert await told(session) == [(LEAD, MACHINE, None), (ALONG, MACHINE, LEAD)]
    async with session.begin():
        traces = select(Activity.object_id).where(Activity.action == Action.OUTCOME_CORRECTED)
        assert set(await session.scalars(traces)) == {LEAD, ALONG}


@pytest.mark.usefixtures("settled")
async def test_a_call_that_was_corrected_by_itself_keeps_that(session: AsyncSession):
    await change_call(afterwards(session), ALONG, CallChanges(ergebnis_art=MACHINE), version=None)
    assert (await outcomes(session))[LEAD] == BUSY
    await change_call(afterwards(session), LEAD, CallChanges(ergebnis_art=MISSED), version=None)
    assert await outcomes(session) == {LEAD: MISSED, ALONG: MACHINE, OWN: OutcomeKind.CANCELED}


@pytest.mark.usefixtures("settled")
async def test_other_words_change_the_one_call_only(session: AsyncSession):
    changes = CallChanges(ergebnis="Band sagt: ab 14 Uhr", ergebnis_art=BUSY)
    await change_call(afterwards(session), LEAD, changes, version=None)
    assert await told(session) == [(LEAD, BUSY, None)]
