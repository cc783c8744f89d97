"""Phone calls: making, moving and cancelling them. Outcomes are in `services.calls.outcomes`."""

import asyncio
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services import idempotency
from services.calls.locking import lock_call
from services.checks import check_note
from services.errors import Conflict, FieldError, InvalidInput
from services.events.report import EventType, report_call
from services.hints import CALLS
from services.idempotency import RepeatableRequest
from services.models import CallReason, CallStatus, Email, OutcomeKind, PhoneCall, Therapist, is_possible_id
from services.rules import DeskRules
from services.scheduling.booking import book_at, book_next, lock_calendar, move
from services.scheduling.calendar import LONGEST_CALL_MINUTES
from services.therapists.directory import TherapistDirectory
from services.work import Actor, existing, record
from shared.database import wake

SCOPE = "calls"
BOOKINGS_AT_ONCE = 3

_turns = WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore]()


class CallNotScheduled(Conflict):
    """This call is no longer planned, so its time can't be changed."""


class FollowedUpAlready(Conflict):
    """This e-mail has had its call for want of an answer already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCall:
    """A call to be made; without date and time it goes into the therapist's next free slot."""

    therapist_id: int
    geplantes_datum: date | None = None
    geplante_zeit: time | None = None
    dauer_minuten: int | None = None
    notizen: str | None = None
    email_id: int | None = None
    grund: CallReason = CallReason.MANUAL


async def create_call(
    session: AsyncSession,
    new: NewCall,
    *,
    now: datetime,
    actor: Actor,
    rules: DeskRules,
    directory: TherapistDirectory,
    repeatable: RepeatableRequest | None = None,
) -> tuple[PhoneCall, bool]:
    """Plan a call; return it and whether it was made now rather than by an earlier, equal request.

    Raises:
        InvalidInput: the input is wrong, or no time can be found (`services.scheduling.booking.Unschedulable`).
        CallCollision: the time asked for is taken.
        FollowedUpAlready: there is a call with the reason `keine_antwort` about this e-mail.
        TemporarilyUnavailable: the therapist is not known here and their directory can't be asked.
    """
    _check(new)
    therapist = await directory.get(session, new.therapist_id, now=now)
    async with _turn(), session.begin():
        if repeatable is not None:
            earlier = await idempotency.reserve(session, SCOPE, repeatable)
            if earlier is not None:
                return await existing(session, PhoneCall, earlier), False
        call = await _book(session, new, therapist, now=now, rules=rules)
        if repeatable is not None:
            await idempotency.fulfil(session, SCOPE, repeatable, call.id)
        announce(session, call, "call_scheduled", now=now, actor=actor)
    return call, True


async def get_call(session: AsyncSession, call_id: int) -> PhoneCall:
    """Return a call.

    Raises:
        NotFound: there is none with this id.
    """
    async with session.begin():
        return await existing(session, PhoneCall, call_id)


async def move_call(
    session: AsyncSession,
    call_id: int,
    day: date,
    at: time,
    *,
    version: int,
    now: datetime,
    actor: Actor,
    rules: DeskRules,
    dauer_minuten: int | None = None,
) -> PhoneCall:
    """Move a planned call to a time a person chose.

    Raises:
        NotFound, StaleVersion, CallNotScheduled: as named.
        InvalidInput: the time is past, too far ahead or does not exist, or the duration is wrong.
        CallCollision: the therapist or every line is taken at that time.
    """
    _check_duration(dauer_minuten)
    async with session.begin():
        call = await lock_call(session, call_id, version)
        await move_planned(
            session, call, day, at, now=now, actor=actor, rules=rules, duration_minutes=dauer_minuten
        )
    return call


async def move_planned(
    session: AsyncSession,
    call: PhoneCall,
    day: date,
    at: time,
    *,
    now: datetime,
    actor: Actor,
    rules: DeskRules,
    duration_minutes: int | None = None,
) -> None:
    """Move a locked call, report it and note who did. Runs in the caller's transaction.

    Raises:
        CallNotScheduled, InvalidInput, CallCollision: as `move_call`.
    """
    if call.status != CallStatus.SCHEDULED:
        raise CallNotScheduled
    therapist = await session.get(Therapist, call.therapist_id)
    await move(session, call, therapist, day, at, now=now, rules=rules, duration_minutes=duration_minutes)
    call.version += 1
    announce(session, call, "call_moved", now=now, actor=actor)


async def cancel(session: AsyncSession, call: PhoneCall, reason: str, *, now: datetime, actor: Actor) -> None:
    """Cancel a locked, scheduled call for a reason shown to the staff, and report it.

    Runs in the caller's transaction. Frees the call from whoever has it in hand; can't be undone.
    """
    call.status = CallStatus.CANCELED
    call.ergebnis_art = OutcomeKind.CANCELED
    call.ergebnis = reason
    call.abgeschlossen_at = now
    call.bearbeitet_von = call.bearbeitet_bis = None
    call.version += 1
    await session.flush()
    report_call(session, EventType.CALL_CANCELED, call, now=now)
    record(session, actor, "call_canceled", "call", call.id, now=now)
    wake(session, CALLS)


def announce(session: AsyncSession, call: PhoneCall, action: str, *, now: datetime, actor: Actor) -> None:
    """Report a flushed call's new time and note who set it. Runs in the caller's transaction."""
    report_call(session, EventType.CALL_SCHEDULED, call, now=now)
    record(
        session,
        actor,
        action,
        "call",
        call.id,
        now=now,
        geplantes_datum=call.geplantes_datum.isoformat(),
        geplante_zeit=f"{call.geplante_zeit:%H:%M}",
    )
    wake(session, CALLS)


def _turn() -> asyncio.Semaphore:
    """Let few bookings of this process wait in the database, so that the others hold no connection."""
    return _turns.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(BOOKINGS_AT_ONCE))


async def _book(
    session: AsyncSession, new: NewCall, therapist: Therapist, *, now: datetime, rules: DeskRules
) -> PhoneCall:
    values: dict[str, Any] = {"notizen": new.notizen, "grund": new.grund, "email_id": new.email_id}
    if new.email_id is not None:
        await _lock_email(session, new.email_id)
        if new.grund == CallReason.NO_REPLY:
            await _check_not_followed_up(session, new.email_id)
    if new.geplantes_datum is not None and new.geplante_zeit is not None:
        return await book_at(
            session,
            therapist,
            new.geplantes_datum,
            new.geplante_zeit,
            now=now,
            rules=rules,
            duration_minutes=new.dauer_minuten,
            **values,
        )
    return await book_next(
        session, therapist, now=now, rules=rules, duration_minutes=new.dauer_minuten, **values
    )


async def _lock_email(session: AsyncSession, email_id: int) -> None:
    """Hold the e-mail still, before the calendar is locked: no automatic call about it comes in between."""
    found = await session.scalar(select(Email.id).where(Email.id == email_id).with_for_update(read=True))
    if found is None:
        raise InvalidInput(FieldError("email_id", "There is no such e-mail."))


async def _check_not_followed_up(session: AsyncSession, email_id: int) -> None:
    """Refuse a second call because of the same silence, as the database would."""
    await lock_calendar(session)
    first = select(PhoneCall.id).where(
        PhoneCall.email_id == email_id,
        PhoneCall.grund == CallReason.NO_REPLY,
        PhoneCall.vorheriger_anruf_id.is_(None),
    )
    if await session.scalar(first) is not None:
        raise FollowedUpAlready


def _check(new: NewCall) -> None:
    errors: list[FieldError] = []
    if not is_possible_id(new.therapist_id):
        errors.append(FieldError("therapist_id", "There is no such therapist."))
    if new.email_id is not None and not is_possible_id(new.email_id):
        errors.append(FieldError("email_id", "There is no such e-mail."))
    if new.geplantes_datum is None and new.geplante_zeit is not None:
        errors.append(FieldError("geplantes_datum", "Give the date as well, or neither date nor time."))
    if new.geplante_zeit is None and new.geplantes_datum is not None:
        errors.append(FieldError("geplante_zeit", "Give the time as well, or neither date nor time."))
    errors += [*duration_errors(new.dauer_minuten), *check_note("notizen", new.notizen)]
    if errors:
        raise InvalidInput(*errors)


def _check_duration(minutes: int | None) -> None:
    if errors := duration_errors(minutes):
        raise InvalidInput(*errors)


def duration_errors(minutes: int | None) -> list[FieldError]:
    """Return what is wrong with the length of a call."""
    if minutes is None or 1 <= minutes <= LONGEST_CALL_MINUTES:
        return []
    limits = (("least", 1), ("most", LONGEST_CALL_MINUTES))
    return [FieldError("dauer_minuten", "A call takes from %(least)s to %(most)s minutes.", limits)]
