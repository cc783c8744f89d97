"""The outcome form: what its fields say, and what is wrong with them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, time

from services.calls.next_attempt import RETRIED
from services.calls.offers import NOTHING_SAID, Offer
from services.calls.outcome_said import Outcome
from services.conversations.matters import CallMatter
from services.conversations.settling import OF_ITS_OWN, Settlement
from services.errors import FieldError, InvalidInput
from services.models import Audience, CallBackBy, OutcomeKind
from webapp.screens.forms import Form, Several, read_date, read_number, read_time, several

NEXT_WINDOW = "fenster"
CHOSEN_TIME = "termin"
LONGEST_NOTE = 4000
YES = "ja"


@dataclass
class OutcomeForm(Form):
    """What is typed about the outcome of a call. What belongs to another outcome is passed over."""

    version: str = ""
    ergebnis_art: str = ""
    ergebnis: str = ""
    wiederholen_nach: str = ""
    wohin: str = NEXT_WINDOW
    geplantes_datum: str = ""
    geplante_zeit: str = ""
    rueckruf_durch: str = CallBackBy.US.value
    richtige_nummer: str = ""
    plaetze: str = ""
    plaetze_ab: str = ""
    fuer_erwachsene: str = ""
    fuer_kinder: str = ""
    fuer_paare: str = ""
    fuer_gruppe: str = ""
    warteliste: str = ""
    wieder_fragen_am: str = ""
    gezeigt: str = ""
    anliegen: Several = ""
    ergebnis_fuer: Several = ""
    beantwortet: Several = ""

    @property
    def kind(self) -> OutcomeKind | None:
        """The outcome chosen so far, None while nothing is."""
        try:
            return OutcomeKind(self.ergebnis_art)
        except ValueError:
            return None

    @property
    def not_before(self) -> date | None:
        """No call that follows before this day; None when none is given or it can't be read."""
        return read_date(self.wieder_fragen_am if self.kind is OutcomeKind.REACHED else self.wiederholen_nach)

    @property
    def suggests(self) -> bool:
        """Whether it is the desk that finds the time of what follows, if anything does."""
        if self.kind is OutcomeKind.REACHED:
            return self.not_before is not None
        agreed = self.kind is OutcomeKind.POSTPONED and self.wohin == CHOSEN_TIME
        return not agreed and self.kind is not OutcomeKind.CALL_BACK_AGREED

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
        retried = kind in RETRIED
        new_time = self._new_time(errors)
        not_before = _date("wiederholen_nach", self.wiederholen_nach, errors) if retried else None
        offer = self.offer(errors) if kind is OutcomeKind.REACHED else NOTHING_SAID
        if kind is None or errors:
            raise InvalidInput(*errors)
        right_number = self.richtige_nummer.strip() if kind is OutcomeKind.WRONG_NUMBER else ""
        return Outcome(
            art=kind,
            ergebnis=self.ergebnis.strip() or None,
            wiederholen_nach=not_before,
            neuer_termin=new_time,
            rueckruf_durch=CallBackBy.THEM if self.rueckruf_durch == CallBackBy.THEM else CallBackBy.US,
            angebot=None if offer == NOTHING_SAID else offer,
            richtige_nummer=right_number or None,
            typed=self.to_draft(),
        )

    def to_settlement(self) -> Settlement:
        """Return what the form says of all there is to talk about.

        Raises:
            InvalidInput: a field is missing or unreadable.
        """
        own = {call_id: kind for call_id, kind in self._own.items() if call_id in self._ticked}
        reached = {call_id for call_id in self._ticked if own.get(call_id, self.kind) is OutcomeKind.REACHED}
        answers = (value.partition("@") for value in several(self.beantwortet))
        return Settlement(
            outcome=self.to_outcome(),
            along=self._ticked - own.keys(),
            own=own,
            answered=_ids(email for email, _, call in answers if not call or read_number(call) in reached),
        )

    def settles(self, matter: CallMatter) -> bool:
        """Say whether a call is ticked: at first all that are due."""
        return matter.call.id in self._ticked if self.gezeigt else matter.due

    def own_outcome(self, call_id: int) -> OutcomeKind | None:
        """Return the outcome chosen for one call alone."""
        return self._own.get(call_id)

    def answers(self, value: str) -> bool:
        """Say whether an e-mail is ticked as answered: at first all are."""
        return value in several(self.beantwortet) if self.gezeigt else True

    @property
    def _ticked(self) -> frozenset[int]:
        return _ids(several(self.anliegen))

    @property
    def _own(self) -> dict[int, OutcomeKind]:
        chosen = (value.partition(":") for value in several(self.ergebnis_fuer))
        kinds = {kind.value: kind for kind in OF_ITS_OWN}
        return {int(call): kinds[kind] for call, _, kind in chosen if read_number(call) and kind in kinds}

    def offer(self, errors: list[FieldError]) -> Offer:
        """Return what the form says of places; adds what can't be read to `errors`."""
        return Offer(
            plaetze=read_number(self.plaetze),
            plaetze_ab=_date("plaetze_ab", self.plaetze_ab, errors),
            plaetze_fuer=tuple(code for code in Audience if getattr(self, f"fuer_{code}")),
            warteliste=True if self.warteliste else None,
            wieder_fragen_am=_date("wieder_fragen_am", self.wieder_fragen_am, errors),
        )

    def _new_time(self, errors: list[FieldError]) -> tuple[date, time] | None:
        """Return the day and time agreed; of a postponed call None is the therapist's next window."""
        chosen = self.kind is OutcomeKind.POSTPONED and self.wohin == CHOSEN_TIME
        if not chosen and self.kind is not OutcomeKind.CALL_BACK_AGREED:
            return None
        day, at = read_date(self.geplantes_datum), read_time(self.geplante_zeit)
        if day is None:
            errors.append(FieldError("geplantes_datum", "Give the date as day, month and year."))
        if at is None:
            errors.append(FieldError("geplante_zeit", "Give the time as hours and minutes."))
        return (day, at) if day is not None and at is not None else None


def _ids(texts: Iterable[str]) -> frozenset[int]:
    return frozenset(number for text in texts if (number := read_number(text)))


def _date(field: str, text: str, errors: list[FieldError]) -> date | None:
    """Return the date a field holds, None for an empty one; adds what can't be read to `errors`."""
    day = read_date(text)
    if text and day is None:
        errors.append(FieldError(field, "Give the date as day, month and year."))
    return day
