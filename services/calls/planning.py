"""Phone calls: making, moving and cancelling them. Outcomes are in `services.calls.outcomes`."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, time
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import select

from services import idempotency
from services.calls.linked_emails import join, open_follow_up
from services.calls.locking import check_scheduled, hold_email, lock_follow_ups
from services.checks import check_note, check_reference
from services.errors import Conflict, FieldError, InvalidInput
from services.events.types import EventType
from services.hints import CALLS
from services.idempotency import Made, RepeatableRequest
from services.models import (
    CallEmail,
    CallReason,
    CallStatus,
    CancelReason,
    OutcomeKind,
    PhoneCall,
    Therapist,
    is_possible_id,
)
from services.scheduling.booking import (
    CalendarBusy,
    book_at,
    book_next,
    lock_calendar,
    move,
    wait_at_most,
)
from services.scheduling.calendar import LONGEST_CALL_MINUTES
from services.therapists.directory import TherapistDirectory
from services.work import Action, Transaction, Work
from shared.postgresql import LOCK_SECONDS

SCOPE = "calls"
BOOKINGS_AT_ONCE = 3

_turns = WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore]()


class EmailAnswered(Conflict):
    """This e-mail has been answered, so no call about it is needed; a call back has the reason `rueckruf`."""


class FollowedUpAlready(Conflict):
    """This e-mail has had its call for want of an answer already."""


class FollowUpOpen(Conflict):
    """This therapist has an open call for want of an answer already: call %(call_id)s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCall:
    """A call to be made; without date and time it goes into the therapist's next free slot.

    `extern_id` is the caller's reference and holds nothing personal; the calls that follow from it keep it.
    """

    therapist_id: int
    geplantes_datum: date | None = None
    geplante_zeit: time | None = None
    dauer_minuten: int | None = None
    notizen: str | None = None
    email_id: int | None = None
    grund: CallReason = CallReason.MANUAL
    extern_id: str | None = None


async def create_call(
    work: Work,
    new: NewCall,
    *,
    directory: TherapistDirectory,
    repeatable: RepeatableRequest | None = None,
) -> Made[PhoneCall]:
    """Plan a call; one with the reason `keine_antwort` is the therapist's open one, where they have one.

    Raises:
        InvalidInput: the input is wrong, or no time can be found (`Unschedulable`).
        CallCollision: the time asked for is taken.
        EmailAnswered: the call is about an answered e-mail, and no call back.
        FollowedUpAlready: there is a call with the reason `keine_antwort` about this e-mail.
        FollowUpOpen: the therapist has an open one, and this is to have a time, a length, a note or a
            reference of its own, or is about no e-mail.
        CalendarBusy: others are booking, and the turn did not come in time.
        TemporarilyUnavailable: the therapist is not known here and their directory can't be asked.
    """
    check_new(new)
    therapist = await directory.get(work, new.therapist_id)
    async with _turn(work) as tx:
        if repeatable is not None:
            earlier = await idempotency.reserve(tx, SCOPE, repeatable)
            if earlier is not None:
                call = await tx.existing(PhoneCall, earlier)
                await load_email_ids(tx, call)
                return Made(call, repeated=True)
        call = await _join_open(tx, new)
        if call is None:
            call = await _book(tx, new, therapist)
            announce(tx, call, Action.CALL_SCHEDULED)
        if repeatable is not None:
            await idempotency.fulfil(tx, SCOPE, repeatable, call.id)
        await load_email_ids(tx, call)
    return Made(call, repeated=False)


async def get_call(work: Work, call_id: int) -> PhoneCall:
    """Return a call with the e-mails it is about.

    Raises:
        NotFound: there is none with this id.
    """
    async with work.transaction() as tx:
        call = await tx.existing(PhoneCall, call_id)
        await load_email_ids(tx, call)
    return call


async def load_email_ids(tx: Transaction, call: PhoneCall) -> None:
    """Load which e-mails a call is about now."""
    await tx.session.refresh(call, ["email_ids"])


async def move_call(
    work: Work, call_id: int, day: date, at: time, *, version: int, dauer_minuten: int | None = None
) -> PhoneCall:
    """Move a planned call to a time a person chose.

    Raises:
        NotFound, StaleVersion, CallNotScheduled: as named.
        InvalidInput: the time is past, too far ahead or does not exist, or the duration is wrong.
        CallCollision: the therapist or every line is taken at that time.
    """
    _check_duration(dauer_minuten)
    async with work.transaction() as tx:
        call = await tx.locked(PhoneCall, call_id, version=version)
        await move_planned(tx, call, day, at, duration_minutes=dauer_minuten)
    return call


async def move_planned(
    tx: Transaction, call: PhoneCall, day: date, at: time, *, duration_minutes: int | None = None
) -> None:
    """Move a locked call, report it and note who did.

    Raises:
        CallNotScheduled, InvalidInput, CallCollision: as `move_call`.
    """
    check_scheduled(call)
    therapist = await tx.session.get(Therapist, call.therapist_id)
    await move(tx, call, therapist, day, at, duration_minutes=duration_minutes)
    call.version += 1
    announce(tx, call, Action.CALL_MOVED)


async def cancel(tx: Transaction, call: PhoneCall, reason: CancelReason) -> None:
    """Cancel a locked, scheduled call by itself, and report it.

    Frees the call from whoever has it in hand; can't be undone.
    """
    call.status = CallStatus.CANCELED
    call.ergebnis_art = OutcomeKind.CANCELED
    call.absage_grund = reason
    call.abgeschlossen_at = tx.now
    call.bearbeitet_von = call.bearbeitet_bis = None
    call.version += 1
    await tx.session.flush()
    tx.report(EventType.CALL_CANCELED, call)
    tx.record(Action.CALL_CANCELED, call)
    tx.wake(CALLS)


def announce(tx: Transaction, call: PhoneCall, action: Action) -> None:
    """Report a flushed call's new time and note who set it."""
    tx.report(EventType.CALL_SCHEDULED, call)
    tx.record(
        action,
        call,
        geplantes_datum=call.geplantes_datum.isoformat(),
        geplante_zeit=f"{call.geplante_zeit:%H:%M}",
    )
    tx.wake(CALLS)


@asynccontextmanager
async def _turn(work: Work) -> AsyncGenerator[Transaction]:
    """Let few bookings of this process wait in the database, so that the others hold no connection.

    Who has waited here waits for locks only as long as is left of `LOCK_SECONDS`.

    Raises:
        CalendarBusy: nothing is left.
    """
    loop = asyncio.get_running_loop()
    turns = _turns.setdefault(loop, asyncio.Semaphore(BOOKINGS_AT_ONCE))
    latest = loop.time() + LOCK_SECONDS
    queued = turns.locked()
    try:
        async with asyncio.timeout_at(latest):
            await turns.acquire()
    except TimeoutError as error:
        raise CalendarBusy from error
    try:
        async with work.transaction() as tx:
            if queued:
                await wait_at_most(tx, latest - loop.time())
            yield tx
    finally:
        turns.release()


async def _book(tx: Transaction, new: NewCall, therapist: Therapist) -> PhoneCall:
    values: dict[str, Any] = {
        "notizen": new.notizen,
        "grund": new.grund,
        "email_id": new.email_id,
        "extern_id": new.extern_id,
    }
    if new.email_id is not None and new.grund != CallReason.NO_REPLY:
        await _hold_unanswered(tx, new.email_id, new.grund)
    if new.geplantes_datum is not None and new.geplante_zeit is not None:
        return await book_at(
            tx,
            therapist,
            new.geplantes_datum,
            new.geplante_zeit,
            duration_minutes=new.dauer_minuten,
            **values,
        )
    return await book_next(tx, therapist, duration_minutes=new.dauer_minuten, **values)


async def _join_open(tx: Transaction, new: NewCall) -> PhoneCall | None:
    """Let a follow-up's e-mail join the therapist's open follow-up call, if there is one; return that."""
    if new.grund != CallReason.NO_REPLY:
        return None
    await lock_follow_ups(tx, new.therapist_id)
    if new.email_id is not None:
        await _hold_unanswered(tx, new.email_id, new.grund)
    call = await open_follow_up(tx, new.therapist_id)
    if new.email_id is not None:
        await _check_not_followed_up(tx, new.email_id)
    if call is None:
        return None
    own = (new.geplantes_datum, new.dauer_minuten, new.notizen, new.extern_id)
    if new.email_id is None or any(value is not None for value in own):
        raise FollowUpOpen(call_id=call.id)
    await join(tx, call, [new.email_id], automatic=True)
    return call


async def _hold_unanswered(tx: Transaction, email_id: int, grund: CallReason) -> None:
    """Hold the e-mail still before the calendar is locked: neither an answer nor a call comes in between."""
    answered = await hold_email(tx, email_id)
    if answered is None:
        raise InvalidInput(FieldError("email_id", "There is no such e-mail."))
    if answered and grund != CallReason.CALL_BACK:
        raise EmailAnswered


async def _check_not_followed_up(tx: Transaction, email_id: int) -> None:
    """Refuse a second call because of the same silence, as the database would."""
    await lock_calendar(tx)
    first = select(CallEmail.call_id).where(CallEmail.email_id == email_id, CallEmail.automatisch)
    if await tx.session.scalar(first) is not None:
        raise FollowedUpAlready


def check_new(new: NewCall) -> None:
    """Refuse what no call can be made of, whatever is booked.

    Raises:
        InvalidInput: names every field that is wrong.
    """
    errors: list[FieldError] = []
    if not is_possible_id(new.therapist_id):
        errors.append(FieldError("therapist_id", "There is no such therapist."))
    if new.email_id is not None and not is_possible_id(new.email_id):
        errors.append(FieldError("email_id", "There is no such e-mail."))
    if new.geplantes_datum is None and new.geplante_zeit is not None:
        errors.append(FieldError("geplantes_datum", "Give the date as well, or neither date nor time."))
    if new.geplante_zeit is None and new.geplantes_datum is not None:
        errors.append(FieldError("geplante_zeit", "Give the time as well, or neither date nor time."))
    errors += [
        *duration_errors(new.dauer_minuten),
        *check_note("notizen", new.notizen),
        *check_reference("extern_id", new.extern_id),
    ]
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
