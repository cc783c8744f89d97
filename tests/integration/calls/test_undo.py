"""Taking an outcome back."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import date, datetime, time, timedelta

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.calls.claims import ClaimedByOther, claim_call
from services.calls.offers import Offer
from services.calls.outcome_said import Outcome
from services.calls.outcomes import OutcomeResult, record_outcome
from services.calls.undo import NextAttemptChanged, TimeTaken, TooLateToUndo
from services.conversations.undo import undo_settlement
from services.errors import NotFound
from services.events.due import due_events
from services.events.report import retract
from services.models import (
    Activity,
    Audience,
    CallReason,
    Email,
    EmailStatus,
    OutboxEvent,
    OutcomeKind,
    PhoneCall,
    Therapist,
)
from services.rules import DeskRules
from services.scheduling.booking import lock_calendar
from services.work import API, Actor
from shared.database import SessionFactory
from shared.direct_connection import DirectConnection
from tests.clock import FakeClock
from tests.eventually import eventually
from tests.factories import NOW, make_call, make_email, make_staff, make_therapist
from tests.work import tx_of, work_of

ANNA, BEN = 1, 2
SOON = NOW + timedelta(seconds=10)
NOT_RESTORED = {"version", "updated_at"}
VALUES: dict[OutcomeKind, dict[str, object]] = {
    OutcomeKind.POSTPONED: {"neuer_termin": (date(2026, 10, 15), time(19, 30))},
    OutcomeKind.CALL_BACK_AGREED: {"neuer_termin": (date(2026, 10, 14), time(16, 10))},
    OutcomeKind.REACHED: {"angebot": Offer(plaetze=2, plaetze_fuer=(Audience.CHILDREN,))},
    OutcomeKind.WRONG_NUMBER: {"richtige_nummer": "030 23125103"},
    OutcomeKind.NOT_REACHED: {"wiederholen_nach": date(2026, 10, 20)},
}


@pytest.fixture
async def call_id(session: AsyncSession, rules: DeskRules) -> int:
    """A call of today, rich in details, in Anna's hands."""
    call = make_call(
        ergebnis="vorher", notizen="vorher", wiederholen_nach=date(2026, 10, 13), leitung=2, versuch=2
    )
    async with session.begin():
        session.add_all([make_therapist(), make_staff(id=ANNA), make_staff(id=BEN), call])
    await claim_call(work_of(session, now=NOW, rules=rules, actor=Actor("staff", ANNA)), call.id)
    return call.id


@pytest.fixture
async def other_session(sessions: SessionFactory) -> AsyncGenerator[AsyncSession]:
    async with sessions() as session:
        yield session


async def row(session: AsyncSession, call_id: int) -> dict[str, object]:
    async with session.begin():
        columns = (await session.execute(select(PhoneCall.__table__).filter_by(id=call_id))).mappings().one()
    return {name: value for name, value in columns.items() if name not in NOT_RESTORED}


async def count(session: AsyncSession, table: type) -> int:
    async with session.begin():
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def rang(
    session: AsyncSession, call_id: int, rules: DeskRules, art: OutcomeKind = OutcomeKind.NOT_REACHED
) -> OutcomeResult:
    outcome = Outcome(art=art, ergebnis="neu", notizen="neu", **VALUES.get(art, {}))  # pyright: ignore[reportArgumentType]
    return await record_outcome(
        work_of(session, now=NOW, rules=rules, actor=Actor("staff", ANNA)), call_id, outcome, version=None
    )


async def undo(session: AsyncSession, call_id: int, now: datetime = SOON) -> PhoneCall:
    return (
        await undo_settlement(work_of(session, actor=Actor("staff", ANNA), clock=lambda: now), call_id)
    ).call


async def change(session: AsyncSession, call_id: int, **values: object) -> None:
    async with session.begin():
        await session.execute(update(PhoneCall).where(PhoneCall.id == call_id).values(**values))


@pytest.mark.parametrize("art", list(OutcomeKind))
async def test_undo_restores_everything(
    session: AsyncSession, call_id: int, rules: DeskRules, art: OutcomeKind
):
    before = await row(session, call_id)
    closed = (await rang(session, call_id, rules, art)).call.version
    assert await row(session, call_id) != before
    restored = await undo(session, call_id)
    assert await row(session, call_id) == before
    assert restored.version == closed + 1
    assert await count(session, OutboxEvent) == 0
    assert await count(session, PhoneCall) == 1
    async with session.begin():
        therapist = await session.get_one(Therapist, 1)
    assert (therapist.phone, therapist.telefon_korrigiert_at) == (therapist.telefon, None)


async def test_undo_is_noted_beside_the_outcome(session: AsyncSession, call_id: int, rules: DeskRules):
    await rang(session, call_id, rules)
    await undo(session, call_id)
    async with session.begin():
        actions = list(await session.scalars(select(Activity.action).order_by(Activity.id)))
    assert actions == ["outcome_recorded", "outcome_undone"]


async def test_events_of_other_calls_stay(session: AsyncSession, call_id: int, rules: DeskRules):
    other = make_call(therapist_id=2, leitung=3)
    async with session.begin():
        session.add(other)
    await rang(session, other.id, rules, OutcomeKind.REACHED)
    await rang(session, call_id, rules)
    await undo(session, call_id)
    async with session.begin():
        keys = list(await session.scalars(select(OutboxEvent.key)))
    assert keys == [f"call:{other.id}"]


async def test_undo_ends_after_its_time(session: AsyncSession, call_id: int, rules: DeskRules):
    result = await rang(session, call_id, rules)
    with pytest.raises(TooLateToUndo):
        await undo(session, call_id, result.undo_until)
    assert await count(session, OutboxEvent) == 2


async def test_undo_works_once(session: AsyncSession, call_id: int, rules: DeskRules):
    await rang(session, call_id, rules)
    await undo(session, call_id)
    with pytest.raises(TooLateToUndo):
        await undo(session, call_id)


async def test_without_undo_time_an_outcome_is_final(session: AsyncSession, call_id: int, rules: DeskRules):
    await rang(session, call_id, replace(rules, undo=timedelta()))
    with pytest.raises(TooLateToUndo):
        await undo(session, call_id, NOW)


async def test_after_a_second_outcome_only_that_is_undone(
    session: AsyncSession, call_id: int, rules: DeskRules
):
    await rang(session, call_id, rules, OutcomeKind.POSTPONED)
    postponed = await row(session, call_id)
    await rang(session, call_id, rules, OutcomeKind.REACHED)
    await undo(session, call_id)
    after = await row(session, call_id)
    ignored = {"rueckgaengig", "rueckgaengig_bis"}
    assert {k: v for k, v in after.items() if k not in ignored} == {
        k: v for k, v in postponed.items() if k not in ignored
    }


async def test_what_was_changed_since_is_not_undone(session: AsyncSession, call_id: int, rules: DeskRules):
    result = await rang(session, call_id, rules)
    await change(session, call_id, notizen="später ergänzt", version=result.call.version + 1)
    with pytest.raises(TooLateToUndo):
        await undo(session, call_id)


async def test_published_events_are_not_taken_back(session: AsyncSession, call_id: int, rules: DeskRules):
    await rang(session, call_id, rules)
    async with session.begin():
        await session.execute(update(OutboxEvent).values(published_at=SOON))
    with pytest.raises(TooLateToUndo):
        await undo(session, call_id)
    assert await count(session, PhoneCall) == 2


async def test_a_next_attempt_in_other_hands_stays(session: AsyncSession, call_id: int, rules: DeskRules):
    result = await rang(session, call_id, rules)
    assert result.next_call is not None
    await claim_call(work_of(session, now=SOON, rules=rules, actor=Actor("staff", BEN)), result.next_call.id)
    with pytest.raises(NextAttemptChanged):
        await undo(session, call_id)
    assert await count(session, OutboxEvent) == 2


async def test_a_postponed_call_in_other_hands_stays(session: AsyncSession, call_id: int, rules: DeskRules):
    await rang(session, call_id, rules, OutcomeKind.POSTPONED)
    await claim_call(work_of(session, now=SOON, rules=rules, actor=Actor("staff", BEN)), call_id)
    with pytest.raises(ClaimedByOther):
        await undo(session, call_id)


@pytest.mark.parametrize("others", [[(1, 3)], [(2, 1), (3, 2), (4, 3)]])
async def test_a_time_given_away_since_is_not_taken_back(
    session: AsyncSession, call_id: int, rules: DeskRules, others: list[tuple[int, int]]
):
    """The therapist has another call then, or all three lines are taken."""
    await rang(session, call_id, rules)
    async with session.begin():
        session.add_all([make_call(therapist_id=therapist, leitung=line) for therapist, line in others])
    with pytest.raises(TimeTaken):
        await undo(session, call_id)
    assert (await row(session, call_id))["status"] == "failed"


async def test_a_call_whose_line_was_given_away_since_comes_back_on_another(
    session: AsyncSession, call_id: int, rules: DeskRules
):
    await rang(session, call_id, rules)
    async with session.begin():
        session.add_all([make_call(therapist_id=2, leitung=2), make_call(therapist_id=3, leitung=1)])
    restored = await undo(session, call_id)
    assert (restored.status, restored.leitung) == ("scheduled", 3)


async def test_no_call_comes_back_after_an_answer(session: AsyncSession, call_id: int, rules: DeskRules):
    mail = make_email(status=EmailStatus.SENT, sent_at=NOW)
    async with session.begin():
        session.add(mail)
    await change(session, call_id, email_id=mail.id, grund=CallReason.NO_REPLY)
    await rang(session, call_id, rules, OutcomeKind.REACHED)
    async with session.begin():
        await session.execute(update(Email).values(antwort_erhalten=True, antwortdatum=SOON))
    with pytest.raises(TooLateToUndo):
        await undo(session, call_id)


async def test_who_gets_a_call_back_lets_go_of_the_next(
    session: AsyncSession, call_id: int, rules: DeskRules
):
    other = make_call(therapist_id=2)
    async with session.begin():
        session.add(other)
    await rang(session, call_id, rules)
    await claim_call(work_of(session, now=SOON, rules=rules, actor=Actor("staff", ANNA)), other.id)
    await undo(session, call_id)
    async with session.begin():
        held = list(await session.scalars(select(PhoneCall.id).where(PhoneCall.bearbeitet_von == ANNA)))
    assert held == [call_id]


async def test_of_two_undos_at_once_one_succeeds(
    session: AsyncSession, other_session: AsyncSession, call_id: int, rules: DeskRules
):
    await rang(session, call_id, rules)
    results = await asyncio.gather(
        undo(session, call_id), undo(other_session, call_id), return_exceptions=True
    )
    assert sorted(type(result).__name__ for result in results) == ["PhoneCall", "TooLateToUndo"]
    assert await count(session, OutboxEvent) == 0


async def test_there_is_nothing_to_undo_about_an_unknown_call(session: AsyncSession):
    with pytest.raises(NotFound):
        await undo_settlement(work_of(session, actor=API, clock=lambda: NOW), 77)


async def test_a_colleague_who_undoes_gets_no_call_and_takes_none(
    session: AsyncSession, call_id: int, rules: DeskRules
):
    await rang(session, call_id, rules, OutcomeKind.REACHED)
    other = make_call(therapist_id=2, leitung=3)
    async with session.begin():
        session.add_all([make_therapist(id=2), other])
    await claim_call(work_of(session, now=NOW, rules=rules, actor=Actor("staff", ANNA)), other.id)
    restored = (
        await undo_settlement(work_of(session, actor=Actor("staff", BEN), clock=lambda: SOON), call_id)
    ).call
    assert (restored.status, restored.bearbeitet_von) == ("scheduled", None)
    assert (await row(session, other.id))["bearbeitet_von"] == ANNA


async def test_a_call_comes_back_free_while_a_colleague_has_the_therapist_on_the_phone(
    session: AsyncSession, call_id: int, rules: DeskRules
):
    await rang(session, call_id, rules, OutcomeKind.REACHED)
    other = make_call(leitung=3, geplante_zeit=time(11, 40))
    async with session.begin():
        session.add(other)
    await claim_call(work_of(session, now=NOW, rules=rules, actor=Actor("staff", BEN)), other.id)
    restored = await undo(session, call_id)
    assert (restored.status, restored.bearbeitet_von) == ("scheduled", None)
    assert (await row(session, other.id))["bearbeitet_von"] == BEN


async def test_undo_that_waits_beyond_its_time_undoes_nothing(
    session: AsyncSession, sessions: SessionFactory, call_id: int, rules: DeskRules, clock: FakeClock
):
    """Somebody who books holds the calendar while the events become due."""
    clock.now = (await rang(session, call_id, rules)).undo_until - timedelta(seconds=1)
    async with sessions() as booking, sessions() as own, sessions() as watching:
        await lock_calendar(tx_of(booking))
        undoing = asyncio.create_task(
            undo_settlement(work_of(own, actor=Actor("staff", ANNA), clock=clock), call_id)
        )
        await eventually(lambda: waits_for_a_lock(watching))
        clock.advance(seconds=2)
        await booking.commit()
        with pytest.raises(TooLateToUndo):
            await undoing
    assert (await row(session, call_id))["status"] == "failed"
    assert await count(session, OutboxEvent) == 2


async def test_what_is_just_being_taken_back_is_not_published(
    session: AsyncSession, link: DirectConnection, call_id: int, rules: DeskRules
):
    await rang(session, call_id, rules, OutcomeKind.REACHED)
    due = NOW + timedelta(minutes=1)
    async with session.begin():
        event_id = await session.scalar(select(OutboxEvent.event_id))
        assert event_id is not None
        assert len(await due_events(link, due, 10, under_way=())) == 1
        await retract(tx_of(session), [event_id])
        assert await due_events(link, due, 10, under_way=()) == []


async def waits_for_a_lock(session: AsyncSession) -> bool:
    waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    async with session.begin():
        return bool(await session.scalar(waiting))
