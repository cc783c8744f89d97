"""What taking an outcome back needs, kept with the call (`phone_calls.rueckgaengig`) meanwhile."""

from datetime import date, datetime, time, timedelta
from typing import Self
from uuid import UUID

import msgspec

from services.calls.right_numbers import PhoneChange
from services.models import PhoneCall
from services.scheduling.slots import Slot

MARGIN = timedelta(seconds=2)
"""How long events wait beyond the last moment of undo, for a relay whose clock is ahead.

One further ahead may publish before: undo is refused once the event is marked as published.
"""


class CallState(msgspec.Struct, frozen=True):
    """The columns of a call that an outcome may change."""

    geplantes_datum: date
    geplante_zeit: time
    dauer_minuten: int
    tatsaechliches_datum: date | None
    tatsaechliche_zeit: time | None
    status: str
    ergebnis: str | None
    notizen: str | None
    wiederholen_nach: date | None
    ergebnis_art: str | None
    leitung: int
    ausserhalb_erreichbarkeit: bool
    klaerung_noetig: bool
    bearbeitet_von: int | None
    bearbeitet_bis: datetime | None
    abgeschlossen_at: datetime | None
    klaerung_grund: str | None = None
    absage_grund: str | None = None
    plaetze: int | None = None
    plaetze_ab: date | None = None
    plaetze_fuer: list[str] | None = None
    warteliste: bool | None = None
    wieder_fragen_am: date | None = None
    rueckruf_durch: str | None = None
    vereinbart_von: int | None = None
    gemeinsam_mit_id: int | None = None

    @classmethod
    def of(cls, call: PhoneCall) -> Self:
        """Return the state a call is in."""
        return cls(**{name: getattr(call, name) for name in cls.__struct_fields__})

    @property
    def slot(self) -> Slot:
        """Where the call was planned."""
        return Slot(self.geplantes_datum, self.geplante_zeit, self.dauer_minuten, self.leitung)

    def restore(self, call: PhoneCall) -> None:
        """Put a call back into this state."""
        for name in self.__struct_fields__:
            setattr(call, name, getattr(self, name))


class Answered(msgspec.Struct, frozen=True):
    """An e-mail answered with an outcome: the version it has had since, and what followed."""

    email_id: int
    version: int
    done: dict[str, object]


class Undo(msgspec.Struct, frozen=True):
    """What taking an outcome back needs, kept in `phone_calls.rueckgaengig`.

    Attributes:
        typed: the form's fields as `author_id` sent them.
        phone: the right number noted with the outcome.
        along: other calls closed with this one, each with an undo of its own.
        carried: e-mails of those that this one has been about since.
        answers: e-mails that count as answered by what was said.
    """

    before: CallState
    version: int
    next_call_id: int | None
    event_ids: list[UUID]
    author_id: int | None = None
    typed: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    phone: PhoneChange | None = None
    along: list[int] = []
    carried: list[int] = []
    answers: list[Answered] = []

    def keep(self, call: PhoneCall, until: datetime) -> None:
        """Let the outcome just recorded be undone until an instant."""
        call.rueckgaengig = msgspec.to_builtins(self)
        call.rueckgaengig_bis = until
