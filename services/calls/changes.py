"""Changing a call as PUT does: record its outcome, move it, or correct what is written about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, time

from msgspec import UNSET, UnsetType
from sqlalchemy import select

from services.calls.locking import LockedCall, check_scheduled, lock_with_email
from services.calls.next_attempt import RETRIED
from services.calls.offers import NOTHING_SAID, Offer, offer_errors
from services.calls.outcome_said import Outcome, outcome_kind, rang_errors, repeat_errors
from services.calls.outcomes import EVENT_AFTER, apply_outcome
from services.calls.planning import duration_errors, load_email_ids, move_planned
from services.checks import check_note
from services.errors import FieldError, InvalidInput
from services.hints import CALLS
from services.models import OFFER, Audience, CallBackBy, CallStatus, OutcomeKind, PhoneCall
from services.work import Action, Moment, Transaction, Work

NOT_WITH_OUTCOME = "This can't be changed together with an outcome."
ONLY_WITH_OUTCOME = "This can only be said together with the outcome it belongs to."
ONLY_AFTER_RINGING = "Give the status as well: only a call that was made has an actual time."


@dataclass(frozen=True, slots=True, kw_only=True)
class CallChanges:
    """What is to change; `UNSET` leaves a column as it is, None empties it where it may be empty.

    A status other than the call's own records an outcome; `ergebnis_art` says which, and `verschoben` moves
    the call to the time given or else to the next window. The same status again only corrects what is said of
    it: texts, what the therapist can offer, and of a call that reached nobody why; this last is then said of
    the calls settled along, too. Who rang and what followed stays; other services are told.
    """

    status: CallStatus | None = None
    ergebnis_art: OutcomeKind | None = None
    geplantes_datum: date | None = None
    geplante_zeit: time | None = None
    dauer_minuten: int | None = None
    tatsaechliches_datum: date | None = None
    tatsaechliche_zeit: time | None = None
    wiederholen_nach: date | UnsetType | None = UNSET
    ergebnis: str | UnsetType | None = UNSET
    notizen: str | UnsetType | None = UNSET
    plaetze: int | UnsetType | None = UNSET
    plaetze_ab: date | UnsetType | None = UNSET
    plaetze_fuer: Sequence[Audience] | UnsetType | None = UNSET
    warteliste: bool | UnsetType | None = UNSET
    wieder_fragen_am: date | UnsetType | None = UNSET
    rueckruf_durch: CallBackBy | None = None
    richtige_nummer: str | None = None

    def offer(self, before: Offer) -> Offer:
        """Return what the therapist can offer after these changes."""
        said = {name: getattr(self, name) for name in OFFER}
        said["plaetze_fuer"] = UNSET if self.plaetze_fuer is UNSET else tuple(self.plaetze_fuer or ())
        return replace(before, **{name: value for name, value in said.items() if value is not UNSET})


async def change_call(work: Work, call_id: int, changes: CallChanges, *, version: int | None) -> PhoneCall:
    """Carry out every change, or none.

    Raises:
        NotFound, StaleVersion: as `services.calls.locking.lock_with_email`.
        CallNotScheduled: a closed call keeps its outcome and can't be moved.
        CallCollision: the time asked for is taken.
        InvalidInput: names the fields that are wrong or don't go together.
    """
    async with work.transaction() as tx:
        along = PhoneCall.gemeinsam_mit_id == call_id if changes.ergebnis_art else None
        locked = await lock_with_email(tx, call_id, version, also=along)
        call = locked.call
        if _is_outcome(call, changes):
            outcome = _outcome(call, changes)
            await apply_outcome(tx, locked, outcome)
        else:
            await _correct(tx, locked, changes)
        await tx.session.flush()
        await load_email_ids(tx, call)
    return call


def _is_outcome(call: PhoneCall, changes: CallChanges) -> bool:
    if changes.ergebnis_art == OutcomeKind.POSTPONED:
        return True
    if changes.status is None or changes.status == call.status:
        return False
    check_scheduled(call)
    return True


def _outcome(call: PhoneCall, changes: CallChanges) -> Outcome:
    art = outcome_kind(changes.status or CallStatus.SCHEDULED, changes.ergebnis_art)
    if changes.dauer_minuten not in (None, call.dauer_minuten):
        raise InvalidInput(FieldError("dauer_minuten", NOT_WITH_OUTCOME))
    moved = _moved(call, changes)
    if moved and art not in (OutcomeKind.POSTPONED, OutcomeKind.CALL_BACK_AGREED):
        raise InvalidInput(FieldError("geplantes_datum", NOT_WITH_OUTCOME))
    agreed = art == OutcomeKind.CALL_BACK_AGREED
    if agreed and (changes.geplantes_datum is None or changes.geplante_zeit is None):
        raise InvalidInput(FieldError("geplantes_datum", "Give the day and time agreed."))
    if changes.rueckruf_durch is not None and not agreed:
        raise InvalidInput(FieldError("rueckruf_durch", ONLY_WITH_OUTCOME))
    offer = changes.offer(NOTHING_SAID)
    return Outcome(
        art=art,
        ergebnis=changes.ergebnis or None,
        notizen=changes.notizen or None,
        wiederholen_nach=changes.wiederholen_nach or None,
        neuer_termin=_planned(call, changes) if moved or agreed else None,
        rueckruf_durch=changes.rueckruf_durch or CallBackBy.US,
        angebot=None if offer == NOTHING_SAID else offer,
        richtige_nummer=changes.richtige_nummer or None,
        tatsaechliches_datum=changes.tatsaechliches_datum,
        tatsaechliche_zeit=changes.tatsaechliche_zeit,
    )


async def _correct(tx: Transaction, locked: LockedCall, changes: CallChanges) -> None:
    call = locked.call
    _check(tx, call, changes)
    if _moved(call, changes):
        await move_planned(tx, call, *_planned(call, changes), duration_minutes=changes.dauer_minuten)
    wanted: dict[str, object] = {
        "ergebnis": changes.ergebnis,
        "notizen": changes.notizen,
        "wiederholen_nach": changes.wiederholen_nach,
        "tatsaechliches_datum": changes.tatsaechliches_datum or UNSET,
        "tatsaechliche_zeit": UNSET if changes.tatsaechliche_zeit is None else changes.tatsaechliche_zeit,
        "ergebnis_art": changes.ergebnis_art or UNSET,
    }
    if call.ergebnis_art == OutcomeKind.REACHED:
        wanted |= changes.offer(Offer.of(call)).columns()
    corrected = {
        name: value for name, value in wanted.items() if value is not UNSET and value != getattr(call, name)
    }
    if not corrected:
        return
    art = call.ergebnis_art
    await _write(tx, call, corrected)
    if call.ergebnis_art != art:
        for other in await _with_the_same(tx, call, art):
            await _write(tx, other, {"ergebnis_art": call.ergebnis_art})
    tx.wake(CALLS)


async def _write(tx: Transaction, call: PhoneCall, corrected: Mapping[str, object]) -> None:
    """Put a locked call right, and tell who was told of its outcome."""
    for name, value in corrected.items():
        setattr(call, name, value)
    call.version += 1
    closed = call.status != CallStatus.SCHEDULED
    if closed:
        call.korrigiert_at = tx.now
        await tx.session.flush()
        tx.report(EVENT_AFTER[CallStatus(call.status)], call)
    tx.record(Action.OUTCOME_CORRECTED if closed else Action.CALL_CHANGED, call, fields=sorted(corrected))


async def _with_the_same(tx: Transaction, call: PhoneCall, art: str | None) -> Sequence[PhoneCall]:
    """Return the locked calls that were closed along with one, those with another outcome left out."""
    along = select(PhoneCall).where(PhoneCall.gemeinsam_mit_id == call.id, PhoneCall.ergebnis_art == art)
    rows = await tx.session.scalars(along.order_by(PhoneCall.id).execution_options(populate_existing=True))
    return rows.all()


def _check(moment: Moment, call: PhoneCall, changes: CallChanges) -> None:
    errors = [
        *check_note("ergebnis", changes.ergebnis or None),
        *check_note("notizen", changes.notizen or None),
        *duration_errors(changes.dauer_minuten),
    ]
    another = changes.ergebnis_art not in (None, call.ergebnis_art)
    if another and not {changes.ergebnis_art, call.ergebnis_art} <= RETRIED:
        check_scheduled(call)
        errors.append(FieldError("status", "Give the status that goes with this outcome."))
    errors += _structure_errors(moment, call, changes)
    if changes.tatsaechliches_datum is not None or changes.tatsaechliche_zeit is not None:
        errors += _time_errors(moment, call, changes)
    errors += repeat_errors(moment, changes.wiederholen_nach or None)
    if errors:
        raise InvalidInput(*errors)
    if _moved(call, changes):
        check_scheduled(call)


def _structure_errors(moment: Moment, call: PhoneCall, changes: CallChanges) -> list[FieldError]:
    """Return what is wrong with what is said of places, of the number and of a call back."""
    before = Offer.of(call)
    offer = changes.offer(before)
    errors = offer_errors(moment, offer)
    if offer != before and call.ergebnis_art != OutcomeKind.REACHED:
        errors.append(FieldError("plaetze", "Only who was reached can offer anything."))
    if offer.wieder_fragen_am != before.wieder_fragen_am:
        errors.append(FieldError("wieder_fragen_am", ONLY_WITH_OUTCOME))
    for name in ("richtige_nummer", "rueckruf_durch"):
        if getattr(changes, name) is not None and getattr(changes, name) != getattr(call, name, None):
            errors.append(FieldError(name, ONLY_WITH_OUTCOME))
    return errors


def _time_errors(moment: Moment, call: PhoneCall, changes: CallChanges) -> list[FieldError]:
    on = changes.tatsaechliches_datum or call.tatsaechliches_datum
    at = changes.tatsaechliche_zeit or call.tatsaechliche_zeit
    if call.status not in (CallStatus.COMPLETED, CallStatus.FAILED) or on is None or at is None:
        return [FieldError("tatsaechliches_datum", ONLY_AFTER_RINGING)]
    return rang_errors(moment, on, at)


def _planned(call: PhoneCall, changes: CallChanges) -> tuple[date, time]:
    at = changes.geplante_zeit
    return changes.geplantes_datum or call.geplantes_datum, call.geplante_zeit if at is None else at


def _moved(call: PhoneCall, changes: CallChanges) -> bool:
    asked = (*_planned(call, changes), changes.dauer_minuten or call.dauer_minuten)
    return asked != (call.geplantes_datum, call.geplante_zeit, call.dauer_minuten)
