"""Many callers at once: distinct slots or a clear no, never an overlap, a deadlock or an unexpected error."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import date, time

import pytest
from sqlalchemy import text

from services.calls import planning
from services.calls.lists import CallFilters, list_calls
from services.calls.planning import BOOKINGS_AT_ONCE, NewCall, create_call, move_call
from services.errors import Conflict
from services.idempotency import RepeatableRequest
from services.models import PhoneCall
from services.pagination import PageRequest
from services.rules import DeskRules
from services.scheduling.booking import CalendarBusy, CallCollision, lock_calendar
from services.scheduling.calendar import NoFreeSlot
from services.therapists.directory import TherapistDirectory
from services.work import API
from shared.config import Settings
from shared.database import SessionFactory
from tests.eventually import eventually
from tests.factories import NOW, make_therapist
from tests.therapist_service import TherapistServiceDouble
from tests.work import tx_of, work_of

CALLERS = 64
OVERLAPS = text(
    """
    SELECT count(*)
    FROM communication_service.phone_calls a JOIN communication_service.phone_calls b ON a.id < b.id
    WHERE (a.therapist_id = b.therapist_id OR a.leitung = b.leitung)
      AND a.status = 'scheduled' AND b.status = 'scheduled'
      AND communication_service.zeitfenster(a.geplantes_datum, a.geplante_zeit, a.dauer_minuten)
       && communication_service.zeitfenster(b.geplantes_datum, b.geplante_zeit, b.dauer_minuten)
    """
)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who gets which slot is asked here, not how long a slow machine takes for it."""
    monkeypatch.setattr(planning, "LOCK_SECONDS", 120)


@pytest.fixture
async def directory(sessions: SessionFactory, config: Settings) -> TherapistDirectory:
    async with sessions() as session, session.begin():
        session.add_all(make_therapist(id=number) for number in range(1, 51))
    return TherapistDirectory(config, TherapistServiceDouble().client())


async def book_at_once(
    sessions: SessionFactory, directory: TherapistDirectory, rules: DeskRules, wanted: list[NewCall]
) -> list[PhoneCall | BaseException]:
    async def book(new: NewCall) -> PhoneCall:
        async with sessions() as session:
            call, _ = await create_call(
                work_of(session, now=NOW, rules=rules, actor=API), new, directory=directory
            )
            return call

    return await asyncio.gather(*(book(new) for new in wanted), return_exceptions=True)


async def overlaps(sessions: SessionFactory) -> int:
    async with sessions() as session:
        return await session.scalar(OVERLAPS) or 0


def booked(answers: list[PhoneCall | BaseException]) -> list[PhoneCall]:
    return [answer for answer in answers if isinstance(answer, PhoneCall)]


def refused(answers: list[PhoneCall | BaseException]) -> Counter[type]:
    return Counter(type(answer) for answer in answers if not isinstance(answer, PhoneCall))


async def test_one_therapist_gets_a_slot_for_each_of_64_callers(
    sessions: SessionFactory, directory: TherapistDirectory, rules: DeskRules
):
    answers = await book_at_once(sessions, directory, rules, [NewCall(therapist_id=1)] * CALLERS)
    calls = booked(answers)
    assert refused(answers) == {}
    assert len({(call.geplantes_datum, call.geplante_zeit) for call in calls}) == CALLERS
    assert await overlaps(sessions) == 0


async def test_a_short_horizon_is_filled_to_the_last_slot_and_the_rest_hear_that_none_is_free(
    sessions: SessionFactory, directory: TherapistDirectory, rules: DeskRules
):
    """Wednesday has slots from 11:15 every ten minutes, Thursday from 10:00: 5 and 12."""
    two_days = replace(rules, horizon_days=2)
    answers = await book_at_once(sessions, directory, two_days, [NewCall(therapist_id=1)] * CALLERS)
    assert len(booked(answers)) == 5 + 12
    assert refused(answers) == {NoFreeSlot: CALLERS - 17}
    assert await overlaps(sessions) == 0


@pytest.mark.parametrize("lines", [1, 2])
async def test_fifty_therapists_share_few_lines_without_overlap(
    sessions: SessionFactory, directory: TherapistDirectory, rules: DeskRules, lines: int
):
    few = replace(rules, lines=lines)
    wanted = [NewCall(therapist_id=1 + number % 50, dauer_minuten=7) for number in range(CALLERS)]
    answers = await book_at_once(sessions, directory, few, wanted)
    assert refused(answers) == {}
    assert {call.leitung for call in booked(answers)} == set(range(1, lines + 1))
    assert await overlaps(sessions) == 0


async def test_callers_who_want_the_same_time_get_it_once_per_therapist_and_line(
    sessions: SessionFactory, directory: TherapistDirectory, rules: DeskRules
):
    wanted = [
        NewCall(
            therapist_id=1 + number % 8,
            geplantes_datum=date(2026, 10, 15),
            geplante_zeit=time(10, number % 5),
        )
        for number in range(CALLERS)
    ]
    answers = await book_at_once(sessions, directory, rules, wanted)
    assert len(booked(answers)) == rules.lines
    assert all(issubclass(kind, CallCollision) for kind in refused(answers))
    assert await overlaps(sessions) == 0


async def test_moves_and_bookings_at_once_stay_apart(
    sessions: SessionFactory, directory: TherapistDirectory, rules: DeskRules
):
    calls = booked(await book_at_once(sessions, directory, rules, [NewCall(therapist_id=1)] * 16))

    async def swap(call: PhoneCall, target: PhoneCall) -> None:
        async with sessions() as session:
            try:
                await move_call(
                    work_of(session, now=NOW, rules=rules, actor=API),
                    call.id,
                    target.geplantes_datum,
                    target.geplante_zeit,
                    version=call.version,
                )
            except Conflict:
                return

    moves = [swap(call, target) for call, target in zip(calls, reversed(calls), strict=True)]
    booking = book_at_once(sessions, directory, rules, [NewCall(therapist_id=1)] * 16)
    answers, *_ = await asyncio.gather(booking, *moves)
    assert len(booked(answers)) == 16
    assert await overlaps(sessions) == 0


async def test_one_idempotency_key_makes_one_call(
    sessions: SessionFactory, directory: TherapistDirectory, rules: DeskRules
):
    async def post() -> tuple[int, bool]:
        async with sessions() as session:
            call, repeated = await create_call(
                work_of(session, now=NOW, rules=rules, actor=API),
                NewCall(therapist_id=1),
                directory=directory,
                repeatable=RepeatableRequest("key", b"h" * 32),
            )
            return call.id, repeated

    answers = await asyncio.gather(*(post() for _ in range(16)))
    assert len({call_id for call_id, _ in answers}) == 1
    assert Counter(repeated for _, repeated in answers) == {False: 1, True: 15}
    async with sessions() as session:
        assert (await list_calls(work_of(session), CallFilters(), PageRequest())).total == 1


async def test_who_waits_too_long_in_the_process_is_asked_to_come_back(
    sessions: SessionFactory, directory: TherapistDirectory, rules: DeskRules, monkeypatch: pytest.MonkeyPatch
):
    """As many as may wait in the database do; one more waits here, while somebody holds the calendar."""

    async def all_places_wait() -> bool:
        async with sessions() as session:
            waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            return await session.scalar(waiting) == BOOKINGS_AT_ONCE

    new = [NewCall(therapist_id=number) for number in range(1, BOOKINGS_AT_ONCE + 1)]
    async with sessions() as holding, holding.begin():
        await lock_calendar(tx_of(holding))
        waiting = asyncio.create_task(book_at_once(sessions, directory, rules, new))
        await eventually(all_places_wait)
        monkeypatch.setattr(planning, "LOCK_SECONDS", 0.01)
        one_more = await book_at_once(sessions, directory, rules, [NewCall(therapist_id=9)])
        assert refused(one_more) == {CalendarBusy: 1}
        assert not waiting.done()
    assert len(booked(await waiting)) == BOOKINGS_AT_ONCE
