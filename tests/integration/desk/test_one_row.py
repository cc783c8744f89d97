"""A therapist is one row, with all there is to talk about, and is not offered again right after a miss."""

from datetime import date, time, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from services.calls.claims import NothingReachable, claim_call, claim_next
from services.calls.outcomes import Outcome, record_outcome
from services.desk.board import Board, load_board
from services.desk.today import load_desk
from services.models import CallReason, EmailStatus, OutcomeKind, PhoneCall
from services.work import API, Actor
from tests.factories import NOW, make_call, make_email, make_staff, make_therapist
from tests.work import work_of

ANNA = Actor("staff", 1)
YESTERDAY = date(2026, 10, 13)
A_WHILE_LATER = NOW + timedelta(minutes=38)
AFTERNOON = NOW + timedelta(hours=5)
HOURS = {"wednesday": ["10:00-12:00", "15:00-16:00"], "thursday": ["10:00-12:00"]}


async def save(session: AsyncSession, *rows: object) -> None:
    async with session.begin():
        session.add_all(rows)


def sent(therapist_id: int = 1, **values: object):
    return make_email(
        therapist_id=therapist_id, status=EmailStatus.SENT, sent_at=NOW - timedelta(days=7), **values
    )


async def two_calls(session: AsyncSession, **second: object) -> None:
    """Anna, and one therapist with two calls today."""
    await save(session, make_staff(id=1, name="Anna"), make_therapist(telefonische_erreichbarkeit=HOURS))
    await save(session, make_call(id=1), make_call(id=2, **({"geplante_zeit": time(11, 30)} | second)))


async def board_at(session: AsyncSession, now=NOW) -> Board:
    return await load_board(work_of(session, now=now))


async def test_calls_to_one_therapist_are_one_row_and_count_once(session: AsyncSession):
    await two_calls(session, geplantes_datum=YESTERDAY)
    await save(session, make_therapist(id=2, telefonische_erreichbarkeit=HOURS))
    await save(session, make_call(id=3, therapist_id=2, leitung=2))
    board = await board_at(session)
    assert [(row.call.therapist_id, len(row.others)) for row in board.reachable_now] == [(1, 1), (2, 0)]
    assert [row.overdue for row in board.reachable_now] == [True, False]
    counts = board.counts
    assert (counts.open, counts.reachable_now, counts.reachable_free, counts.overdue) == (2, 2, 2, 1)


async def test_matters_are_emails_and_calls_about_none(session: AsyncSession):
    about, waiting, answered, returned, elsewhere = (
        sent(),
        sent(),
        sent(antwort_erhalten=True, antwortdatum=NOW, antwort_art="antwort"),
        sent(antwort_art="unzustellbar"),
        sent(2),
    )
    await save(session, about, waiting, answered, returned, elsewhere, make_email(status=EmailStatus.DRAFT))
    await two_calls(session)
    await save(session, make_call(id=4, email_id=about.id, geplante_zeit=time(11, 10)))
    [row] = (await board_at(session)).reachable_now
    assert row.matters == 4
    matters = (await load_desk(work_of(session, actor=ANNA), 2)).panel.matters
    assert [matter.call.id for matter in matters.calls] == [2, 1, 4]
    assert [[email.id for email in matter.emails] for matter in matters.calls] == [[], [], [about.id]]
    assert [email.id for email in matters.emails] == [waiting.id]
    assert matters.count == row.matters
    assert [email.id for email in matters.unanswered] == [about.id, waiting.id]


async def test_a_claim_takes_the_therapist_and_next_goes_on_to_another(session: AsyncSession):
    await two_calls(session)
    anna = work_of(session, actor=ANNA)
    await claim_call(anna, 2)
    [row] = (await board_at(session)).reachable_now
    assert (row.call.call_id, row.holder_name) == (2, "Anna")
    with pytest.raises(NothingReachable):
        await claim_next(anna)
    desk = await load_desk(anna, 1)
    assert desk.mine
    assert desk.panel.call.id == 2


MISSED = [OutcomeKind.NOT_REACHED, OutcomeKind.ANSWERING_MACHINE, OutcomeKind.BUSY]


@pytest.mark.parametrize("art", MISSED)
async def test_after_a_miss_no_other_call_to_the_therapist_is_offered(
    session: AsyncSession, art: OutcomeKind
):
    await two_calls(session)
    await record_outcome(work_of(session, actor=API), 1, Outcome(art=art), version=1)
    with pytest.raises(NothingReachable):
        await claim_next(work_of(session, actor=ANNA))
    board = await board_at(session)
    assert board.reachable_now == []
    assert [row.placement.rests_until is not None for row in (*board.soon, *board.later)] == [True]
    again = A_WHILE_LATER if art is OutcomeKind.BUSY else AFTERNOON
    claim = await claim_next(work_of(session, now=again, actor=ANNA))
    assert claim.call.therapist_id == 1


async def test_staff_can_ring_all_the_same(session: AsyncSession):
    await two_calls(session)
    await record_outcome(work_of(session, actor=API), 1, Outcome(art=OutcomeKind.BUSY), version=1)
    assert (await claim_call(work_of(session, actor=ANNA), 2)).call.id == 2


async def test_a_call_back_agreed_for_later_comes_at_its_time(session: AsyncSession):
    await two_calls(session, grund=CallReason.CALL_BACK, geplante_zeit=time(11, 10))
    missed = Outcome(art=OutcomeKind.ANSWERING_MACHINE)
    await record_outcome(work_of(session, actor=API), 1, missed, version=1)
    with pytest.raises(NothingReachable):
        await claim_next(work_of(session, actor=ANNA))
    claim = await claim_next(work_of(session, now=NOW + timedelta(minutes=28), actor=ANNA))
    assert claim.call.id == 2


async def test_after_a_wrong_number_nobody_is_offered_it_again_today(session: AsyncSession):
    await two_calls(session)
    wrong = Outcome(art=OutcomeKind.WRONG_NUMBER)
    await record_outcome(work_of(session, actor=API), 1, wrong, version=1)
    for now in (NOW, AFTERNOON):
        with pytest.raises(NothingReachable):
            await claim_next(work_of(session, now=now, actor=ANNA))


async def test_whoever_was_reached_is_offered_for_what_is_left(session: AsyncSession):
    await two_calls(session)
    await record_outcome(work_of(session, actor=API), 1, Outcome(art=OutcomeKind.REACHED), version=1)
    assert (await claim_next(work_of(session, actor=ANNA))).call.id == 2


async def test_a_miss_of_yesterday_is_over(session: AsyncSession):
    await two_calls(session)
    async with session.begin():
        first = await session.get_one(PhoneCall, 1)
        first.status, first.ergebnis_art = "failed", OutcomeKind.ANSWERING_MACHINE
        first.tatsaechliches_datum, first.tatsaechliche_zeit = YESTERDAY, time(10, 42)
        first.abgeschlossen_at = NOW - timedelta(minutes=1)
    assert (await claim_next(work_of(session, actor=ANNA))).call.id == 2
