"""What is remembered as full never keeps a booking from the next free time, whoever frees it when."""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from datetime import date, datetime, time, timedelta

import pytest
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.calls.booked_together import BookedTogether
from services.calls.planning import NewCall, cancel, create_call, move_call
from services.calls.requested import request_call
from services.errors import Conflict
from services.models import CallStatus, CancelReason, FreedTime, PhoneCall, Therapist
from services.rules import DeskRules
from services.scheduling import freed_times
from services.scheduling.booking import CALENDAR_LOCK
from services.scheduling.calendar import NoFreeSlot, find_next
from services.scheduling.freed_times import remove_freed_times
from services.therapists.directory import TherapistDirectory
from services.work import API
from shared.config import Settings
from shared.config.database_url import POOLED
from shared.database import SessionFactory
from shared.direct_connection import DirectConnection
from shared.notifications import Notifier
from tests.eventually import eventually
from tests.factories import NOW, make_call, make_therapist
from tests.therapist_service import TherapistServiceDouble
from tests.work import tx_of, work_of, workplace_of

DAY = date(2026, 10, 14)
THERAPISTS = range(1, 13)
STEPS = 70
MOST_UNFINISHED = 5
LENGTHS = (5, 5, 5, 8, 15)

Booked = tuple[date, time, int]


class Desk:
    """Several processes that book, each over a connection of its own, and what may happen beside them."""

    def __init__(self, sessions: SessionFactory, config: Settings, rules: DeskRules) -> None:
        self.sessions, self._config, self._rules = sessions, config, rules
        self._directory = TherapistDirectory(config, TherapistServiceDouble().client())
        self._processes: list[BookedTogether] = []

    def process(self, *, pooled: bool = False) -> BookedTogether:
        url = self._config.get_database_url()
        connection = DirectConnection(
            url.update_query_dict({POOLED: "true"}) if pooled else url, application_name="test-booking"
        )
        notifier = Notifier(self._config.get_database_url())
        process = BookedTogether(connection, fresh_for=timedelta(days=1), notifier=notifier)
        self._processes.append(process)
        return process

    async def book(self, process: BookedTogether, new: NewCall) -> Booked | None:
        workplace = workplace_of(self.sessions, lambda: NOW, self._rules)
        with suppress(NoFreeSlot):
            made = await request_call(workplace, new, actor=API, together=process, directory=self._directory)
            return made.row.geplantes_datum, made.row.geplante_zeit, made.row.leitung
        return None

    async def next_free(self, new: NewCall) -> Booked | None:
        """What a search that remembers nothing finds now."""
        async with self.sessions() as session, session.begin():
            therapist = await session.get_one(Therapist, new.therapist_id)
            tx = tx_of(session, rules=self._rules)
            with suppress(NoFreeSlot):
                slot = await find_next(tx, therapist, duration_minutes=new.dauer_minuten)
                return slot.day, slot.start, slot.line
        return None

    async def is_next_free(self, process: BookedTogether, new: NewCall) -> Booked | None:
        """Book, and hold the time against that of a search that remembers nothing."""
        expected = await self.next_free(new)
        assert await self.book(process, new) == expected
        return expected

    async def book_alone(self, new: NewCall) -> None:
        async with self.sessions() as session:
            with suppress(NoFreeSlot):
                work = work_of(session, actor=API, rules=self._rules)
                await create_call(work, new, directory=self._directory)

    async def move(self, call: PhoneCall, at: datetime) -> None:
        async with self.sessions() as session:
            work = work_of(session, actor=API, rules=self._rules)
            with suppress(Conflict):
                await move_call(work, call.id, at.date(), at.time(), version=call.version)

    async def scheduled(self) -> list[PhoneCall]:
        async with self.sessions() as session:
            query = select(PhoneCall).where(PhoneCall.status == CallStatus.SCHEDULED).order_by(PhoneCall.id)
            return list(await session.scalars(query))

    async def close(self) -> None:
        await asyncio.gather(*(process.close() for process in self._processes))


@pytest.fixture
def two_lines(rules: DeskRules) -> DeskRules:
    return replace(rules, lines=2, horizon_days=2)


@pytest.fixture
async def desk(
    sessions: SessionFactory, session: AsyncSession, config: Settings, two_lines: DeskRules
) -> AsyncGenerator[Desk]:
    """Therapists answer the phone from ten to twelve; now it is 10:42."""
    async with session.begin():
        session.add_all(make_therapist(id=number) for number in THERAPISTS)
    desk = Desk(sessions, config, two_lines)
    yield desk
    await desk.close()


async def by_cancelling(session: AsyncSession, call: PhoneCall) -> None:
    locked = await session.get_one(PhoneCall, call.id, with_for_update=True)
    await cancel(tx_of(session, actor=API), locked, CancelReason.ANSWERED)


async def by_an_outcome(session: AsyncSession, call: PhoneCall) -> None:
    done = {"status": CallStatus.COMPLETED, "ergebnis_art": "erreicht", "abgeschlossen_at": NOW}
    await session.execute(update(PhoneCall).where(PhoneCall.id == call.id).values(done))


async def by_deleting(session: AsyncSession, call: PhoneCall) -> None:
    await session.execute(delete(PhoneCall).where(PhoneCall.id == call.id))


async def by_shortening(session: AsyncSession, call: PhoneCall) -> None:
    await session.execute(update(PhoneCall).where(PhoneCall.id == call.id).values(dauer_minuten=1))


WAYS: tuple[Callable[[AsyncSession, PhoneCall], Awaitable[None]], ...] = (
    by_cancelling,
    by_an_outcome,
    by_deleting,
    by_shortening,
)


@pytest.mark.parametrize("seed", range(8))
async def test_each_booking_gets_the_time_a_search_without_a_memory_finds(
    desk: Desk, seed: int, monkeypatch: pytest.MonkeyPatch
):
    """While others free times in transactions that end later, or do not take effect, in any order."""
    monkeypatch.setattr(freed_times, "MOST_KEPT", 5)
    chance = random.Random(seed)
    processes = [desk.process(), desk.process(), desk.process(pooled=True)]
    touched: set[int] = set()
    async with AsyncExitStack() as stack:
        unfinished: list[AsyncSession] = []
        for _ in range(STEPS):
            new = NewCall(therapist_id=chance.choice(THERAPISTS), dauer_minuten=chance.choice(LENGTHS))
            calls = [call for call in await desk.scheduled() if call.id not in touched]
            match chance.choices(("book", "free", "end", "move", "alone", "tidy"), (9, 4, 3, 1, 1, 1))[0]:
                case "book":
                    await desk.is_next_free(chance.choice(processes), new)
                case "free" if calls and len(unfinished) < MOST_UNFINISHED:
                    session = await stack.enter_async_context(desk.sessions())
                    call = chance.choice(calls)
                    touched.add(call.id)
                    await chance.choice(WAYS)(session, call)
                    unfinished.append(session)
                case "end" if unfinished:
                    session = unfinished.pop(chance.randrange(len(unfinished)))
                    await (session.commit() if chance.random() < 0.8 else session.rollback())
                case "move" if calls:
                    at = datetime.combine(DAY, time(10)) + timedelta(minutes=5 * chance.randrange(20, 60))
                    await desk.move(chance.choice(calls), at)
                case "alone":
                    await desk.book_alone(new)
                case _:
                    async with desk.sessions() as session, session.begin():
                        await remove_freed_times(tx_of(session))
        for process in processes:
            await desk.is_next_free(process, NewCall(therapist_id=1))


@pytest.mark.parametrize("way", WAYS)
async def test_what_was_freed_is_booked_when_the_transaction_that_freed_it_has_ended(
    desk: Desk, session: AsyncSession, way: Callable[[AsyncSession, PhoneCall], Awaitable[None]]
):
    """Also by who has looked meanwhile, while it was not freed yet."""
    one, other = desk.process(), desk.process()
    first, _ = [await desk.book(one, NewCall(therapist_id=number, dauer_minuten=10)) for number in (1, 2)]
    await desk.is_next_free(other, NewCall(therapist_id=3, dauer_minuten=5))
    call, *_ = await desk.scheduled()
    await way(session, call)
    for process, number in ((one, 4), (other, 5)):
        assert await desk.is_next_free(process, NewCall(therapist_id=number, dauer_minuten=5)) != first
    await session.commit()
    again = await desk.is_next_free(one, NewCall(therapist_id=6, dauer_minuten=5))
    assert first is not None
    assert again is not None
    assert again[1] == (time(11, 20) if way is by_shortening else first[1])
    await desk.is_next_free(other, NewCall(therapist_id=7, dauer_minuten=5))


async def test_who_waited_for_the_turn_sees_what_was_done_meanwhile(desk: Desk, session: AsyncSession):
    """A time freed and one taken, both committed while the booking already waited at the calendar."""
    process = desk.process()
    for number in range(1, 5):
        await desk.book(process, NewCall(therapist_id=number, dauer_minuten=5))
    first, *_, last = await desk.scheduled()
    await session.execute(select(func.pg_advisory_xact_lock(CALENDAR_LOCK)))
    wanted = NewCall(therapist_id=9, dauer_minuten=5)
    waiting = [asyncio.create_task(desk.book(process, wanted)) for _ in range(2)]
    await eventually(lambda: who_waits(desk.sessions))
    await by_deleting(session, first)
    after = datetime.combine(last.geplantes_datum, last.geplante_zeit) + timedelta(minutes=5)
    session.add(make_call(therapist_id=10, geplantes_datum=DAY, geplante_zeit=after.time(), leitung=1))
    await session.commit()
    booked = await asyncio.gather(*waiting)
    assert booked[0] == (first.geplantes_datum, first.geplante_zeit, first.leitung)
    assert booked[1] is not None
    assert await desk.next_free(wanted) not in booked


async def who_waits(sessions: SessionFactory) -> bool:
    query = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    async with sessions() as session:
        return bool(await session.scalar(query))


async def test_nobody_waits_to_free_a_time(desk: Desk):
    """Not for another who frees the same one, nor for bookings, nor for who tidies up."""
    process = desk.process()
    for number in range(1, 5):
        await desk.book(process, NewCall(therapist_id=number, dauer_minuten=5))
    async with AsyncExitStack() as stack:
        freeing = [await stack.enter_async_context(desk.sessions()) for _ in WAYS]
        for session, way, call in zip(freeing, WAYS, await desk.scheduled(), strict=True):
            await session.execute(text("SET LOCAL lock_timeout = '1s'"))
            await way(session, call)
            await desk.is_next_free(process, NewCall(therapist_id=5, dauer_minuten=5))
        tidying = await stack.enter_async_context(desk.sessions())
        await remove_freed_times(tx_of(tidying))
        for session in freeing:
            await session.commit()
    await desk.is_next_free(process, NewCall(therapist_id=6, dauer_minuten=5))


async def test_what_was_freed_is_booked_though_the_note_of_it_is_gone(
    desk: Desk, session: AsyncSession, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(freed_times, "MOST_KEPT", 0)
    process = desk.process()
    for number in range(1, 7):
        await desk.book(process, NewCall(therapist_id=number, dauer_minuten=5))
    first, *_ = await desk.scheduled()
    async with session.begin():
        await by_deleting(session, first)
    async with session.begin():
        await remove_freed_times(tx_of(session))
    booked = await desk.is_next_free(process, NewCall(therapist_id=8, dauer_minuten=5))
    assert booked == (first.geplantes_datum, first.geplante_zeit, first.leitung)


async def test_another_session_remembers_nothing_of_the_one_before(desk: Desk, session: AsyncSession):
    """What was freed while there was none, and tidied up, can't be known by the new one."""
    process = desk.process()
    for number in range(1, 7):
        await desk.book(process, NewCall(therapist_id=number, dauer_minuten=5))
    first, *_ = await desk.scheduled()
    async with session.begin():
        await session.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'test-booking' AND datname = current_database()"
            )
        )
    async with session.begin():
        await by_deleting(session, first)
        await session.execute(delete(FreedTime))
    with suppress(ConnectionError):
        await desk.book(process, NewCall(therapist_id=7, dauer_minuten=5))
    await desk.is_next_free(process, NewCall(therapist_id=8, dauer_minuten=5))


async def test_the_turn_is_given_back_whatever_comes_of_it(desk: Desk, session: AsyncSession):
    """A call booked, none as its therapist is not as remembered, none as nothing is free."""
    process = desk.process()
    until_twenty_past = {"wednesday": [{"start": "10:00", "end": "11:20"}]}
    assert await desk.book(process, NewCall(therapist_id=1)) == (DAY, time(11, 15), 1)
    assert not await is_held(session)
    for number in (1, 3):
        therapist = update(Therapist).where(Therapist.id == number)
        await session.execute(therapist.values(telefonische_erreichbarkeit=until_twenty_past))
    await session.commit()
    assert await desk.book(process, NewCall(therapist_id=1)) is None
    assert not await is_held(session)
    assert await desk.book(process, NewCall(therapist_id=2)) == (DAY, time(11, 15), 2)
    assert await desk.book(process, NewCall(therapist_id=3)) is None
    assert not await is_held(session)


async def is_held(session: AsyncSession) -> bool:
    query = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = :lock")
    async with session.begin():
        return bool(await session.scalar(query, {"lock": CALENDAR_LOCK}))
