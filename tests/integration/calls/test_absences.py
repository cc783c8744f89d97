"""Absent until a day: nothing is planned or offered before it, and what was planned moves behind it."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.calls.absences import lift_absence, move_calls_of_absent, set_absence
from services.calls.claims import NothingReachable, claim_call, claim_next
from services.calls.next_attempt import preview_next_attempt
from services.calls.outcomes import Outcome, record_outcome
from services.calls.planning import NewCall
from services.calls.reachability import Group, Obstacle
from services.calls.wishes import CallsInVain, plan_call
from services.desk.board import load_board
from services.desk.week import load_week, monday_of
from services.emails.replies import record_reply
from services.emails.reply import Reply
from services.emails.reply_preview import preview_reply
from services.errors import InvalidInput, StaleVersion
from services.follow_ups.automatic import create_due
from services.models import (
    AbsenceSource,
    Activity,
    CallReason,
    CallStatus,
    CancelReason,
    EmailStatus,
    NoRetry,
    OutboxEvent,
    OutcomeKind,
    PhoneCall,
    ReplyKind,
    Therapist,
)
from services.rules import DeskRules
from services.scheduling.booking import book_at, book_next
from services.scheduling.calendar import NoWindow, find_next, free_slots_of_day
from services.therapists.directory import TherapistDirectory, store
from services.therapists.record import read_therapist
from services.work import Actor
from shared.config import Settings
from shared.database import SessionFactory
from tests.factories import NOW, make_call, make_email, make_staff, make_therapist
from tests.therapist_service import TherapistServiceDouble, therapist_json
from tests.work import tx_of, work_of, workplace_of

TODAY = date(2026, 10, 14)
FRIDAY = date(2026, 10, 16)
BACK = date(2026, 10, 26)
ANNA = Actor("staff", staff_id=1)


@pytest.fixture
def directory(config: Settings) -> TherapistDirectory:
    service = TherapistServiceDouble()
    service.add(1)
    return TherapistDirectory(config, service.client())


async def seed(session: AsyncSession, *rows: object) -> None:
    async with session.begin():
        session.add_all([make_staff(id=1), make_therapist()])
        await session.flush()
        session.add_all(rows)


async def set_away(session: AsyncSession, back_on: date = BACK, **how: object):
    work = work_of(session, actor=ANNA)
    return await set_absence(work, 1, back_on, AbsenceSource.HAND, **how)  # pyright: ignore[reportArgumentType]


async def calls(session: AsyncSession) -> dict[int, PhoneCall]:
    query = select(PhoneCall).order_by(PhoneCall.id).execution_options(populate_existing=True)
    async with session.begin():
        return {call.id: call for call in await session.scalars(query)}


async def events(session: AsyncSession) -> list[tuple[str, int]]:
    async with session.begin():
        rows = await session.scalars(select(OutboxEvent).order_by(OutboxEvent.id))
        return [
            (row.event_type.removeprefix("communication."), int(row.key.removeprefix("call:")))
            for row in rows
        ]


async def test_what_is_planned_before_moves_behind_and_says_so(session: AsyncSession):
    await seed(
        session,
        make_call(id=1, geplantes_datum=TODAY - timedelta(days=1)),
        make_call(id=2, geplantes_datum=FRIDAY, grund=CallReason.NO_REPLY),
        make_call(id=3, geplantes_datum=FRIDAY, geplante_zeit=time(19), ausserhalb_erreichbarkeit=True),
        make_call(id=4, geplantes_datum=BACK, geplante_zeit=time(10)),
        make_call(id=5, geplantes_datum=TODAY, geplante_zeit=time(9), status="completed"),
    )
    absent = await set_away(session)
    assert [moved.call.id for moved in absent.calls] == [1, 2, 3]
    found = await calls(session)
    assert {found[number].geplantes_datum for number in (1, 2, 3, 4)} == {BACK}
    assert [found[n].geplante_zeit for n in (4, 1, 2, 3)] == [
        time(10),
        time(10, 10),
        time(10, 20),
        time(10, 30),
    ]
    assert not found[3].ausserhalb_erreichbarkeit
    assert (found[1].version, found[4].version, found[5].geplantes_datum) == (2, 1, TODAY)
    assert await events(session) == [("call_scheduled", n) for n in (1, 2, 3)]
    async with session.begin():
        noted = await session.scalars(select(Activity).order_by(Activity.id))
        assert [(each.action, each.object_id, each.staff_id) for each in noted] == [
            ("absence_set", 1, 1),
            *(("call_moved", number, 1) for number in (1, 2, 3)),
        ]


async def test_calls_back_that_were_agreed_and_calls_in_hand_stay(session: AsyncSession):
    await seed(
        session,
        make_call(id=1, geplantes_datum=FRIDAY, grund=CallReason.CALL_BACK),
        make_call(id=2, geplantes_datum=TODAY),
    )
    await claim_call(work_of(session, actor=ANNA), 2)
    assert (await set_away(session)).calls == []
    assert [call.geplantes_datum for call in (await calls(session)).values()] == [FRIDAY, TODAY]


async def test_with_no_free_time_behind_it_a_call_is_cancelled_and_asks_for_a_person(session: AsyncSession):
    await seed(session, make_call(id=1, geplantes_datum=FRIDAY))
    async with session.begin():
        therapist = await session.get_one(Therapist, 1)
        therapist.telefonische_erreichbarkeit = None
    (moved,) = (await set_away(session)).calls
    assert moved.before.status == CallStatus.SCHEDULED
    call = (await calls(session))[1]
    assert (call.status, call.absage_grund) == (CallStatus.CANCELED, CancelReason.NO_TIME_AFTER_ABSENCE)
    assert (call.klaerung_noetig, call.klaerung_grund) == (True, NoRetry.NO_WINDOW)
    assert await events(session) == [("call_canceled", 1)]


async def test_nothing_is_planned_before_the_first_day_back(
    session: AsyncSession, rules: DeskRules, directory: TherapistDirectory
):
    await seed(session)
    await set_away(session)
    async with session.begin():
        therapist = await session.get_one(Therapist, 1)
        tx = tx_of(session, rules=rules)
        assert (await find_next(tx, therapist)).day == BACK
        assert (await find_next(tx, therapist, not_before=BACK + timedelta(days=1))).day > BACK
        assert await free_slots_of_day(tx, therapist, FRIDAY) == []
        assert await free_slots_of_day(tx, therapist, BACK)
        assert (await book_next(tx, therapist)).geplantes_datum == BACK
    work = work_of(session, rules=rules)
    planned = await plan_call(work, NewCall(therapist_id=1), all_the_same=False, directory=directory)
    assert planned.geplantes_datum == BACK


async def test_somebody_without_phone_hours_is_still_told_so(session: AsyncSession, rules: DeskRules):
    await seed(session)
    await set_away(session)
    async with session.begin():
        therapist = await session.get_one(Therapist, 1)
        therapist.telefonische_erreichbarkeit = {"mo": "19-21"}
        with pytest.raises(NoWindow, match="within the desk's hours"):
            await find_next(tx_of(session, rules=rules), therapist)


async def test_the_next_attempt_waits_for_the_return(session: AsyncSession, rules: DeskRules):
    await seed(session, make_call(id=71, geplantes_datum=TODAY))
    work = work_of(session, rules=rules, actor=ANNA)
    await claim_call(work, 71)
    await set_away(session)
    call = (await calls(session))[71]
    machine = OutcomeKind.ANSWERING_MACHINE
    foreseen = await preview_next_attempt(work, call, machine)
    assert foreseen.slot is not None
    assert foreseen.slot.day == BACK
    result = await record_outcome(work, 71, Outcome(art=machine), version=None)
    assert result.next_call is not None
    assert (result.next_call.geplantes_datum, result.next_call.geplante_zeit) == foreseen.slot[:2]


async def test_who_is_away_stands_apart_with_the_reason_and_is_not_offered(
    session: AsyncSession, rules: DeskRules
):
    await seed(session, make_call(id=1, geplantes_datum=TODAY))
    at_work = work_of(session, rules=rules, actor=ANNA)
    await claim_call(at_work, 1)
    await set_away(session)
    board = await load_board(work_of(session, rules=rules))
    (row,) = board.unreachable
    assert (row.placement.group, row.placement.obstacle) == (Group.UNREACHABLE, Obstacle.ABSENT)
    assert row.call.availability.back_on == BACK
    assert sum(part.windows for part in board.band) == 0
    later = work_of(session, now=NOW + rules.claim, rules=rules, actor=ANNA)
    with pytest.raises(NothingReachable):
        await claim_next(later)
    assert (await claim_call(later, 1)).call.bearbeitet_von == 1
    back = datetime.combine(BACK, time(10), tzinfo=rules.tz).astimezone(UTC)
    assert (await load_board(work_of(session, now=back, rules=rules))).reachable_now


async def test_a_call_back_and_a_time_set_in_the_absence_are_offered_then(
    session: AsyncSession, rules: DeskRules
):
    await seed(
        session, make_call(id=71, geplantes_datum=FRIDAY, geplante_zeit=time(11), grund=CallReason.CALL_BACK)
    )
    await set_away(session)
    async with session.begin():
        therapist = await session.get_one(Therapist, 1)
        agreed = await book_at(tx_of(session, rules=rules), therapist, FRIDAY, time(14))
        assert agreed.ausserhalb_erreichbarkeit
    assert await move_calls_of_absent(work_of(session, rules=rules)) == 0

    async def offered(at: time) -> list[int]:
        now = datetime.combine(FRIDAY, at, tzinfo=rules.tz).astimezone(UTC)
        board = await load_board(work_of(session, now=now, rules=rules))
        return [row.call.call_id for row in board.reachable_now]

    assert await offered(time(10, 30)) == []
    assert await offered(time(11, 10)) == [71]
    assert await offered(time(14, 10)) == [agreed.id]


async def test_the_week_counts_nobody_who_is_away(session: AsyncSession, rules: DeskRules):
    await seed(session, make_call(id=1, geplantes_datum=BACK + timedelta(days=1)))
    await set_away(session, BACK + timedelta(days=1))
    week = await load_week(work_of(session, rules=rules), monday_of(BACK))
    reachable = {day.day: sum(cell.reachable for cell in day.cells) for day in week.days}
    assert reachable[BACK] == 0
    assert reachable[BACK + timedelta(days=1)] == 2


async def test_lifting_it_leaves_calls_where_they_are(session: AsyncSession, rules: DeskRules):
    await seed(session, make_call(id=1, geplantes_datum=FRIDAY))
    await set_away(session)
    therapist = await lift_absence(work_of(session, actor=ANNA), 1)
    assert (therapist.wieder_da_am, therapist.abwesend_laut, therapist.abwesend_seit) == (None, None, None)
    assert (await calls(session))[1].geplantes_datum == BACK
    async with session.begin():
        assert (await find_next(tx_of(session, rules=rules), therapist)).day == TODAY


@pytest.mark.parametrize("back_on", [None, TODAY, TODAY - timedelta(days=1), TODAY + timedelta(days=367)])
async def test_a_day_that_can_not_be_is_refused_and_changes_nothing(
    session: AsyncSession, back_on: date | None
):
    await seed(session, make_call(id=1, geplantes_datum=FRIDAY))
    with pytest.raises(InvalidInput) as refused:
        await set_absence(work_of(session), 1, back_on, AbsenceSource.HAND)
    assert [field.field for field in refused.value.fields] == ["wieder_da_am"]
    assert (await calls(session))[1].version == 1


async def test_a_stale_form_is_refused(session: AsyncSession):
    await seed(session)
    await set_away(session, version=1)
    with pytest.raises(StaleVersion):
        await set_away(session, version=1)


async def test_a_copy_from_the_directory_leaves_it_alone(session: AsyncSession):
    await seed(session)
    await set_away(session)
    fields = read_therapist(therapist_json(1, nachname="Neumann"))
    assert not isinstance(fields, str)
    async with session.begin():
        await store(tx_of(session, now=NOW + timedelta(hours=1)), [fields])
        session.expire_all()
        therapist = await session.get_one(Therapist, 1)
        assert (therapist.nachname, therapist.wieder_da_am) == ("Neumann", BACK)
        assert (therapist.abwesend_laut, therapist.abwesend_seit) == ("hand", NOW)


async def test_what_was_left_in_the_absence_is_moved_in_the_background(
    session: AsyncSession, sessions: SessionFactory, rules: DeskRules
):
    await seed(session, make_call(id=1, geplantes_datum=TODAY))
    await claim_call(work_of(session, rules=rules, actor=ANNA), 1)
    await set_away(session)
    assert await move_calls_of_absent(work_of(session, rules=rules)) == 0
    await CallsInVain(workplace_of(sessions, lambda: NOW + rules.claim, rules)).turn()
    assert (await calls(session))[1].geplantes_datum == BACK
    assert await move_calls_of_absent(work_of(session, now=NOW + rules.claim, rules=rules)) == 0


async def test_automatic_follow_ups_wait_for_the_return(
    session: AsyncSession, rules: DeskRules, directory: TherapistDirectory
):
    sent = NOW - timedelta(days=8)
    await seed(session, make_email(id=1, status=EmailStatus.SENT, created_at=sent, sent_at=sent))
    await set_away(session)
    for now in (NOW, NOW + timedelta(days=5)):
        assert await create_due(work_of(session, now=now, rules=rules), directory) == 0
    back = rules.instant(BACK, time(0, 1)).astimezone(UTC)
    assert await create_due(work_of(session, now=back, rules=rules), directory) == 1
    assert [call.geplantes_datum for call in (await calls(session)).values()] == [BACK]


async def test_a_note_sets_absent_and_moves_other_calls_as_foreseen(session: AsyncSession, rules: DeskRules):
    sent = NOW - timedelta(days=2)
    await seed(
        session,
        make_email(id=1, status=EmailStatus.SENT, created_at=sent, sent_at=sent),
        make_call(id=1, geplantes_datum=FRIDAY, geplante_zeit=time(10)),
        make_call(id=2, geplantes_datum=FRIDAY, geplante_zeit=time(11), email_id=1),
        make_call(id=3, geplantes_datum=FRIDAY, geplante_zeit=time(11, 30), grund=CallReason.CALL_BACK),
    )
    work = work_of(session, rules=rules, actor=ANNA)
    kind = ReplyKind.OUT_OF_OFFICE
    foreseen = await preview_reply(work, 1, kind, rueckkehr=BACK)
    effect = await record_reply(work, 1, Reply(art=kind, rueckkehr=BACK))
    assert (foreseen.absent_until, foreseen.others_moved) == (BACK, 1)
    assert (effect.absent_until, effect.others_moved) == (BACK, 1)
    found = await calls(session)
    assert [found[n].geplantes_datum for n in (1, 2, 3)] == [BACK, BACK, FRIDAY]
    async with session.begin():
        therapist = await session.get_one(Therapist, 1, populate_existing=True)
        assert (therapist.wieder_da_am, therapist.abwesend_laut) == (BACK, "notiz")


async def test_a_note_only_prolongs_what_is_known(session: AsyncSession, rules: DeskRules):
    sent = NOW - timedelta(days=2)
    await seed(session, make_email(id=1, status=EmailStatus.SENT, created_at=sent, sent_at=sent))
    work = work_of(session, rules=rules, actor=ANNA)
    await set_away(session)
    for said, known in (
        (None, (BACK, "hand")),
        (TODAY, (BACK, "hand")),
        (FRIDAY, (BACK, "hand")),
        (BACK + timedelta(days=7), (BACK + timedelta(days=7), "notiz")),
    ):
        await record_reply(work, 1, Reply(art=ReplyKind.OUT_OF_OFFICE, rueckkehr=said, inhalt=str(said)))
        async with session.begin():
            therapist = await session.get_one(Therapist, 1, populate_existing=True)
            assert (therapist.wieder_da_am, therapist.abwesend_laut) == known
