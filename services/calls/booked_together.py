"""Books calls that may be at any time: all who ask at the same moment in one transaction.

A booking of its own costs each of them a turn at the calendar and a wait for the disk. Whatever is not usual
is left to `services.calls.planning`: a therapist the directory must be asked about, phone hours without a
free time, a time that somebody takes who waits for no turn.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from time import perf_counter

import asyncpg

from services import measures
from services.calls.booked_rows import AnyTime, BookedCall, Booking, insert
from services.calls.remembered_hours import Remembered, RememberedHours
from services.hints import CALLS, OUTBOX
from services.scheduling.booking import CALENDAR_LOCK, CalendarBusy
from services.scheduling.several import SlotFinder, Wanted
from services.scheduling.slots import Slot
from services.work import Actor, Moment
from shared.database_errors import NO_ANSWER
from shared.direct_connection import DatabaseUnreachable, DirectConnection, Turn
from shared.notifications import Notifier
from shared.postgresql import LOCK_SECONDS
from shared.reasons import reason_of

MOST_AT_ONCE = 32


@dataclass(eq=False, slots=True)
class _Request:
    new: AnyTime
    moment: Moment
    actor: Actor
    answer: "asyncio.Future[BookedCall | None]" = field(init=False)
    deadline: asyncio.TimerHandle = field(init=False)
    """When its turn at the calendar has to have come: nobody waits longer for a lock."""
    had_a_turn: bool = False

    def __post_init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.answer = loop.create_future()
        self.deadline = loop.call_later(LOCK_SECONDS, self._wait_no_longer)

    def has_its_turn(self) -> bool:
        """Let the deadline go; say whether anybody waits for the answer still."""
        self.deadline.cancel()
        return not self.answer.done()

    def _wait_no_longer(self) -> None:
        self.fail(CalendarBusy())

    def fail(self, error: BaseException) -> None:
        self.deadline.cancel()
        if not self.answer.done():
            self.answer.set_exception(error)


@dataclass(frozen=True, slots=True)
class _Tried:
    """What came of a request; without a call, whether that is because the therapist is not as remembered."""

    request: _Request
    call: BookedCall | None = None
    changed: bool = False


class BookedTogether:
    """Books over one connection; while one group is written, the next gathers.

    Args:
        connection: used by nobody else.
        fresh_for: for how long what the directory said of a therapist is believed.
        notifier: told of what was booked.
    """

    def __init__(self, connection: DirectConnection, *, fresh_for: timedelta, notifier: Notifier) -> None:
        self._connection = connection
        self._fresh_for = fresh_for
        self._notifier = notifier
        self._hours = RememberedHours()
        self._finder = SlotFinder()
        self._waiting: list[_Request] = []
        self._working: asyncio.Task[None] | None = None

    async def book(self, new: AnyTime, moment: Moment, actor: Actor) -> BookedCall | None:
        """Book a call into the next free slot; return None, and book none, where that is not a simple matter.

        Raises:
            CalendarBusy: the turn at the calendar did not come within the lock timeout.
            DatabaseUnreachable: there was no answer.
        """
        started = perf_counter()
        request = _Request(new, moment, actor)
        self._waiting.append(request)
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
        try:
            call = await request.answer
        except CalendarBusy:
            measures.booked_since(started, "busy")
            raise
        if call is not None:
            measures.booked_since(started)
        return call

    async def close(self) -> None:
        """Close the connection when the group under way is written."""
        if self._working is not None:
            await self._working
        await self._connection.close()

    async def _work(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            try:
                await self._connection.in_turn(CALENDAR_LOCK, partial(self._write, group), self._answer)
            except asyncpg.ExclusionViolationError:
                self._answer([_Tried(request) for request in group])
            except asyncpg.LockNotAvailableError:
                _fail(group, CalendarBusy())
            except NO_ANSWER as error:
                _fail(group, DatabaseUnreachable(reason_of(error)))
            except BaseException as error:
                behind, self._waiting = self._waiting, []
                _fail([*group, *behind], error)
                raise

    async def _write(self, group: list[_Request], turn: Turn) -> "list[_Tried]":
        """Book at the calendar for all who still wait when the turn has come, with one statement."""
        latest = max(request.moment.now for request in group)
        ids = {request.new.therapist_id for request in group}
        known = await self._hours.of(turn.connection, ids, heard_since=latest - self._fresh_for)
        slots = await self._finder.find_each(turn, _wanted(group, known), _Request.has_its_turn)
        calls = await insert(turn, [_booking(one, slot, known) for one, slot in slots.items()])
        tried = [_Tried(one, call, changed=call is None) for one, call in zip(slots, calls, strict=True)]
        return tried + [_Tried(one) for one in group if one not in slots]

    def _answer(self, tried: "list[_Tried]") -> None:
        """Tell all what was booked; whose therapist is not as remembered has one more turn, the next one."""
        again = [one.request for one in tried if one.changed and not one.request.had_a_turn]
        for request in again:
            request.had_a_turn = True
            self._hours.forget(request.new.therapist_id)
        for one in tried:
            if one.request not in again and one.request.has_its_turn():
                one.request.answer.set_result(one.call)
        self._waiting[:0] = again
        if any(one.call is not None for one in tried):
            self._notifier.send((OUTBOX, CALLS))


def _wanted(requests: list[_Request], known: dict[int, Remembered]) -> "dict[_Request, Wanted]":
    """Return those of whose therapist enough is known."""
    return {
        request: Wanted(request.new.therapist_id, who.hours, request.moment, request.new.dauer_minuten)
        for request in requests
        if (who := known.get(request.new.therapist_id)) is not None
    }


def _booking(request: _Request, slot: Slot, known: dict[int, Remembered]) -> Booking:
    version = known[request.new.therapist_id].version
    return Booking(request.new, slot, request.moment, request.actor, version)


def _fail(group: list[_Request], error: BaseException) -> None:
    for request in group:
        request.fail(error)
