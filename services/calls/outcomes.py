"""What happened when staff rang (the status tracker): one service for the screen and the API alike.

Reached completes the call. Not reached, busy and answering machine fail it and plan the next attempt
(`services.calls.next_attempt`); where there is none, and after a wrong number, the call asks for a person
(`klaerung_noetig`). Postponed moves the same call and burns no attempt. Every outcome can be taken back for
`rules.undo` (`services.calls.undo`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from services.calls.claims import ClaimedByOther, holder
from services.calls.locking import LockedCall, check_scheduled, lock_with_email
from services.calls.next_attempt import book_retry, move_on, obstacle_to_retry
from services.calls.undo import MARGIN, CallState, Undo
from services.checks import check_note
from services.drafts import CALL, drop_draft
from services.errors import FieldError, InvalidInput
from services.events.types import EventType
from services.hints import CALLS
from services.models import CallStatus, NoRetry, OutboxEvent, OutcomeKind, PhoneCall, Therapist
from services.scheduling.booking import lock_calendar, move
from services.scheduling.calendar import FURTHEST_DAYS
from services.work import Action, Moment, Transaction, Work

STATUS_AFTER = {
    OutcomeKind.REACHED: CallStatus.COMPLETED,
    OutcomeKind.NOT_REACHED: CallStatus.FAILED,
    OutcomeKind.BUSY: CallStatus.FAILED,
    OutcomeKind.ANSWERING_MACHINE: CallStatus.FAILED,
    OutcomeKind.WRONG_NUMBER: CallStatus.FAILED,
    OutcomeKind.POSTPONED: CallStatus.SCHEDULED,
    OutcomeKind.CANCELED: CallStatus.CANCELED,
}
"""The status each outcome leads to."""

USUAL_OUTCOME = {
    CallStatus.COMPLETED: OutcomeKind.REACHED,
    CallStatus.FAILED: OutcomeKind.NOT_REACHED,
    CallStatus.CANCELED: OutcomeKind.CANCELED,
}
"""The outcome meant by a status alone."""

EVENT_AFTER = {
    CallStatus.COMPLETED: EventType.CALL_COMPLETED,
    CallStatus.FAILED: EventType.CALL_FAILED,
    CallStatus.CANCELED: EventType.CALL_CANCELED,
    CallStatus.SCHEDULED: EventType.CALL_SCHEDULED,
}

RANG = frozenset(STATUS_AFTER) - {OutcomeKind.POSTPONED, OutcomeKind.CANCELED}
"""Outcomes that say somebody rang."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What staff or a service say happened. Dates and times are local wall clock.

    Attributes:
        ergebnis: what came of it, in words; None keeps what is there, as for `notizen`.
        wiederholen_nach: no next attempt before this day; a past day sets no limit.
        neuer_termin: where a postponed call goes; None is the therapist's next window.
        tatsaechliches_datum: when it was rung; None, and `tatsaechliche_zeit` alike, is now.
        typed: the fields of the form that says all this, for who takes the outcome back; without any, a
            form being typed stays kept.
    """

    art: OutcomeKind
    ergebnis: str | None = None
    notizen: str | None = None
    wiederholen_nach: date | None = None
    neuer_termin: tuple[date, time] | None = None
    tatsaechliches_datum: date | None = None
    tatsaechliche_zeit: time | None = None
    typed: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class OutcomeResult:
    """The call after its outcome, its next attempt or why there is none, and the end of undo."""

    call: PhoneCall
    next_call: PhoneCall | None
    no_retry: NoRetry | None
    undo_until: datetime


def outcome_kind(status: CallStatus, art: OutcomeKind | None) -> OutcomeKind:
    """Return the outcome meant by a status and, where given, its kind.

    Raises:
        InvalidInput: the kind does not lead to that status.
    """
    if art is None and status in USUAL_OUTCOME:
        return USUAL_OUTCOME[status]
    if art is None or STATUS_AFTER[art] != status:
        raise InvalidInput(FieldError("ergebnis_art", "This outcome does not go with the status."))
    return art


async def record_outcome(work: Work, call_id: int, outcome: Outcome, *, version: int | None) -> OutcomeResult:
    """Record the outcome of a scheduled call, plan the next attempt, and let go of the claim.

    Raises:
        NotFound, StaleVersion: as `services.calls.locking.lock_with_email`.
        CallNotScheduled: the call has an outcome.
        ClaimedByOther: another member of staff has it in hand.
        InvalidInput: a date or time can't be, or a postponed call finds no free time (`Unschedulable`).
        CallCollision: the time a postponed call should go to is taken.
    """
    async with work.transaction() as tx:
        locked = await lock_with_email(tx, call_id, version)
        return await apply_outcome(tx, locked, outcome)


async def apply_outcome(tx: Transaction, locked: LockedCall, outcome: Outcome) -> OutcomeResult:
    """Do what `record_outcome` does to a locked call."""
    call = locked.call
    _check(tx, call, outcome)
    postponed = outcome.art == OutcomeKind.POSTPONED
    no_retry = obstacle_to_retry(call, outcome.art, locked.answered, tx.rules)
    if postponed or no_retry is None:
        await lock_calendar(tx)
    before = CallState.of(call)
    _write(tx, call, outcome)
    next_call: PhoneCall | None = None
    if postponed:
        await _postpone(tx, call, outcome)
    else:
        await tx.session.flush()
        if no_retry is None:
            planned = await book_retry(tx, call, outcome.art, wiederholen_nach=outcome.wiederholen_nach)
            next_call, no_retry = (planned, None) if isinstance(planned, PhoneCall) else (None, planned)
        call.klaerung_noetig = no_retry is not None and no_retry.needs_person
        call.klaerung_grund = no_retry if call.klaerung_noetig else None
    undo_until = tx.now + tx.rules.undo
    await tx.session.flush()
    events = _report(tx, call, next_call)
    Undo(
        before,
        call.version,
        next_call.id if next_call else None,
        [event.event_id for event in events],
        tx.actor.staff_id,
        dict(outcome.typed),
    ).keep(call, undo_until)
    if tx.actor.staff_id is not None and outcome.typed:
        await drop_draft(tx, CALL, call.id)
    _note(tx, call, outcome, next_call)
    return OutcomeResult(call, next_call, no_retry, undo_until)


async def settle(work: Work, call_id: int, *, version: int | None) -> PhoneCall:
    """Note that a person has looked at a call that asked for one (`klaerung_noetig`).

    Raises:
        NotFound, StaleVersion: as `services.calls.locking.lock_with_email`.
    """
    async with work.transaction() as tx:
        call = (await lock_with_email(tx, call_id, version)).call
        if call.klaerung_noetig:
            call.klaerung_noetig = False
            call.version += 1
            tx.record(Action.CALL_SETTLED, call)
            tx.wake(CALLS)
    return call


def _check(tx: Transaction, call: PhoneCall, outcome: Outcome) -> None:
    check_scheduled(call)
    held_by = holder(call, tx.now)
    if tx.actor.staff_id is not None and held_by is not None and held_by != tx.actor.staff_id:
        raise ClaimedByOther(staff_id=held_by)
    errors = [
        *check_note("ergebnis", outcome.ergebnis),
        *check_note("notizen", outcome.notizen),
        *rang_errors(tx, *_rang(tx, outcome)),
        *repeat_errors(tx, outcome.wiederholen_nach),
    ]
    if errors:
        raise InvalidInput(*errors)


def rang_errors(moment: Moment, on: date, at: time) -> list[FieldError]:
    """Return what is wrong with the local day and time at which somebody says they rang."""
    today = moment.today
    if on < today - timedelta(days=FURTHEST_DAYS):
        return [FieldError("tatsaechliches_datum", "This is too long ago.")]
    if moment.rules.instant(on, at) > moment.now:
        field = "tatsaechliches_datum" if on > today else "tatsaechliche_zeit"
        return [FieldError(field, "This is in the future.")]
    return []


def repeat_errors(moment: Moment, not_before: date | None) -> list[FieldError]:
    """Return what is wrong with the day before which there is to be no next attempt."""
    if not_before is None or abs((not_before - moment.today).days) <= FURTHEST_DAYS:
        return []
    return [FieldError("wiederholen_nach", "This date is too far away.")]


def _rang(moment: Moment, outcome: Outcome) -> tuple[date, time]:
    local = moment.local
    on = outcome.tatsaechliches_datum or local.date()
    return on, outcome.tatsaechliche_zeit or local.time().replace(second=0, microsecond=0)


def _write(moment: Moment, call: PhoneCall, outcome: Outcome) -> None:
    """Set what the outcome says about the call itself."""
    call.version += 1
    call.bearbeitet_von = call.bearbeitet_bis = None
    if outcome.ergebnis is not None:
        call.ergebnis = outcome.ergebnis
    if outcome.notizen is not None:
        call.notizen = outcome.notizen
    call.wiederholen_nach = outcome.wiederholen_nach
    call.ergebnis_art = outcome.art
    if outcome.art == OutcomeKind.POSTPONED:
        return
    call.status = STATUS_AFTER[outcome.art]
    call.abgeschlossen_at = moment.now
    if outcome.art in RANG:
        call.tatsaechliches_datum, call.tatsaechliche_zeit = _rang(moment, outcome)


async def _postpone(tx: Transaction, call: PhoneCall, outcome: Outcome) -> None:
    if outcome.neuer_termin is None:
        await move_on(tx, call, not_before=outcome.wiederholen_nach)
        return
    therapist = await tx.session.get(Therapist, call.therapist_id)
    await move(tx, call, therapist, *outcome.neuer_termin)


def _report(tx: Transaction, call: PhoneCall, next_call: PhoneCall | None) -> list[OutboxEvent]:
    """Write the events so that they are published only once nobody can take the outcome back."""
    available_at = tx.now + tx.rules.undo + MARGIN if tx.rules.undo else tx.now
    happened = EVENT_AFTER[CallStatus(call.status)]
    events = [tx.report(happened, call, available_at=available_at)]
    if next_call is not None:
        events.append(tx.report(EventType.CALL_SCHEDULED, next_call, available_at=available_at))
    tx.wake(CALLS)
    return events


def _note(tx: Transaction, call: PhoneCall, outcome: Outcome, next_call: PhoneCall | None) -> None:
    details: dict[str, object] = {"ergebnis_art": outcome.art.value}
    if next_call is not None:
        details["next_call_id"] = next_call.id
    action = Action.CALL_CANCELED if outcome.art == OutcomeKind.CANCELED else Action.OUTCOME_RECORDED
    tx.record(action, call, **details)
