"""What staff or a service say came of a call, and what can be wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time, timedelta

from services.calls.offers import Offer, offer_errors, question_errors
from services.checks import check_note
from services.errors import FieldError, InvalidInput
from services.models import CallBackBy, CallStatus, OutcomeKind
from services.scheduling.calendar import FURTHEST_DAYS
from services.work import Moment

STATUS_AFTER = {
    OutcomeKind.REACHED: CallStatus.COMPLETED,
    OutcomeKind.CALL_BACK_AGREED: CallStatus.COMPLETED,
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

RANG = frozenset(STATUS_AFTER) - {OutcomeKind.POSTPONED, OutcomeKind.CANCELED}
"""Outcomes that say somebody rang."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What staff or a service say happened. Dates and times are local wall clock.

    Attributes:
        ergebnis: what came of it, in words; None keeps what is there, as for `notizen`.
        wiederholen_nach: no next attempt before this day; a past day sets no limit.
        neuer_termin: where a postponed call goes, None is the therapist's next window; of a call back agreed
            the time.
        rueckruf_durch: who rings then.
        angebot: what a therapist who was reached can offer; with a day on which to ask again, a call of that
            day or after follows.
        richtige_nummer: where the number was wrong, the right one, as somebody wrote it; it is noted on the
            therapist, and rung next.
        tatsaechliches_datum: when it was rung; None, and `tatsaechliche_zeit` alike, is now.
        typed: the fields of the form that says all this, for who takes the outcome back; without any, a
            form being typed stays kept.
    """

    art: OutcomeKind
    ergebnis: str | None = None
    notizen: str | None = None
    wiederholen_nach: date | None = None
    neuer_termin: tuple[date, time] | None = None
    rueckruf_durch: CallBackBy = CallBackBy.US
    angebot: Offer | None = None
    richtige_nummer: str | None = None
    tatsaechliches_datum: date | None = None
    tatsaechliche_zeit: time | None = None
    typed: Mapping[str, str] = field(default_factory=dict[str, str])


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


def outcome_errors(moment: Moment, outcome: Outcome) -> list[FieldError]:
    """Return what is wrong with an outcome, whatever the call."""
    errors = [
        *check_note("ergebnis", outcome.ergebnis),
        *check_note("notizen", outcome.notizen),
        *rang_errors(moment, *rang_at(moment, outcome)),
        *repeat_errors(moment, outcome.wiederholen_nach),
    ]
    if outcome.art == OutcomeKind.CALL_BACK_AGREED and outcome.neuer_termin is None:
        errors.append(FieldError("geplantes_datum", "Give the day and time agreed."))
    if outcome.angebot is not None:
        errors += offer_errors(moment, outcome.angebot) + question_errors(moment, outcome.angebot)
        if outcome.art != OutcomeKind.REACHED:
            errors.append(FieldError("plaetze", "Only who was reached can offer anything."))
    if outcome.richtige_nummer is not None and outcome.art != OutcomeKind.WRONG_NUMBER:
        errors.append(FieldError("richtige_nummer", "Only a wrong number has a right one."))
    return errors


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


def rang_at(moment: Moment, outcome: Outcome) -> tuple[date, time]:
    """Return the local day and time at which somebody rang."""
    local = moment.local
    on = outcome.tatsaechliches_datum or local.date()
    return on, outcome.tatsaechliche_zeit or local.time().replace(second=0, microsecond=0)
