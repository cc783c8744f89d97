"""Writes new calls, each with its event and what the activity says of it by one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import ClassVar

import msgspec
from msgspec import UNSET

from services.calls.remembered_hours import VERSION
from services.events.types import TOPIC, CallPayload, EventType
from services.models import SCHEMA, CallReason, CallStatus
from services.scheduling.slots import Slot
from services.work import Action, Actor, Moment
from shared.direct_connection import ENDS_WITH_TRANSACTION, Turn

INSERT = f"""
    WITH wanted AS MATERIALIZED (
        SELECT nextval('{SCHEMA}.phone_calls_id_seq')::int AS id
        WHERE (SELECT {VERSION} FROM {SCHEMA}.therapists WHERE id = $1::int) = $15::bigint
    ), call AS (
        INSERT INTO {SCHEMA}.phone_calls (id, therapist_id, geplantes_datum, geplante_zeit, dauer_minuten,
            leitung, notizen, grund, extern_id, anfrage_id, traceparent)
        SELECT id, $1::int, $2::date, $3::time, $4::int, $5::int, $6::text, $7::text, $8::text, $16::text,
            $17::text
        FROM wanted
    ), event AS (
        INSERT INTO {SCHEMA}.event_outbox
            (event_id, event_type, topic, key, payload, created_at, available_at, anfrage_id, traceparent)
        SELECT gen_random_uuid(), '{EventType.CALL_SCHEDULED}', '{TOPIC}', 'call:' || id,
            $10::text::jsonb || jsonb_build_object('phone_call_id', id), $9::timestamptz, $9::timestamptz,
            $16::text, $17::text
        FROM wanted
    ), activity AS (
        INSERT INTO {SCHEMA}.activity
            (at, staff_id, actor, api_key_id, action, object_type, object_id, details)
        SELECT $9::timestamptz, $12::int, $11::text, $13::int, '{Action.CALL_SCHEDULED}', 'call', id,
            $14::text::jsonb
        FROM wanted
    )
    SELECT (SELECT id FROM wanted) AS id, now() AS created_at,
        (SELECT {ENDS_WITH_TRANSACTION.format(lock="$18::bigint")} WHERE $18 IS NOT NULL)
"""  # noqa: S608
"""Inserts a call unless its therapist's row has changed since its version; says so by no id."""


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


@dataclass(slots=True, kw_only=True)
class BookedCall:
    """A call as it was booked: what its row holds, as `PhoneCall` has it."""

    therapist_id: int
    geplantes_datum: date
    geplante_zeit: time
    dauer_minuten: int
    leitung: int
    notizen: str | None
    grund: CallReason
    extern_id: str | None
    id: int
    created_at: datetime

    @property
    def updated_at(self) -> datetime:
        """When it was changed last: not at all."""
        return self.created_at

    status: ClassVar[CallStatus] = CallStatus.SCHEDULED
    version: ClassVar[int] = 1
    versuch: ClassVar[int] = 1
    email_ids: ClassVar[tuple[int, ...]] = ()
    ausserhalb_erreichbarkeit: ClassVar[bool] = False
    klaerung_noetig: ClassVar[bool] = False
    absage_grund: ClassVar[None] = None
    email_id: ClassVar[None] = None
    ergebnis: ClassVar[None] = None
    ergebnis_art: ClassVar[None] = None
    gemeinsam_mit_id: ClassVar[None] = None
    korrigiert_at: ClassVar[None] = None
    plaetze: ClassVar[None] = None
    plaetze_ab: ClassVar[None] = None
    plaetze_fuer: ClassVar[None] = None
    rueckruf_durch: ClassVar[None] = None
    tatsaechliche_zeit: ClassVar[None] = None
    tatsaechliches_datum: ClassVar[None] = None
    vorheriger_anruf_id: ClassVar[None] = None
    warteliste: ClassVar[None] = None
    wieder_fragen_am: ClassVar[None] = None
    wiederholen_nach: ClassVar[None] = None


async def insert(turn: Turn, bookings: Sequence[Booking]) -> list[BookedCall | None]:
    """Insert calls; None stands for one whose therapist is not as they were.

    Raises:
        asyncpg.ExclusionViolationError: somebody who took no turn holds one of the times; none is inserted.
    """
    if not bookings:
        return []
    inserted = await turn.write(INSERT, [_row(booking) for booking in bookings])
    return [
        None if call_id is None else _call(booking, call_id, created_at)
        for booking, (call_id, created_at, _) in zip(bookings, inserted, strict=True)
    ]


def _row(booking: Booking) -> tuple[object, ...]:
    """Return the arguments of `INSERT` for one call, but for the turn that ends with it."""
    new, slot = booking.new, booking.slot
    begins = f"{slot.start:%H:%M}"
    payload = CallPayload(
        phone_call_id=0,
        therapist_id=new.therapist_id,
        email_id=None,
        status=CallStatus.SCHEDULED,
        geplantes_datum=slot.day,
        geplante_zeit=begins,
        dauer_minuten=slot.duration_minutes,
        grund=new.grund,
        versuch=1,
        ergebnis_art=None,
        vorheriger_anruf_id=None,
        extern_id=new.extern_id or UNSET,
    )
    return (
        new.therapist_id,
        slot.day,
        slot.start,
        slot.duration_minutes,
        slot.line,
        new.notizen,
        new.grund,
        new.extern_id,
        booking.moment.now,
        msgspec.json.encode(payload).decode(),
        booking.actor.kind,
        booking.actor.staff_id,
        booking.actor.key_id,
        msgspec.json.encode({"geplantes_datum": slot.day, "geplante_zeit": begins}).decode(),
        booking.version,
        booking.actor.origin.request_id,
        booking.actor.origin.traceparent,
    )


def _call(booking: Booking, call_id: int, created_at: datetime) -> BookedCall:
    new, slot = booking.new, booking.slot
    return BookedCall(
        therapist_id=new.therapist_id,
        geplantes_datum=slot.day,
        geplante_zeit=slot.start,
        dauer_minuten=slot.duration_minutes,
        leitung=slot.line,
        notizen=new.notizen,
        grund=new.grund,
        extern_id=new.extern_id,
        id=call_id,
        created_at=created_at,
    )
