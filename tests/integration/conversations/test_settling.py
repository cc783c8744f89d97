"""One outcome for all there is to talk about with a therapist, and one undo for all of it."""

import asyncio
from collections.abc import Collection
from datetime import date, time, timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.calls.claims import ClaimedByOther, NothingReachable, claim_call, claim_next
from services.calls.outcome_said import Outcome
from services.calls.outcomes import record_outcome
from services.calls.ring_backs import take_ring_back
from services.calls.undo import NextAttemptChanged, TooLateToUndo
from services.conversations.matters import load_matters
from services.conversations.settling import Settlement, postpone_due, settle
from services.conversations.undo import undo_settlement
from services.emails.replies import record_reply
from services.emails.reply import Reply
from services.errors import Conflict, StaleVersion
from services.events.types import EventType
from services.models import (
    CallEmail,
    CallReason,
    CallStatus,
    Email,
    EmailStatus,
    NoRetry,
    OutboxEvent,
    OutcomeKind,
    PhoneCall,
)
from services.work import API, Actor, Work
from shared.database import SessionFactory
from tests.eventually import eventually
from tests.factories import NOW, make_call, make_email, make_staff, make_therapist
from tests.work import tx_of, work_of

ANNA, BEN = Actor("staff", 1), Actor("staff", 2)
LEAD, OTHER, THIRD = 101, 102, 103
REACHED, MACHINE = OutcomeKind.REACHED, OutcomeKind.ANSWERING_MACHINE
MISSED = [OutcomeKind.NOT_REACHED, OutcomeKind.BUSY, MACHINE]


def anna(session: AsyncSession, **values: object) -> Work:
    return work_of(session, actor=ANNA, **values)  # pyright: ignore[reportArgumentType]


def said(art: OutcomeKind, *, along: Collection[int] = (OTHER, THIRD), **values: object) -> Settlement:
    outcome = Outcome(art=art, ergebnis="Zwei Plätze ab Mai.", typed={"ergebnis_art": art.value})
    return Settlement(outcome=outcome, along=along, **values)  # pyright: ignore[reportArgumentType]


async def a_conversation(session: AsyncSession) -> list[int]:
    """Anna holds a follow-up; a call about a second e-mail, one about none and a third e-mail are open."""
    emails = [make_email(status=EmailStatus.SENT, sent_at=NOW - timedelta(days=7)) for _ in range(3)]
    hours = {day: ["10:00-12:00"] for day in ("monday", "tuesday", "wednesday", "thursday", "friday")}
    async with session.begin():
        session.add_all([make_staff(id=1, name="Anna"), make_staff(id=2, name="Ben"), *emails])
        session.add(make_therapist(telefonische_erreichbarkeit=hours))
    async with session.begin():
        session.add_all(
            [
                make_call(id=LEAD, email_id=emails[0].id, grund=CallReason.NO_REPLY, version=1),
                make_call(id=OTHER, email_id=emails[1].id, geplante_zeit=time(11, 30)),
                make_call(id=THIRD, geplante_zeit=time(11, 45), notizen="Rechnung vom Mai"),
            ]
        )
    await claim_call(anna(session), LEAD)
    return [email.id for email in emails]


async def waits(session: AsyncSession) -> bool:
    async with session.begin():
        return bool(await session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))


async def calls_of(session: AsyncSession) -> dict[int, PhoneCall]:
    async with session.begin():
        query = select(PhoneCall).order_by(PhoneCall.id).execution_options(populate_existing=True)
        return {call.id: call for call in await session.scalars(query)}


async def everything(session: AsyncSession) -> dict[str, object]:
    """What an undo is to bring back: every column but versions and times of change, links and answers."""
    calls = await calls_of(session)
    columns = [
        column.name
        for column in PhoneCall.__table__.columns
        if column.name not in ("version", "updated_at", "rueckgaengig", "rueckgaengig_bis")
    ]
    answer = (Email.id, Email.antwort_erhalten, Email.antwortdatum, Email.antwortinhalt, Email.antwort_art)
    async with session.begin():
        links = (await session.execute(select(CallEmail.call_id, CallEmail.email_id))).all()
        answers = (await session.execute(select(*answer).order_by(Email.id))).all()
        events = (await session.scalars(select(OutboxEvent.event_type).order_by(OutboxEvent.id))).all()
    rows = {call_id: [getattr(call, name) for name in columns] for call_id, call in calls.items()}
    return {"calls": rows, "links": sorted(map(tuple, links)), "answers": answers, "events": events}


async def links_of(session: AsyncSession, call_id: int) -> list[int]:
    async with session.begin():
        ids = select(CallEmail.email_id).where(CallEmail.call_id == call_id).order_by(CallEmail.email_id)
        return list(await session.scalars(ids))


async def answered(session: AsyncSession) -> dict[int, str | None]:
    async with session.begin():
        rows = await session.execute(select(Email.id, Email.antwortinhalt).where(Email.antwort_erhalten))
        return {row.id: row.antwortinhalt for row in rows}


async def test_reached_settles_all_of_it_and_answers_the_emails(session: AsyncSession):
    emails = await a_conversation(session)
    result = await settle(anna(session), LEAD, said(REACHED, answered=emails), version=1)
    calls = await calls_of(session)
    assert {call.status for call in calls.values()} == {CallStatus.COMPLETED}
    assert [call.gemeinsam_mit_id for call in calls.values()] == [None, LEAD, LEAD]
    assert await answered(session) == dict.fromkeys(emails, "Zwei Plätze ab Mai.")
    assert (result.next_call, result.no_retry) == (None, NoRetry.NOT_WANTED)
    async with session.begin():
        rung = select(func.count()).where(PhoneCall.tatsaechliches_datum.is_not(None))
        assert await session.scalar(rung) == 1
        event = (OutboxEvent.event_type, OutboxEvent.available_at)
        events = (await session.execute(select(*event).order_by(OutboxEvent.id))).all()
    happened = sorted(event.event_type for event in events)
    assert happened == sorted([*[EventType.CALL_COMPLETED] * 3, *[EventType.EMAIL_REPLIED] * 3])
    assert all(event.available_at > result.undo_until for event in events)


@pytest.mark.parametrize("art", [REACHED, *MISSED, OutcomeKind.CANCELED, OutcomeKind.POSTPONED])
async def test_other_services_hear_which_calls_were_settled_along(session: AsyncSession, art: OutcomeKind):
    await a_conversation(session)
    await settle(anna(session), LEAD, said(art, along=[OTHER], own={THIRD: REACHED}), version=1)
    closed = [EventType.CALL_COMPLETED, EventType.CALL_FAILED, EventType.CALL_CANCELED]
    async with session.begin():
        payloads = await session.scalars(
            select(OutboxEvent.payload).where(OutboxEvent.event_type.in_(closed)).order_by(OutboxEvent.key)
        )
    told = {payload["phone_call_id"]: payload["gemeinsam_mit_id"] for payload in payloads}
    lead = {} if art == OutcomeKind.POSTPONED else {LEAD: None}
    assert told == lead | {OTHER: LEAD, THIRD: LEAD}


async def test_an_email_left_unticked_stays_unanswered(session: AsyncSession):
    emails = await a_conversation(session)
    await settle(anna(session), LEAD, said(REACHED, answered=emails[:1]), version=1)
    assert set(await answered(session)) == {emails[0]}


@pytest.mark.parametrize("art", MISSED)
async def test_a_miss_plans_one_next_attempt_about_all_of_it(session: AsyncSession, art: OutcomeKind):
    emails = await a_conversation(session)
    result = await settle(anna(session), LEAD, said(art, answered=emails), version=1)
    assert result.next_call is not None
    calls = await calls_of(session)
    planned = [call for call in calls.values() if call.status == CallStatus.SCHEDULED]
    assert [(call.id, call.versuch) for call in planned] == [(result.next_call.id, 2)]
    assert [calls[each].status for each in (LEAD, OTHER, THIRD)] == [CallStatus.FAILED] * 3
    assert not any(call.klaerung_noetig for call in calls.values())
    assert await links_of(session, result.next_call.id) == emails[:2]
    assert await answered(session) == {}
    with pytest.raises(NothingReachable):
        await claim_next(anna(session))


async def test_a_call_about_no_email_goes_on_even_if_all_emails_are_answered(session: AsyncSession):
    emails = await a_conversation(session)
    await record_reply(work_of(session, actor=API), emails[1], Reply())
    async with session.begin():
        lead = await session.get_one(PhoneCall, LEAD)
        lead.grund = CallReason.MANUAL
        (await session.get_one(Email, emails[0])).antwort_erhalten = True
        (await session.get_one(Email, emails[0])).antwortdatum = NOW
    result = await settle(anna(session), LEAD, said(MACHINE), version=1)
    assert result.next_call is not None


@pytest.mark.parametrize("art", [REACHED, *MISSED, OutcomeKind.POSTPONED, OutcomeKind.CANCELED])
async def test_one_undo_brings_all_of_it_back(session: AsyncSession, art: OutcomeKind):
    emails = await a_conversation(session)
    before = await everything(session)
    await settle(anna(session), LEAD, said(art, answered=emails), version=1)
    assert await everything(session) != before
    claim = await undo_settlement(anna(session), LEAD)
    assert claim.call.id == LEAD
    assert await everything(session) == before


async def test_after_an_undo_all_of_it_can_be_settled_anew(session: AsyncSession):
    emails = await a_conversation(session)
    await settle(anna(session), LEAD, said(MACHINE), version=1)
    claim = await undo_settlement(anna(session), LEAD)
    again = said(REACHED, answered=emails)
    await settle(anna(session), LEAD, again, version=claim.call.version)
    assert set(await answered(session)) == set(emails)


async def test_one_matter_can_be_left_and_another_have_its_own_outcome(session: AsyncSession):
    emails = await a_conversation(session)
    before = await everything(session)
    own = {THIRD: OutcomeKind.POSTPONED}
    await settle(anna(session), LEAD, said(REACHED, along=[], own=own, answered=emails[:1]), version=1)
    calls = await calls_of(session)
    statuses = [calls[each].status for each in (LEAD, OTHER, THIRD)]
    assert statuses == [CallStatus.COMPLETED, CallStatus.SCHEDULED, CallStatus.SCHEDULED]
    assert calls[THIRD].geplantes_datum == date(2026, 10, 15)
    assert calls[OTHER].version == 1
    await undo_settlement(anna(session), LEAD)
    assert await everything(session) == before


async def test_postponed_calls_become_one(session: AsyncSession):
    emails = await a_conversation(session)
    await postpone_due(anna(session), LEAD, version=1)
    calls = await calls_of(session)
    assert [(call.status, call.absage_grund) for call in calls.values()] == [
        (CallStatus.SCHEDULED, None),
        (CallStatus.CANCELED, "zusammengelegt"),
        (CallStatus.CANCELED, "zusammengelegt"),
    ]
    assert calls[LEAD].geplantes_datum == date(2026, 10, 15)
    assert await links_of(session, LEAD) == emails[:2]


async def test_what_was_noted_is_there_at_the_next_attempt(session: AsyncSession):
    await a_conversation(session)
    result = await settle(anna(session), LEAD, said(MACHINE), version=1)
    assert result.next_call is not None
    async with session.begin():
        [matter] = (await load_matters(tx_of(session), result.next_call)).calls
    assert matter.notes == ("Rechnung vom Mai",)


async def test_the_answers_of_others_stay_and_then_nothing_is_taken_back(session: AsyncSession):
    emails = await a_conversation(session)
    await settle(anna(session), LEAD, said(REACHED, answered=emails), version=1)
    await record_reply(work_of(session, actor=API), emails[0], Reply(inhalt="Ja, gern."))
    settled = await everything(session)
    with pytest.raises(TooLateToUndo):
        await undo_settlement(anna(session), LEAD)
    assert await everything(session) == settled


async def test_an_answer_that_came_before_is_not_written_over(session: AsyncSession):
    emails = await a_conversation(session)
    await record_reply(work_of(session, actor=API), emails[2], Reply(inhalt="Ja, gern."))
    await settle(anna(session), LEAD, said(REACHED, answered=emails), version=1)
    assert (await answered(session))[emails[2]] == "Ja, gern."


async def test_an_answer_to_what_is_carried_on_leaves_the_next_attempt(session: AsyncSession):
    emails = await a_conversation(session)
    result = await settle(anna(session), LEAD, said(MACHINE), version=1)
    assert result.next_call is not None
    await record_reply(work_of(session, actor=API), emails[0], Reply())
    assert await links_of(session, result.next_call.id) == emails[1:2]


@pytest.mark.parametrize("which", [0, 1])
async def test_no_undo_brings_back_a_call_whose_own_email_was_answered_meanwhile(
    session: AsyncSession, which: int
):
    """Whether it is the call in hand, which is about the others' by then as well, or one settled along."""
    emails = await a_conversation(session)
    await settle(anna(session), LEAD, said(MACHINE), version=1)
    await record_reply(work_of(session, actor=API), emails[which], Reply())
    settled = await everything(session)
    with pytest.raises(TooLateToUndo):
        await undo_settlement(anna(session), LEAD)
    assert await everything(session) == settled


async def test_a_colleague_who_takes_a_postponed_call_keeps_it(
    session: AsyncSession, sessions: SessionFactory
):
    await a_conversation(session)
    own = {THIRD: OutcomeKind.POSTPONED}
    await settle(anna(session), LEAD, said(REACHED, along=[OTHER], own=own), version=1)
    async with sessions() as taking, sessions() as undoing, sessions() as watching:
        async with taking.begin():
            call = await tx_of(taking).locked(PhoneCall, THIRD, key_share=True)
            undo = asyncio.create_task(undo_settlement(work_of(undoing, actor=ANNA), LEAD))
            await eventually(lambda: waits(watching))
            call.bearbeitet_von, call.bearbeitet_bis = 2, NOW + timedelta(minutes=10)
        with pytest.raises(ClaimedByOther):
            await undo
    calls = await calls_of(session)
    assert (calls[THIRD].bearbeitet_von, calls[LEAD].status) == (2, CallStatus.COMPLETED)


async def test_what_a_colleague_did_to_the_next_attempt_keeps_all_of_it(session: AsyncSession):
    await a_conversation(session)
    result = await settle(anna(session), LEAD, said(MACHINE), version=1)
    assert result.next_call is not None
    await claim_call(work_of(session, actor=BEN), result.next_call.id)
    settled = await everything(session)
    with pytest.raises(NextAttemptChanged):
        await undo_settlement(anna(session), LEAD)
    assert await everything(session) == settled


async def test_what_a_colleague_has_in_hand_is_not_settled(session: AsyncSession):
    await a_conversation(session)
    later = NOW + timedelta(minutes=11)
    await claim_call(work_of(session, now=later, actor=BEN), OTHER)
    before = await everything(session)
    with pytest.raises(ClaimedByOther):
        await settle(anna(session, now=later), LEAD, said(MACHINE), version=1)
    with pytest.raises(StaleVersion):
        await settle(anna(session), LEAD, said(MACHINE), version=7)
    assert await everything(session) == before


async def test_calls_closed_meanwhile_and_those_of_others_are_passed_over(session: AsyncSession):
    await a_conversation(session)
    async with session.begin():
        session.add(make_therapist(id=2))
        session.add(make_call(id=200, therapist_id=2, leitung=2))
    await record_outcome(work_of(session, actor=API), OTHER, Outcome(art=OutcomeKind.CANCELED), version=1)
    await settle(anna(session), LEAD, said(MACHINE, along=[OTHER, THIRD, 200, 999]), version=1)
    calls = await calls_of(session)
    assert (calls[OTHER].gemeinsam_mit_id, calls[200].status) == (None, CallStatus.SCHEDULED)
    assert calls[THIRD].gemeinsam_mit_id == LEAD


async def test_attempts_used_up_ask_one_person_about_all_of_it(session: AsyncSession):
    emails = await a_conversation(session)
    async with session.begin():
        (await session.get_one(PhoneCall, LEAD)).versuch = 5
    result = await settle(anna(session), LEAD, said(MACHINE), version=1)
    assert (result.next_call, result.no_retry) == (None, NoRetry.ATTEMPTS_USED_UP)
    calls = await calls_of(session)
    assert [call.id for call in calls.values() if call.klaerung_noetig] == [LEAD]
    assert await links_of(session, LEAD) == emails[:2]


async def test_outcomes_replies_and_undo_at_once_leave_one_truth(
    session: AsyncSession, sessions: SessionFactory
):
    """Whatever comes first: no open call is about answered e-mails only, and one follow-up at most."""
    emails = await a_conversation(session)

    async def attempt(doing: object, *args: object, **values: object) -> None:
        async with sessions() as own:
            try:
                await doing(work_of(own, actor=ANNA), *args, **values)  # pyright: ignore
            except Conflict:
                return

    for _ in range(4):
        calls = await calls_of(session)
        open_ids = [call.id for call in calls.values() if call.status == CallStatus.SCHEDULED]
        if not open_ids:
            break
        lead = open_ids[0]
        version = calls[lead].version
        await asyncio.gather(
            attempt(settle, lead, said(MACHINE, along=open_ids[1:]), version=version),
            attempt(settle, lead, said(REACHED, along=open_ids[1:], answered=emails[:1]), version=version),
            attempt(settle, open_ids[-1], said(MACHINE, along=open_ids[:-1]), version=None),
            attempt(record_reply, emails[1], Reply()),
            attempt(undo_settlement, lead),
            attempt(undo_settlement, open_ids[-1]),
        )
        calls = await calls_of(session)
        still_open = [call for call in calls.values() if call.status == CallStatus.SCHEDULED]
        assert sum(call.grund == CallReason.NO_REPLY for call in still_open) <= 1
        done = set(await answered(session))
        for call in still_open:
            about = set(await links_of(session, call.id))
            assert not about or about - done, call.id


@pytest.mark.parametrize("has_calls", [True, False])
async def test_a_ring_back_settled_while_an_answer_comes_and_somebody_undoes_it_leaves_one_truth(
    session: AsyncSession, sessions: SessionFactory, has_calls: bool
):
    """The answer stays whatever comes first; the rest is settled as a whole, or open as a whole."""
    first, *others = emails = await a_conversation(session)
    if not has_calls:
        await settle(anna(session), LEAD, said(OutcomeKind.CANCELED), version=1)
    lead = (await take_ring_back(anna(session), 1)).call.id
    along = [OTHER, THIRD] if has_calls else []

    async def attempt(doing: object, *args: object, **values: object) -> None:
        async with sessions() as own:
            try:
                await doing(work_of(own, actor=ANNA), *args, **values)  # pyright: ignore
            except Conflict:
                return

    for _ in range(5):
        settlement = said(REACHED, along=along, answered=emails)
        await asyncio.gather(
            attempt(settle, lead, settlement, version=None),
            attempt(record_reply, first, Reply(inhalt="Ja, gern.")),
            attempt(undo_settlement, lead),
        )
        calls, done = await calls_of(session), await answered(session)
        assert done.pop(first) == "Ja, gern."
        settled = calls[lead].status == CallStatus.COMPLETED
        assert set(done) == (set(others) if settled else set())
        assert {calls[each].status == CallStatus.COMPLETED for each in along} <= {settled}
        assert not [call for call in calls.values() if call.id not in (LEAD, OTHER, THIRD, lead)]


async def test_two_who_pick_up_for_one_therapist_have_one_ring_back(
    session: AsyncSession, sessions: SessionFactory
):
    async with session.begin():
        session.add_all([make_staff(id=1, name="Anna"), make_staff(id=2, name="Ben"), make_therapist()])

    async def pick_up(actor: Actor) -> int | None:
        async with sessions() as own:
            try:
                return (await take_ring_back(work_of(own, actor=actor), 1)).call.id
            except ClaimedByOther:
                return None

    taken = await asyncio.gather(*(pick_up(who) for who in (ANNA, BEN, ANNA, BEN)))
    [call] = (await calls_of(session)).values()
    assert set(taken) == {call.id, None}
    assert call.grund == CallReason.CALL_BACK
