"""The form that corrects what is said of a closed call; who rang, when, and what followed stays."""

from dataclasses import dataclass, replace
from typing import Self

from services.calls.changes import CallChanges
from services.calls.next_attempt import RETRIED
from services.calls.offers import Offer
from services.errors import FieldError, InvalidInput
from services.models import OutcomeKind, PhoneCall
from webapp.screens.outcome_form import LONGEST_NOTE, YES, OutcomeForm


@dataclass
class CorrectionForm(OutcomeForm):
    """The outcome of a closed call, as it is or as it is to be."""

    notizen: str = ""

    @classmethod
    def of(cls, call: PhoneCall) -> Self:
        """Return the form with what is said now."""
        offer = Offer.of(call)
        audiences = {f"fuer_{code}": YES for code in offer.plaetze_fuer}
        return cls(
            ergebnis_art=call.ergebnis_art or "",
            ergebnis=call.ergebnis or "",
            notizen=call.notizen or "",
            plaetze="" if offer.plaetze is None else str(offer.plaetze),
            plaetze_ab=offer.plaetze_ab.isoformat() if offer.plaetze_ab else "",
            warteliste=YES if offer.warteliste else "",
            **audiences,
        )

    def to_changes(self) -> CallChanges:
        """Return what is to be changed.

        Raises:
            InvalidInput: a field is unreadable.
        """
        errors: list[FieldError] = []
        for field in ("ergebnis", "notizen"):
            if len(getattr(self, field)) > LONGEST_NOTE:
                limit = (("most", LONGEST_NOTE),)
                errors.append(FieldError(field, "The note is longer than %(most)s characters.", limit))
        offer = self.offer(errors)
        if errors:
            raise InvalidInput(*errors)
        words = CallChanges(ergebnis=self.ergebnis.strip() or None, notizen=self.notizen.strip() or None)
        if self.kind is not OutcomeKind.REACHED:
            return replace(words, ergebnis_art=self.kind if self.kind in RETRIED else None)
        return replace(
            words,
            plaetze=offer.plaetze,
            plaetze_ab=offer.plaetze_ab,
            plaetze_fuer=offer.plaetze_fuer,
            warteliste=offer.warteliste,
        )
