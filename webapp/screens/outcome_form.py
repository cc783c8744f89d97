"""The outcome form: what its fields say, and what is wrong with them."""

from dataclasses import dataclass
from datetime import date, time

from services.calls.outcomes import Outcome
from services.errors import FieldError, InvalidInput
from services.models import OutcomeKind
from webapp.screens.forms import Form, read_date, read_time

NOT_REACHED_KINDS = (
    OutcomeKind.NOT_REACHED,
    OutcomeKind.BUSY,
    OutcomeKind.ANSWERING_MACHINE,
    OutcomeKind.WRONG_NUMBER,
)
NEXT_WINDOW = "fenster"
CHOSEN_TIME = "termin"
LONGEST_NOTE = 4000


@dataclass
class OutcomeForm(Form):
    """What is typed about the outcome of a call."""

    version: str = ""
    ergebnis_art: str = ""
    genauer: str = OutcomeKind.NOT_REACHED.value
    ergebnis: str = ""
    wiederholen_nach: str = ""
    wohin: str = NEXT_WINDOW
    geplantes_datum: str = ""
    geplante_zeit: str = ""

    @property
    def kind(self) -> OutcomeKind | None:
        """The outcome chosen so far, None while nothing is."""
        try:
            chosen = OutcomeKind(self.ergebnis_art)
            return OutcomeKind(self.genauer) if chosen is OutcomeKind.NOT_REACHED else chosen
        except ValueError:
            return None

    @property
    def not_before(self) -> date | None:
        """No next attempt before this day; None when none is given or it can't be read."""
        return read_date(self.wiederholen_nach)

    def to_outcome(self) -> Outcome:
        """Return what the form says.

        Raises:
            InvalidInput: a field is missing or unreadable.
        """
        errors: list[FieldError] = []
        kind = self.kind
        if kind is None:
            errors.append(FieldError("ergebnis_art", "Choose what came of the call."))
        if len(self.ergebnis) > LONGEST_NOTE:
            limit = (("most", LONGEST_NOTE),)
            errors.append(FieldError("ergebnis", "The note is longer than %(most)s characters.", limit))
        retried = kind in NOT_REACHED_KINDS and kind is not OutcomeKind.WRONG_NUMBER
        if retried and self.wiederholen_nach and self.not_before is None:
            errors.append(FieldError("wiederholen_nach", "Give the date as day, month and year."))
        new_time = self._new_time(errors) if kind is OutcomeKind.POSTPONED else None
        if kind is None or errors:
            raise InvalidInput(*errors)
        return Outcome(
            art=kind,
            ergebnis=self.ergebnis.strip() or None,
            wiederholen_nach=self.not_before if retried else None,
            neuer_termin=new_time,
            typed=self.to_draft(),
        )

    def _new_time(self, errors: list[FieldError]) -> tuple[date, time] | None:
        """Return the day and time chosen for a postponed call; None is the therapist's next window."""
        if self.wohin != CHOSEN_TIME:
            return None
        day, at = read_date(self.geplantes_datum), read_time(self.geplante_zeit)
        if day is None:
            errors.append(FieldError("geplantes_datum", "Give the date as day, month and year."))
        if at is None:
            errors.append(FieldError("geplante_zeit", "Give the time as hours and minutes."))
        return (day, at) if day is not None and at is not None else None
