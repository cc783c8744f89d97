"""The form that says what a message is and belongs to."""

from dataclasses import dataclass
from datetime import date
from typing import Self

from services.models import Incoming, IncomingKind
from services.receiving.effects import Correction
from webapp.i18n import gettext
from webapp.screens.forms import FormErrors, read_date, read_number

KINDS = (
    IncomingKind.REPLY,
    IncomingKind.OUT_OF_OFFICE,
    IncomingKind.RECEIPT,
    IncomingKind.HARD_BOUNCE,
    IncomingKind.SOFT_BOUNCE,
)
"""The kinds a person chooses from; a message that has another keeps it on offer."""

KEPT = ("art", "ziel", "wieder_da_am", "q")


@dataclass(frozen=True, slots=True)
class Target:
    """What a message belongs to: an e-mail, a therapist alone, or nothing yet."""

    email_id: int | None = None
    therapist_id: int | None = None

    @classmethod
    def read(cls, written: str) -> Self:
        """Return the target a radio button names, as in `email:5`."""
        what, _, number = written.partition(":")
        match what:
            case "email":
                return cls(email_id=read_number(number))
            case "therapist":
                return cls(therapist_id=read_number(number))
            case _:
                return cls()


@dataclass
class InboxForm:
    """What the forms of a message send, as text; `action` says which of them."""

    action: str = ""
    version: str = ""
    show: str = ""
    art: str = ""
    ziel: str = ""
    wieder_da_am: str = ""
    q: str = ""

    @classmethod
    def new(cls, incoming: Incoming, target: Target = Target()) -> Self:
        """Return the form as it opens: what is known or suggested."""
        chosen = f"email:{target.email_id}" if target.email_id else ""
        return cls(
            version=str(incoming.version),
            art=incoming.art if incoming.art in KINDS else "",
            ziel=chosen or (f"therapist:{target.therapist_id}" if target.therapist_id else ""),
            wieder_da_am=incoming.wieder_da_am.isoformat() if incoming.wieder_da_am else "",
        )

    @classmethod
    def of_draft(cls, fields: dict[str, str], incoming: Incoming) -> Self:
        """Return the form as somebody had filled it in."""
        return cls(version=str(incoming.version), **{name: fields.get(name, "") for name in KEPT})

    def draft(self) -> dict[str, str]:
        """Return what is worth keeping while it is filled in."""
        return {name: getattr(self, name) for name in KEPT}

    @property
    def kind(self) -> IncomingKind | None:
        """The kind chosen, none where none is."""
        return IncomingKind(self.art) if self.art in set(IncomingKind) else None

    @property
    def target(self) -> Target:
        """What the message is said to belong to."""
        return Target.read(self.ziel)

    @property
    def back_on(self) -> date | None:
        """When somebody is back, of an out-of-office note."""
        return read_date(self.wieder_da_am) if self.art == IncomingKind.OUT_OF_OFFICE else None

    def correction(self) -> Correction:
        """Return what the form says of the message; it has no errors."""
        target = self.target
        return Correction(
            art=self.kind or IncomingKind.UNCLEAR,
            email_id=target.email_id,
            therapist_id=target.therapist_id,
            wieder_da_am=self.back_on,
        )

    def errors(self) -> FormErrors:
        """Return what is missing or can't be understood."""
        errors: FormErrors = []
        if self.kind is None:
            errors.append(("art", gettext("Choose what it is.")))
        if self.target == Target():
            errors.append(("ziel", gettext("Choose what it belongs to.")))
        if self.art == IncomingKind.OUT_OF_OFFICE and self.wieder_da_am and self.back_on is None:
            errors.append(("wieder_da_am", gettext("Give a date, or leave it empty.")))
        return errors
