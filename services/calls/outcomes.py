"""What happened when staff rang (the status tracker): one service for the screen and the API alike.

Reached completes the call, and so does a call back agreed, which is planned for its minute
(`services.calls.agreed`). Not reached, busy and answering machine fail it and plan the next attempt
(`services.calls.next_attempt`), as does a wrong number for which the right one is given; where there is none
the call asks for a person (`klaerung_noetig`). Postponed moves the same call and burns no attempt. Every
outcome can be taken back for `rules.undo` (`services.calls.undo`).
"""

from dataclasses import dataclass
from datetime import datetime

from services import measures
from services.calls.agreed import book_call_back, book_question
from services.calls.claims import ClaimedByOther, holder
from services.calls.kept_state import MARGIN, CallState, Undo
from services.calls.locking import LockedCall, check_scheduled, lock_with_email
from services.calls.next_attempt import book_retry, move_on, obstacle_to_retry
from services.calls.offers import NOTHING_SAID
from services.calls.outcome_said import RANG, STATUS_AFTER, Outcome, outcome_errors, rang_at
from services.calls.right_numbers import PhoneChange, note_right_number, read_right_number
from services.drafts import CALL, drop_draft
from services.errors import InvalidInput
from services.events.types import EventType
from services.hints import CALLS
from services.models import CallStatus, NoRetry, OutboxEvent, OutcomeKind, PhoneCall, Therapist
from services.scheduling.booking import lock_calendar, move
from services.work import Action, Moment, Transaction, Work

EVENT_AFTER = {
    CallStatus.COMPLETED: EventType.CALL_COMPLETED,
    CallStatus.FAILED: EventType.CALL_FAILED,
    CallStatus.CANCELED: EventType.CALL_CANCELED,
    CallStatus.SCHEDULED: EventType.CALL_SCHEDULED,
}


@dataclass(frozen=True, slots=True)
class OutcomeResult:
    """The call after its outcome, its next attempt or why there is none, and the end of undo."""

    call: PhoneCall
    next_call: PhoneCall | None
    no_retry: NoRetry | None
    undo_until: datetime


async def record_outcome(work: Work, call_id: int, outcome: Outcome, *, version: int | None) -> OutcomeResult:
    """Record the outcome of a scheduled call, plan the next attempt, and let go of the claim.

    Raises:
        NotFound, StaleVersion: as `services.calls.locking.lock_with_email`.
        CallNotScheduled: the call has an outcome.
        ClaimedByOther: another member of staff has it in hand.
        InvalidInput: a date, time or number can't be, or a postponed call finds no free time
            (`Unschedulable`).
        CallCollision: the time a postponed call should go to, or agreed for the call back, is taken.
    """
    async with work.transaction() as tx:
        locked = await lock_with_email(tx, call_id, version)
        result = await apply_outcome(tx, locked, outcome)
    measures.call_outcomes.labels(outcome.art.value).inc()
    return result


async def apply_outcome(
    tx: Transaction, locked: LockedCall, outcome: Outcome, *, together_with: int | None = None
) -> OutcomeResult:
    """Do what `record_outcome` does to a locked call; with another that was rung, when is said of that."""
    call = locked.call
    _check(tx, call, outcome)
    postponed = outcome.art == OutcomeKind.POSTPONED
    no_retry = _obstacle(tx, locked, outcome)
    if postponed or no_retry is None or outcome.richtige_nummer:
        await lock_calendar(tx)
    before = CallState.of(call)
    phone = await _note_number(tx, call, outcome)
    _write(tx, call, outcome, together_with)
    next_call: PhoneCall | None = None
    if postponed:
        await _postpone(tx, call, outcome)
    else:
        await tx.session.flush()
        if no_retry is None:
            planned = await _book_following(tx, call, outcome)
            next_call, no_retry = (planned, None) if isinstance(planned, PhoneCall) else (None, planned)
        call.klaerung_noetig = no_retry is not None and no_retry.needs_person
        call.klaerung_grund = no_retry if call.klaerung_noetig else None
    if tx.actor.staff_id is not None and outcome.typed:
        await drop_draft(tx, CALL, call.id)
    undo_until = tx.now + tx.rules.undo
    await tx.session.flush()
    events = _report(tx, call, next_call)
    if phone is not None:
        events.append(await _report_number(tx, phone))
    Undo(
        before,
        call.version,
        next_call.id if next_call else None,
        [event.event_id for event in events],
        tx.actor.staff_id,
        dict(outcome.typed),
        phone,
    ).keep(call, undo_until)
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
    if errors := outcome_errors(tx, outcome):
        raise InvalidInput(*errors)


def _obstacle(moment: Moment, locked: LockedCall, outcome: Outcome) -> NoRetry | None:
    """Return why no call follows this outcome, before looking at the calendar."""
    asks_again = outcome.angebot is not None and outcome.angebot.wieder_fragen_am is not None
    if outcome.art == OutcomeKind.CALL_BACK_AGREED or asks_again:
        return None
    return obstacle_to_retry(
        locked.call,
        outcome.art,
        locked.answered,
        moment.rules,
        number_known=outcome.richtige_nummer is not None,
    )


async def _note_number(tx: Transaction, call: PhoneCall, outcome: Outcome) -> PhoneChange | None:
    if outcome.richtige_nummer is None:
        return None
    return await note_right_number(tx, call.therapist_id, read_right_number(outcome.richtige_nummer))


async def _book_following(tx: Transaction, call: PhoneCall, outcome: Outcome) -> PhoneCall | NoRetry:
    if outcome.art == OutcomeKind.CALL_BACK_AGREED:
        assert outcome.neuer_termin is not None
        return await book_call_back(tx, call, outcome.neuer_termin, outcome.rueckruf_durch)
    if outcome.angebot is not None and outcome.angebot.wieder_fragen_am is not None:
        return await book_question(tx, call, outcome.angebot.wieder_fragen_am)
    return await book_retry(tx, call, outcome.art, wiederholen_nach=outcome.wiederholen_nach)


def _write(moment: Moment, call: PhoneCall, outcome: Outcome, together_with: int | None) -> None:
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
    call.gemeinsam_mit_id = together_with
    if outcome.art in RANG and together_with is None:
        call.tatsaechliches_datum, call.tatsaechliche_zeit = rang_at(moment, outcome)
    if outcome.art == OutcomeKind.REACHED:
        (outcome.angebot or NOTHING_SAID).write(call)


async def _postpone(tx: Transaction, call: PhoneCall, outcome: Outcome) -> None:
    if outcome.neuer_termin is None:
        await move_on(tx, call, not_before=outcome.wiederholen_nach)
        call.rueckruf_durch = call.vereinbart_von = None
        return
    therapist = await tx.session.get(Therapist, call.therapist_id)
    await move(tx, call, therapist, *outcome.neuer_termin)


def _report(tx: Transaction, call: PhoneCall, next_call: PhoneCall | None) -> list[OutboxEvent]:
    """Write the events so that they are published only once nobody can take the outcome back."""
    available_at = _reported_from(tx)
    happened = EVENT_AFTER[CallStatus(call.status)]
    events = [tx.report(happened, call, available_at=available_at)]
    if next_call is not None:
        events.append(tx.report(EventType.CALL_SCHEDULED, next_call, available_at=available_at))
    tx.wake(CALLS)
    return events


async def _report_number(tx: Transaction, phone: PhoneChange) -> OutboxEvent:
    """Report the right number, as `_report` does the call."""
    therapist = await tx.existing(Therapist, phone.therapist_id)
    return tx.report(EventType.THERAPIST_PHONE_CORRECTED, therapist, available_at=_reported_from(tx))


def _reported_from(moment: Moment) -> datetime:
    return moment.now + moment.rules.undo + MARGIN if moment.rules.undo else moment.now


def _note(tx: Transaction, call: PhoneCall, outcome: Outcome, next_call: PhoneCall | None) -> None:
    details: dict[str, object] = {"ergebnis_art": outcome.art.value}
    if next_call is not None:
        details["next_call_id"] = next_call.id
    action = Action.CALL_CANCELED if outcome.art == OutcomeKind.CANCELED else Action.OUTCOME_RECORDED
    tx.record(action, call, **details)
