"""Books calls that may be at any time: all who ask at the same moment in one transaction.

A booking of its own costs each of them a turn at the calendar and a wait for the disk. Whatever is not usual
is left to `services.calls.planning`: a therapist the directory must be asked about, phone hours without a
free time, a time that somebody takes who waits for no turn.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import chain
from time import perf_counter
from typing import Any
from uuid import uuid4

import asyncpg
import msgspec

from services import measures
from services.events.types import TOPIC, CallPayload, EventType
from services.hints import CALLS, OUTBOX
from services.hours.reading import Availability, parse_json
from services.models import SCHEMA, CallReason, CallStatus, PhoneCall
from services.models.therapists import NOT_TO_BE_CALLED
from services.scheduling.booking import CALENDAR_LOCK, CalendarBusy
from services.scheduling.calendar import searched
from services.scheduling.phone_hours import Interval
from services.scheduling.slots import Busy, Slot, next_slot, span
from services.work import Action, Actor, Moment
from shared.database_errors import NO_ANSWER
from shared.direct_connection import DatabaseUnreachable, DirectConnection
from shared.notifications import Notifier
from shared.postgresql import LOCK_SECONDS, Connection
from shared.reasons import reason_of

MOST_AT_ONCE = 32

TAKE_TURN = f"SELECT pg_advisory_xact_lock({CALENDAR_LOCK})"

THERAPISTS = f"""
    SELECT id, plz, wieder_da_am, telefonische_erreichbarkeit::text AS hours, abgerufen_at
    FROM {SCHEMA}.therapists
    WHERE id = ANY($1::int[]) AND geloescht_at IS NULL AND NOT nicht_anrufen AND status <> ALL($2::text[])
"""  # noqa: S608

BUSY = f"""
    SELECT c.geplantes_datum, c.geplante_zeit, c.dauer_minuten, array_agg(c.leitung),
        array_agg(c.therapist_id) FILTER (WHERE c.therapist_id = ANY($3::int[]))
    FROM unnest($1::timestamp[], $2::timestamp[]) AS stretch (opens, closes)
    CROSS JOIN LATERAL (
        SELECT * FROM {SCHEMA}.phone_calls
        WHERE status = 'scheduled'
            AND {SCHEMA}.zeitfenster(geplantes_datum, geplante_zeit, dauer_minuten) && tsrange(opens, closes)
    ) AS c
    GROUP BY c.geplantes_datum, c.geplante_zeit, c.dauer_minuten
"""  # noqa: S608

INSERT = f"""
    WITH wanted AS MATERIALIZED (
        SELECT nextval('{SCHEMA}.phone_calls_id_seq')::int AS id, w.*
        FROM unnest($1::int[], $2::date[], $3::time[], $4::int[], $5::int[], $6::text[], $7::text[],
            $8::text[], $9::timestamptz[], $10::uuid[], $11::text[], $12::text[], $13::int[], $14::int[],
            $15::text[], $16::text[], $17::text[])
        WITH ORDINALITY AS w (therapist_id, geplantes_datum, geplante_zeit, dauer_minuten, leitung, notizen,
            grund, extern_id, at, event_id, payload, actor, staff_id, api_key_id, details, anfrage_id,
            traceparent, number)
    ), call AS (
        INSERT INTO {SCHEMA}.phone_calls (id, therapist_id, geplantes_datum, geplante_zeit, dauer_minuten,
            leitung, notizen, grund, extern_id, anfrage_id, traceparent)
        SELECT id, therapist_id, geplantes_datum, geplante_zeit, dauer_minuten, leitung, notizen, grund,
            extern_id, anfrage_id, traceparent
        FROM wanted
    ), event AS (
        INSERT INTO {SCHEMA}.event_outbox
            (event_id, event_type, topic, key, payload, created_at, available_at, anfrage_id, traceparent)
        SELECT event_id, '{EventType.CALL_SCHEDULED}', '{TOPIC}', 'call:' || id,
            payload::jsonb || jsonb_build_object('phone_call_id', id), at, at, anfrage_id, traceparent
        FROM wanted ORDER BY number
    ), activity AS (
        INSERT INTO {SCHEMA}.activity
            (at, staff_id, actor, api_key_id, action, object_type, object_id, details)
        SELECT at, staff_id, actor, api_key_id, '{Action.CALL_SCHEDULED}', 'call', id, details::jsonb
        FROM wanted ORDER BY number
    )
    SELECT id, now() AS created_at FROM wanted ORDER BY number
"""  # noqa: S608


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyTime:
    """A call without a time, about no e-mail, that no earlier request may have made."""

    therapist_id: int
    dauer_minuten: int
    notizen: str | None
    grund: CallReason
    extern_id: str | None


@dataclass(eq=False, slots=True)
class _Request:
    new: AnyTime
    moment: Moment
    actor: Actor
    at_the_calendar: asyncio.Event = field(default_factory=asyncio.Event)
    given_up: bool = False
    answer: "asyncio.Future[PhoneCall | None]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def fail(self, error: BaseException) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)
            self.answer.exception()
        self.at_the_calendar.set()


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
        self._waiting: list[_Request] = []
        self._working: asyncio.Task[None] | None = None

    async def book(self, new: AnyTime, moment: Moment, actor: Actor) -> PhoneCall | None:
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
            call = await _answered(request)
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
                booked = await self._book(group)
            except asyncpg.ExclusionViolationError:
                booked = {}
            except asyncpg.LockNotAvailableError:
                _fail(group, CalendarBusy())
                continue
            except NO_ANSWER as error:
                _fail(group, DatabaseUnreachable(reason_of(error)))
                continue
            except BaseException as error:
                behind, self._waiting = self._waiting, []
                _fail([*group, *behind], error)
                raise
            for request in group:
                if not request.answer.done():
                    request.answer.set_result(booked.get(request))
            if booked:
                self._notifier.send((OUTBOX, CALLS))

    async def _book(self, group: list[_Request]) -> "dict[_Request, PhoneCall]":
        async with self._connection.transaction(TAKE_TURN) as connection:
            present = [request for request in group if not request.given_up]
            for request in present:
                request.at_the_calendar.set()
            hours = await self._hours(connection, present)
            slots = await _find(connection, hours)
            return await _insert(connection, slots)

    async def _hours(
        self, connection: Connection, requests: list[_Request]
    ) -> "dict[_Request, Availability]":
        """Return when those can be rung who may be, as far as that is known here."""
        ids = list({request.new.therapist_id for request in requests})
        rows = await connection.fetch(THERAPISTS, ids, list(NOT_TO_BE_CALLED))
        known = {row["id"]: row for row in rows}
        found: dict[_Request, Availability] = {}
        for request in requests:
            row = known.get(request.new.therapist_id)
            if row is not None and request.moment.now - row["abgerufen_at"] < self._fresh_for:
                found[request] = parse_json(row["hours"], row["plz"], row["wieder_da_am"])
        return found


async def _answered(request: _Request) -> PhoneCall | None:
    """Wait for a request's turn as long as anybody waits for a lock, and then for what comes of it."""
    try:
        async with asyncio.timeout(LOCK_SECONDS):
            await request.at_the_calendar.wait()
    except TimeoutError as error:
        request.given_up = not request.at_the_calendar.is_set()
        if request.given_up:
            raise CalendarBusy from error
    return await request.answer


async def _find(connection: Connection, hours: "dict[_Request, Availability]") -> "dict[_Request, Slot]":
    """Return each one's next free slot, one after the other; the later leave the earlier theirs."""
    searches = {
        request: searched(request.moment, known, request.new.dauer_minuten)
        for request, known in hours.items()
    }
    slots: dict[_Request, Slot] = {}
    while searches:
        looked_at = {request: next(search, None) for request, search in searches.items()}
        ended = [request for request, some in looked_at.items() if not some]
        for request in ended:
            del searches[request]
        openings = {request: some for request, some in looked_at.items() if some}
        if not openings:
            break
        own, lines = await _busy(connection, openings)
        for request, slot in slots.items():
            _occupy(own, lines, request, slot)
        for request, some in openings.items():
            busy = Busy(own.get(request.new.therapist_id, ()), lines)
            slot = next_slot(request.moment, some, busy, duration_minutes=request.new.dauer_minuten)
            if slot is not None:
                slots[request] = slot
                _occupy(own, lines, request, slot)
                del searches[request]
    return slots


Taken = dict[int, list[Interval]]


async def _busy(
    connection: Connection, openings: "dict[_Request, Sequence[Interval]]"
) -> tuple[Taken, Taken]:
    """Return what is booked in and near the openings, by therapist and by line."""
    near = (_near(request, some) for request, some in openings.items())
    stretches = _joined(chain.from_iterable(near))
    ids = list({request.new.therapist_id for request in openings})
    rows = await connection.fetch(BUSY, *map(list, zip(*stretches, strict=True)), ids)
    own: Taken = {}
    lines: Taken = {}
    for day, at, minutes, on_lines, theirs in rows:
        taken = span(day, at, minutes)
        for line in on_lines:
            lines.setdefault(line, []).append(taken)
        for therapist_id in theirs or ():
            own.setdefault(therapist_id, []).append(taken)
    return own, lines


def _near(request: _Request, openings: Sequence[Interval]) -> Iterator[Interval]:
    gap = request.moment.rules.gap
    return (Interval(start - gap, end + gap) for start, end in openings)


def _joined(stretches: Iterator[Interval]) -> list[Interval]:
    """Return the same time in stretches that are apart from each other."""
    joined: list[Interval] = []
    for start, end in sorted(stretches):
        if joined and start <= joined[-1].end:
            joined[-1] = Interval(joined[-1].start, max(joined[-1].end, end))
        else:
            joined.append(Interval(start, end))
    return joined


def _occupy(own: Taken, lines: Taken, request: _Request, slot: Slot) -> None:
    taken = span(slot.day, slot.start, slot.duration_minutes)
    own.setdefault(request.new.therapist_id, []).append(taken)
    lines.setdefault(slot.line, []).append(taken)


async def _insert(connection: Connection, slots: "dict[_Request, Slot]") -> "dict[_Request, PhoneCall]":
    if not slots:
        return {}
    calls = {request: _call(request.new, slot) for request, slot in slots.items()}
    columns = zip(*(_row(request, call) for request, call in calls.items()), strict=True)
    rows = await connection.fetch(INSERT, *map(list, columns))
    for call, row in zip(calls.values(), rows, strict=True):
        call.id = row["id"]
        call.created_at = call.updated_at = row["created_at"]
    return calls


def _row(request: _Request, call: PhoneCall) -> tuple[Any, ...]:
    """Return the arguments of `INSERT` for one call."""
    details = {"geplantes_datum": call.geplantes_datum, "geplante_zeit": f"{call.geplante_zeit:%H:%M}"}
    return (
        call.therapist_id,
        call.geplantes_datum,
        call.geplante_zeit,
        call.dauer_minuten,
        call.leitung,
        call.notizen,
        call.grund,
        call.extern_id,
        request.moment.now,
        uuid4(),
        msgspec.json.encode(CallPayload.of(call)).decode(),
        request.actor.kind,
        request.actor.staff_id,
        request.actor.key_id,
        msgspec.json.encode(details).decode(),
        request.actor.origin.request_id,
        request.actor.origin.traceparent,
    )


def _call(new: AnyTime, slot: Slot) -> PhoneCall:
    """Return the row of a new call, not added to a session."""
    return PhoneCall(
        therapist_id=new.therapist_id,
        geplantes_datum=slot.day,
        geplante_zeit=slot.start,
        dauer_minuten=slot.duration_minutes,
        leitung=slot.line,
        status=CallStatus.SCHEDULED,
        notizen=new.notizen,
        grund=new.grund,
        extern_id=new.extern_id,
        versuch=1,
        ausserhalb_erreichbarkeit=False,
        klaerung_noetig=False,
        doppelt=False,
        version=1,
        email_ids=[],
    )


def _fail(group: list[_Request], error: BaseException) -> None:
    for request in group:
        request.fail(error)
