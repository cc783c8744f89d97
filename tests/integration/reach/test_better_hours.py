"""A call left for a better hour: from outcomes in the database to the board, *Next* and the next attempt."""

from dataclasses import replace
from datetime import time, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.calls.claims import NothingReachable, claim_call, claim_next
from services.calls.next_attempt import preview_next_attempt
from services.calls.outcomes import Outcome, record_outcome
from services.calls.placed import BoardCall
from services.calls.reachability import Group
from services.desk.board import load_board
from services.desk.open_calls import list_open_calls
from services.desk.today import load_desk
from services.models import CallPattern, OutcomeKind, PhoneCall
from services.pagination import PageRequest
from services.reach.history import load_histories
from services.reach.patterns import PatternLearning, learn_pattern, load_pattern
from services.reach.tallies import Hour, weight
from services.reach.waiting import Evidence, Whose
from services.rules import DeskRules
from services.work import Actor
from shared.database import SessionFactory
from tests.factories import NOW, make_call, make_staff, make_therapist
from tests.habits import CALL, HOURS, MACHINE, MISSED, OFTEN, THURSDAY, WEDNESDAY, WEEK, made, others, own
from tests.work import tx_of, work_of, workplace_of

ANNA = Actor("staff", 1)


async def save(session: AsyncSession, *rows: object) -> None:
    async with session.begin():
        session.add_all(rows)


@pytest.fixture
async def learnt(session: AsyncSession, rules: DeskRules) -> None:
    """It is Wednesday, 10:42. `CALL` to therapist 1 is due today; all there is to learn is learnt."""
    await save(session, make_staff(id=1), make_therapist(telefonische_erreichbarkeit=HOURS))
    await save(session, make_call(id=CALL), *others(), *own())
    await learn_pattern(work_of(session, now=NOW, rules=rules))


async def row_of(session: AsyncSession, rules: DeskRules) -> BoardCall:
    board = await load_board(work_of(session, now=NOW, rules=rules))
    return next(row for group in (board.reachable_now, board.later, board.overdue) for row in group)


@pytest.mark.usefixtures("learnt")
async def test_a_call_waits_for_a_clearly_better_hour_and_says_why(session: AsyncSession, rules: DeskRules):
    place = (await row_of(session, rules)).placement
    assert (place.group, place.opens_at) == (Group.LATER, rules.instant(THURSDAY, time(12)))
    assert place.waits is not None
    assert (place.waits.then, place.waits.now) == (Evidence(Whose.THEN, 4, 5), Evidence(Whose.THEN, 0, 3))


@pytest.mark.usefixtures("learnt")
async def test_next_and_the_offer_leave_it_and_by_hand_it_is_taken(session: AsyncSession, rules: DeskRules):
    work = work_of(session, now=NOW, rules=rules, actor=ANNA)
    assert (await load_desk(work)).offer is None
    with pytest.raises(NothingReachable):
        await claim_next(work)
    assert (await claim_call(work, CALL)).call.bearbeitet_von == 1
    assert (await row_of(session, rules)).placement.group is Group.REACHABLE_NOW


@pytest.mark.usefixtures("learnt")
async def test_the_list_of_all_open_calls_says_the_same(session: AsyncSession, rules: DeskRules):
    found = await list_open_calls(work_of(session, now=NOW, rules=rules), PageRequest())
    assert [bool(row.placement.waits) for row in found.rows] == [True]


@pytest.mark.usefixtures("learnt")
async def test_switched_off_nobody_waits(session: AsyncSession, rules: DeskRules):
    today = replace(rules, longest_wait=timedelta())
    assert (await row_of(session, today)).placement.group is Group.REACHABLE_NOW
    assert (await claim_next(work_of(session, now=NOW, rules=today, actor=ANNA))).call.id == CALL


@pytest.mark.parametrize(
    "values",
    [
        {"geplantes_datum": THURSDAY - timedelta(days=6)},
        {"grund": "rueckruf"},
        {"ergebnis_art": "verschoben", "geplante_zeit": time(10, 30)},
        {"ausserhalb_erreichbarkeit": True, "geplante_zeit": time(10, 30)},
    ],
    ids=["due for too long", "call-back", "postponed to now", "agreed"],
)
@pytest.mark.usefixtures("learnt")
async def test_what_is_due_for_too_long_or_agreed_does_not_wait(
    session: AsyncSession, rules: DeskRules, values: dict[str, object]
):
    async with session.begin():
        call = await session.get_one(PhoneCall, CALL)
        for name, value in values.items():
            setattr(call, name, value)
    assert (await row_of(session, rules)).placement.group is Group.REACHABLE_NOW


async def test_before_anything_is_learnt_nobody_waits(session: AsyncSession, rules: DeskRules):
    await save(session, make_therapist(telefonische_erreichbarkeit=HOURS), make_call(id=CALL), *own())
    assert (await row_of(session, rules)).placement.group is Group.REACHABLE_NOW


async def test_where_hours_do_not_differ_nobody_waits(session: AsyncSession, rules: DeskRules):
    await save(session, make_therapist(telefonische_erreichbarkeit=HOURS), make_call(id=CALL))
    even = [OutcomeKind.REACHED, MISSED] * 2
    for number in range(OFTEN):
        for day in (WEDNESDAY, THURSDAY):
            await save(session, *made(100 + number, day, 10, even), *made(100 + number, day, 12, even[::-1]))
    await learn_pattern(work_of(session, now=NOW, rules=rules))
    assert (await row_of(session, rules)).placement.group is Group.REACHABLE_NOW


@pytest.mark.parametrize("art", [MISSED, MACHINE, OutcomeKind.BUSY])
@pytest.mark.usefixtures("learnt")
async def test_the_next_attempt_is_in_the_best_hour_as_shown_before(
    session: AsyncSession, rules: DeskRules, art: OutcomeKind
):
    work = work_of(session, now=NOW, rules=rules)
    async with session.begin():
        call = await session.get_one(PhoneCall, CALL)
    shown = (await preview_next_attempt(work, call, art)).slot
    assert shown is not None
    assert (shown.day, shown.start) == (THURSDAY, time(12))
    planned = (await record_outcome(work, CALL, Outcome(art=art), version=None)).next_call
    assert planned is not None
    assert (planned.geplantes_datum, planned.geplante_zeit) == (shown.day, shown.start)


@pytest.mark.usefixtures("learnt")
async def test_switched_off_the_next_attempt_is_in_the_next_window(session: AsyncSession, rules: DeskRules):
    work = work_of(session, now=NOW, rules=replace(rules, longest_wait=timedelta()))
    planned = (await record_outcome(work, CALL, Outcome(art=MISSED), version=None)).next_call
    assert planned is not None
    assert (planned.geplantes_datum, planned.geplante_zeit) == (THURSDAY, time(10))


@pytest.mark.usefixtures("learnt")
async def test_the_next_attempt_keeps_the_day_given_and_the_horizon(session: AsyncSession, rules: DeskRules):
    one_day = replace(rules, horizon_days=1, notice=timedelta(hours=20))
    async with session.begin():
        call = await session.get_one(PhoneCall, CALL)
    following = THURSDAY + WEEK
    given = await preview_next_attempt(
        work_of(session, now=NOW, rules=rules), call, MISSED, wiederholen_nach=following
    )
    near = await preview_next_attempt(work_of(session, now=NOW, rules=one_day), call, MISSED)
    assert given.slot is not None
    assert near.slot is not None
    assert (given.slot.day, given.slot.start.hour) == (following, 12)
    assert near.slot.day == THURSDAY


@pytest.mark.usefixtures("learnt")
async def test_a_better_hour_that_is_booked_out_is_no_better(session: AsyncSession, rules: DeskRules):
    one_line = replace(rules, lines=1)
    full = [
        make_call(therapist_id=50 + n, geplantes_datum=THURSDAY, geplante_zeit=time(12, 5 * n))
        for n in range(12)
    ]
    await save(session, *full)
    planned = (
        await record_outcome(
            work_of(session, now=NOW, rules=one_line), CALL, Outcome(art=MISSED), version=None
        )
    ).next_call
    assert planned is not None
    assert (planned.geplantes_datum, planned.geplante_zeit) == (THURSDAY, time(10))


async def test_histories_count_outcomes_by_local_hour_and_age(session: AsyncSession, rules: DeskRules):
    long_ago = make_call(
        therapist_id=1,
        status="completed",
        ergebnis_art="erreicht",
        tatsaechliches_datum=THURSDAY - timedelta(days=400),
        tatsaechliche_zeit=time(12),
    )
    wrong = make_call(
        therapist_id=1,
        status="failed",
        ergebnis_art="falsche_nummer",
        tatsaechliches_datum=WEDNESDAY,
        tatsaechliche_zeit=time(9),
    )
    await save(session, *own(), long_ago, wrong, *made(2, WEDNESDAY, 9, [MISSED]))
    async with session.begin():
        found = await load_histories(tx_of(session, rules=rules), [1, 3])
    assert found.keys() == {1}
    assert found[1].keys() == {Hour(2, 10), Hour(3, 12)}
    noon = found[1][Hour(3, 12)]
    assert (noon.attempts, noon.reached, noon.busy) == (5, 4, 1)
    ages = [(WEDNESDAY - (THURSDAY - (number + 1) * WEEK)).days for number in range(5)]
    assert noon.weight == pytest.approx(sum(map(weight, ages)))
    assert noon.picked_up == pytest.approx(sum(map(weight, ages[:4])) + weight(ages[4]) / 2)


async def test_a_pattern_is_kept_as_it_was_learnt_and_learnt_anew_each_hour(
    session: AsyncSession, sessions: SessionFactory, rules: DeskRules
):
    await save(session, *others())
    for minutes in (0, 59, 60):
        now = NOW + timedelta(minutes=minutes)
        await PatternLearning(workplace_of(sessions, lambda now=now: now, rules)).turn()
        async with session.begin():
            learnt_at = await session.scalar(select(CallPattern.learnt_at))
            session.expire_all()
        assert learnt_at == (NOW if minutes < 60 else now)
    async with session.begin():
        kept = await load_pattern(tx_of(session, rules=rules))
    assert kept is not None
    assert kept.therapists.hour < 3
    assert kept.at(Hour(2, 10)) == pytest.approx(0.5, abs=0.02)
