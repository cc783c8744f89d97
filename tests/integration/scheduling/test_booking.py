import asyncio
from dataclasses import replace
from datetime import date, time, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.errors import InvalidInput
from services.models import Therapist
from services.rules import DeskRules
from services.scheduling.booking import (
    CalendarBusy,
    CallCollision,
    NoFreeLine,
    NotToBeCalled,
    book_at,
    book_found,
    book_next,
    lock_calendar,
    move,
    wait_at_most,
)
from services.scheduling.calendar import (
    HoursTooShort,
    NoFreeSlot,
    NoWindow,
    UnreadableHours,
    find_next,
    free_slots_of_day,
)
from shared.database import SessionFactory
from tests.eventually import eventually
from tests.factories import NOW, make_call, make_therapist
from tests.work import tx_of

WEDNESDAY = date(2026, 10, 14)
THURSDAY = date(2026, 10, 15)
SUNDAY = date(2026, 10, 18)


@pytest.fixture
async def therapist(session: AsyncSession) -> Therapist:
    """Phone hours from 10 to 12 on weekdays."""
    therapist = make_therapist()
    async with session.begin():
        session.add_all([therapist, make_therapist(id=2)])
    return therapist


async def book_times(session: AsyncSession, therapist: Therapist, rules: DeskRules, count: int) -> list[time]:
    async with session.begin():
        calls = [await book_next(tx_of(session, now=NOW, rules=rules), therapist) for _ in range(count)]
    return [call.geplante_zeit for call in calls]


async def test_calls_follow_each_other_with_a_gap(
    session: AsyncSession, therapist: Therapist, rules: DeskRules
):
    assert await book_times(session, therapist, rules, 3) == [time(11, 15), time(11, 25), time(11, 35)]


async def test_a_call_is_booked_where_find_next_said(
    session: AsyncSession, therapist: Therapist, rules: DeskRules
):
    async with session.begin():
        session.add(make_call(therapist_id=2, geplante_zeit=time(11, 15), leitung=1))
        session.add(make_call(therapist_id=2, geplante_zeit=time(11, 30), status="canceled"))
        slot = await find_next(tx_of(session, now=NOW, rules=rules), therapist)
        call = await book_next(tx_of(session, now=NOW, rules=rules), therapist, grund="rueckruf", versuch=2)
    assert (slot.day, slot.start, slot.line) == (WEDNESDAY, time(11, 15), 2)
    assert (call.geplantes_datum, call.geplante_zeit, call.leitung) == slot[:2] + slot[3:]
    assert (call.grund, call.versuch, call.ausserhalb_erreichbarkeit) == ("rueckruf", 2, False)


async def test_the_next_window_is_used_when_today_is_full(
    session: AsyncSession, therapist: Therapist, rules: DeskRules
):
    async with session.begin():
        session.add(make_call(geplante_zeit=time(9), dauer_minuten=176))
        call = await book_next(tx_of(session, now=NOW, rules=rules), therapist)
    assert (call.geplantes_datum, call.geplante_zeit) == (THURSDAY, time(10))


async def test_a_full_horizon_says_so_and_the_day_after_is_not_looked_at(
    session: AsyncSession, therapist: Therapist, rules: DeskRules
):
    async with session.begin():
        days = [WEDNESDAY + timedelta(days=offset) for offset in range(14)]
        session.add_all(
            make_call(geplantes_datum=day, geplante_zeit=time(9), dauer_minuten=200) for day in days
        )
        with pytest.raises(NoFreeSlot):
            await find_next(tx_of(session, now=NOW, rules=rules), therapist)
        later = await find_next(tx_of(session, now=NOW, rules=rules), therapist, not_before=THURSDAY)
    assert later.day == WEDNESDAY + timedelta(days=14)


async def test_phone_hours_that_hold_no_call_are_no_window(session: AsyncSession, rules: DeskRules):
    nothing = (None, {}, {"monday": ["19:00-20:00"]}, {"monday": ["10:00-10:04"]}, {"Feiertag": ["9-12"]})
    for hours in nothing:
        async with session.begin():
            therapist = make_therapist(telefonische_erreichbarkeit=hours)
            await session.merge(therapist)
            with pytest.raises(NoWindow):
                await book_next(tx_of(session, now=NOW, rules=rules), therapist)


@pytest.mark.parametrize(
    ("hours", "reason"),
    [
        (None, NoWindow),
        ({"monday": "19:00-20:00"}, NoWindow),
        ({"saturday": "18:30-19:00", "monday": "7-8"}, NoWindow),
        ({"monday": "10:00-10:04"}, HoursTooShort),
        ({"monday": ["17:57-20:00", "9:01-9:09"]}, HoursTooShort),
        ({"monday": "vormittags"}, UnreadableHours),
        ({"monday": [{"start": "9", "end": "12", "valid_until": "2026-12-31"}]}, UnreadableHours),
        ({"monday": "19-20", "tuesday": "vormittags"}, UnreadableHours),
        ({"monday": "10:00-10:04", "tuesday": "vormittags"}, UnreadableHours),
        ("Mo-Fr 9-12", UnreadableHours),
    ],
)
async def test_each_reason_for_finding_no_time_is_said_only_where_it_is_true(
    session: AsyncSession, rules: DeskRules, hours: object, reason: type[NoWindow]
):
    async with session.begin():
        session.add(therapist := make_therapist(telefonische_erreichbarkeit=hours))
        with pytest.raises(NoWindow) as refused:
            await book_next(tx_of(session, rules=rules), therapist, duration_minutes=9)
    assert type(refused.value) is reason


@pytest.mark.parametrize("values", [{"status": "gesperrt"}, {"status": "inaktiv"}, {"nicht_anrufen": True}])
async def test_who_is_not_to_be_called_gets_no_automatic_call_but_may_get_an_agreed_one(
    session: AsyncSession, rules: DeskRules, values: dict[str, object]
):
    therapist = make_therapist(**values)
    async with session.begin():
        session.add(therapist)
        with pytest.raises(NotToBeCalled):
            await book_next(tx_of(session, now=NOW, rules=rules), therapist)
        await book_at(tx_of(session, now=NOW, rules=rules), therapist, THURSDAY, time(10))


async def test_a_flag_set_since_the_therapist_was_read_counts(
    sessions: SessionFactory, session: AsyncSession, therapist: Therapist, rules: DeskRules
):
    async with sessions() as other, other.begin():
        (await other.get_one(Therapist, 1)).nicht_anrufen = True
    async with session.begin():
        with pytest.raises(NotToBeCalled):
            await book_next(tx_of(session, now=NOW, rules=rules), therapist)


async def test_a_slot_taken_by_somebody_who_took_no_turn_is_passed_over(
    sessions: SessionFactory, session: AsyncSession, therapist: Therapist, rules: DeskRules
):
    async def book() -> time:
        async with session.begin():
            return (await book_next(tx_of(session, now=NOW, rules=rules), therapist)).geplante_zeit

    async with sessions() as intruder, intruder.begin():
        intruder.add(make_call(geplante_zeit=time(11, 15)))
        await intruder.flush()
        booking = asyncio.create_task(book())
        await eventually(lambda: somebody_waits(sessions))
    assert await booking == time(11, 25)


async def test_what_was_found_with_the_calendar_locked_is_booked_unless_it_is_taken_all_the_same(
    session: AsyncSession, therapist: Therapist, rules: DeskRules
):
    async def book_what_is_found(*, intruder: bool) -> time:
        tx = tx_of(session, now=NOW, rules=rules)
        await lock_calendar(tx)
        found = await find_next(tx, therapist)
        if intruder:
            session.add(make_call(geplante_zeit=found.start))
            await session.flush()
        call = await book_found(tx, therapist, found, not_before=None, duration_minutes=5)
        return call.geplante_zeit

    async with session.begin():
        times = [await book_what_is_found(intruder=intruder) for intruder in (False, True)]
    assert times == [time(11, 15), time(11, 35)]


async def somebody_waits(sessions: SessionFactory) -> bool:
    async with sessions() as observer:
        return bool(await observer.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))


async def test_an_agreed_time_gets_a_free_line_and_outside_phone_hours_it_is_marked(
    session: AsyncSession, therapist: Therapist, rules: DeskRules
):
    async with session.begin():
        session.add(
            make_call(therapist_id=2, geplantes_datum=THURSDAY, geplante_zeit=time(10), dauer_minuten=9)
        )
        inside = await book_at(tx_of(session, now=NOW, rules=rules), therapist, THURSDAY, time(10, 7))
        partly = await book_at(
            tx_of(session, now=NOW, rules=rules), therapist, THURSDAY, time(11, 58), duration_minutes=3
        )
        weekend = await book_at(tx_of(session, now=NOW, rules=rules), therapist, SUNDAY, time(23, 58))
        holiday = await book_at(tx_of(session, now=NOW, rules=rules), therapist, date(2026, 12, 25), time(10))
    assert (inside.leitung, inside.ausserhalb_erreichbarkeit) == (2, False)
    assert partly.ausserhalb_erreichbarkeit
    assert weekend.ausserhalb_erreichbarkeit
    assert holiday.ausserhalb_erreichbarkeit


async def test_a_collision_says_with_what(session: AsyncSession, therapist: Therapist, rules: DeskRules):
    async with session.begin():
        taken = make_call(geplantes_datum=THURSDAY, geplante_zeit=time(10), dauer_minuten=10)
        session.add(taken)
        await book_at(tx_of(session, now=NOW, rules=rules), therapist, THURSDAY, time(10, 10))
    async with session.begin():
        with pytest.raises(CallCollision) as collision:
            await book_at(tx_of(session, now=NOW, rules=rules), therapist, THURSDAY, time(10, 9))
    assert str(collision.value) == f"This therapist already has call {taken.id} at 10:00 on 2026-10-15."


async def test_a_call_late_on_the_day_before_collides(
    session: AsyncSession, therapist: Therapist, rules: DeskRules
):
    async with session.begin():
        session.add(make_call(geplantes_datum=WEDNESDAY, geplante_zeit=time(23), dauer_minuten=240))
    async with session.begin():
        with pytest.raises(CallCollision):
            await book_at(tx_of(session, now=NOW, rules=rules), therapist, THURSDAY, time(2, 59))


async def test_no_free_line_is_a_collision_too(session: AsyncSession, therapist: Therapist, rules: DeskRules):
    two_lines = replace(rules, lines=2)
    async with session.begin():
        session.add_all(
            make_call(therapist_id=10 + line, geplantes_datum=THURSDAY, geplante_zeit=time(10), leitung=line)
            for line in (1, 2)
        )
        with pytest.raises(NoFreeLine):
            await book_at(tx_of(session, now=NOW, rules=two_lines), therapist, THURSDAY, time(10, 4))
        assert (
            await book_at(tx_of(session, now=NOW, rules=rules), therapist, THURSDAY, time(10, 4))
        ).leitung == 3


async def test_times_that_cannot_be_are_refused(
    session: AsyncSession, therapist: Therapist, rules: DeskRules
):
    refused = {
        (date(2026, 10, 13), time(12)): "geplantes_datum",
        (date.min, time(12)): "geplantes_datum",
        (date.max, time(23, 59)): "geplantes_datum",
        (WEDNESDAY, time(10, 41)): "geplante_zeit",
        (date(2027, 3, 28), time(2, 30)): "geplante_zeit",
        (date(2027, 3, 28), time(1, 56)): "geplante_zeit",
    }
    async with session.begin():
        for (day, at), field in refused.items():
            with pytest.raises(InvalidInput) as error:
                await book_at(tx_of(session, now=NOW, rules=rules), therapist, day, at)
            assert [wrong.field for wrong in error.value.fields] == [field]


async def test_a_call_may_start_this_minute(session: AsyncSession, therapist: Therapist, rules: DeskRules):
    async with session.begin():
        call = await book_at(tx_of(session, now=NOW, rules=rules), therapist, WEDNESDAY, time(10, 42))
    assert call.id


async def test_moving_is_checked_like_booking(session: AsyncSession, therapist: Therapist, rules: DeskRules):
    async with session.begin():
        call = await book_at(tx_of(session, now=NOW, rules=rules), therapist, THURSDAY, time(10))
        other = await book_at(tx_of(session, now=NOW, rules=rules), therapist, THURSDAY, time(10, 30))
        await move(tx_of(session, now=NOW, rules=rules), call, therapist, THURSDAY, time(10, 2))
    assert (call.geplante_zeit, call.dauer_minuten, call.leitung) == (time(10, 2), 5, 1)
    async with session.begin():
        with pytest.raises(CallCollision, match=str(other.id)):
            await move(tx_of(session, now=NOW, rules=rules), call, therapist, THURSDAY, time(10, 26))
        with pytest.raises(InvalidInput):
            await move(tx_of(session, now=NOW, rules=rules), call, therapist, WEDNESDAY, time(8))
        await move(
            tx_of(session, now=NOW, rules=rules), call, therapist, SUNDAY, time(10), duration_minutes=240
        )
    assert call.ausserhalb_erreichbarkeit


async def test_free_slots_of_a_day_leave_out_what_is_taken(
    session: AsyncSession, therapist: Therapist, rules: DeskRules
):
    async with session.begin():
        await book_at(tx_of(session, now=NOW, rules=rules), therapist, THURSDAY, time(10, 10))
        slots = await free_slots_of_day(
            tx_of(session, now=NOW, rules=rules), therapist, THURSDAY, duration_minutes=30
        )
        past = await free_slots_of_day(tx_of(session, now=NOW, rules=rules), therapist, date(2026, 10, 13))
        weekend = await free_slots_of_day(tx_of(session, now=NOW, rules=rules), therapist, SUNDAY)
    assert [slot.start for slot in slots][:2] == [time(10, 20), time(10, 25)]
    assert slots[-1].start == time(11, 30)
    assert (past, weekend) == ([], [])


async def test_who_waits_too_long_for_a_turn_is_asked_to_come_back(sessions: SessionFactory):
    async with sessions() as first, sessions() as second, first.begin(), second.begin():
        await lock_calendar(tx_of(first))
        await wait_at_most(tx_of(second), 0.001)
        with pytest.raises(CalendarBusy):
            await lock_calendar(tx_of(second))
