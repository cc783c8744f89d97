"""An open call with what the board shows of it and its therapist."""

from dataclasses import dataclass
from datetime import date, datetime, time

from services.calls.rests import Miss
from services.hours.reading import Availability

CALLS_KEPT = 10_000
"""Of so many calls, the latest asked for, what they are made into is kept."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OpenCall:
    """A scheduled call with what the board shows of it and its therapist: one object until it changes."""

    call_id: int
    version: int
    therapist_id: int
    name: str | None
    ort: str | None
    telefon: str | None
    nicht_anrufen: bool
    availability: Availability
    geplantes_datum: date
    geplante_zeit: time
    dauer_minuten: int
    ausserhalb_erreichbarkeit: bool
    grund: str
    email_id: int | None
    versuch: int
    verschoben: bool = False
    rueckruf_durch: str | None = None
    """Who rings at the planned time, where it was agreed."""
    bearbeitet_von: int | None = None
    bearbeitet_bis: datetime | None = None
    missed: Miss | None = None

    def holder(self, now: datetime) -> int | None:
        """Return the id of who has this call in hand at an instant."""
        return holder_of(self.bearbeitet_von, self.bearbeitet_bis, now)


def holder_of(staff_id: int | None, until: datetime | None, now: datetime) -> int | None:
    """Return who holds what was claimed until an instant; an expired claim holds nothing."""
    return staff_id if until is not None and until > now else None
