"""Writes new calls with their events and what the activity says of them, all by one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import msgspec

from services.calls.remembered_hours import VERSION
from services.events.types import TOPIC, CallPayload, EventType
from services.models import SCHEMA, CallReason, CallStatus, PhoneCall
from services.scheduling.slots import Slot
from services.work import Action, Actor, Moment
from shared.postgresql import Connection

INSERT = f"""
    WITH wanted AS MATERIALIZED (
        SELECT nextval('{SCHEMA}.phone_calls_id_seq')::int AS id, w.*
        FROM unnest($1::int[], $2::date[], $3::time[], $4::int[], $5::int[], $6::text[], $7::text[],
            $8::text[], $9::timestamptz[], $10::uuid[], $11::text[], $12::text[], $13::int[], $14::int[],
            $15::text[], $16::bigint[], $17::text[], $18::text[])
        WITH ORDINALITY AS w (therapist_id, geplantes_datum, geplante_zeit, dauer_minuten, leitung, notizen,
            grund, extern_id, at, event_id, payload, actor, staff_id, api_key_id, details, version,
            anfrage_id, traceparent, number)
        WHERE version = (SELECT {VERSION} FROM {SCHEMA}.therapists WHERE id = w.therapist_id)
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
    SELECT number::int, id, now() AS created_at FROM wanted
"""  # noqa: S608
"""Leaves out calls to therapists whose row has changed since its version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyTime:
    """A call without a time, about no e-mail, that no earlier request may have made."""

    therapist_id: int
    dauer_minuten: int
    notizen: str | None
    grund: CallReason
    extern_id: str | None


@dataclass(frozen=True, slots=True)
class Booking:
    """A call that has its time: who asked for it when, and by which version of the therapist's row."""

    new: AnyTime
    slot: Slot
    moment: Moment
    actor: Actor
    version: int


async def insert(connection: Connection, bookings: Sequence[Booking]) -> list[PhoneCall | None]:
    """Insert calls; None stands for one whose therapist is not as they were.

    Raises:
        asyncpg.ExclusionViolationError: somebody who took no turn holds one of the times; none is inserted.
    """
    if not bookings:
        return []
    calls = [_call(booking.new, booking.slot) for booking in bookings]
    columns = zip(*(_row(booking, call) for booking, call in zip(bookings, calls, strict=True)), strict=True)
    inserted: list[PhoneCall | None] = [None] * len(calls)
    for number, call_id, created_at in await connection.fetch(INSERT, *map(list, columns)):
        position: int = number - 1
        call = inserted[position] = calls[position]
        call.id = call_id
        call.created_at = call.updated_at = created_at
    return inserted


def _row(booking: Booking, call: PhoneCall) -> tuple[Any, ...]:
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
        booking.moment.now,
        uuid4(),
        msgspec.json.encode(CallPayload.of(call)).decode(),
        booking.actor.kind,
        booking.actor.staff_id,
        booking.actor.key_id,
        msgspec.json.encode(details).decode(),
        booking.version,
        booking.actor.origin.request_id,
        booking.actor.origin.traceparent,
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
