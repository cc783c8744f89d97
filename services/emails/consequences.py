"""What followed from a message, so that it can be taken back: of e-mail, calls, absence and stop list."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Self

import msgspec
from sqlalchemy import select

from services.calls.absences import SetAbsent
from services.calls.kept_state import CallState
from services.follow_ups.pending import select_pending
from services.models import (
    CallEmail,
    Email,
    EmailStatus,
    PhoneCall,
)
from services.therapists.absence import Absence
from services.work import Transaction


class EmailState(msgspec.Struct, frozen=True):
    """The columns of an e-mail that a message may change, but for the text of an answer."""

    status: EmailStatus
    sent_at: datetime | None
    naechster_versuch_at: datetime | None
    fehlermeldung: str | None
    antwort_erhalten: bool
    antwortdatum: datetime | None
    antwort_art: str | None
    nachverfolgung_ab: datetime | None
    nachverfolgung_erforderlich: bool
    nachgefasst: bool | None = None

    @classmethod
    def of(cls, email: Email) -> Self:
        """Return the state an e-mail is in."""
        return cls(**{name: getattr(email, name) for name in cls.__struct_fields__})


class ChangedCall(msgspec.Struct, frozen=True):
    """A call that was cancelled or moved: as it was, and the version it has had since."""

    id: int
    version: int
    before: CallState


class LeftCall(msgspec.Struct, frozen=True):
    """A call an e-mail was taken out of, for it is about others as well.

    `automatisch` says whether the e-mail counted as followed up by itself, and does so by no other call.
    """

    id: int
    automatisch: bool


class ChangedAbsence(msgspec.Struct, frozen=True):
    """A therapist's absence as it was and as it has been noted since."""

    therapist_id: int
    before: Absence | None
    after: Absence


class ChangedEmail(msgspec.Struct, frozen=True):
    """An e-mail as it was, and as it has been since."""

    before: EmailState
    after: EmailState


class Consequences(msgspec.Struct, frozen=True, kw_only=True):
    """What followed from a message, kept in `eingang.wirkung`; without an e-mail only an absence can."""

    before: EmailState | None = None
    after: EmailState | None = None
    calls: list[ChangedCall] = []
    left: list[LeftCall] = []
    stop_id: int | None = None
    absence: ChangedAbsence | None = None

    @property
    def email(self) -> ChangedEmail | None:
        """What changed of the e-mail; None where nothing followed for one."""
        return ChangedEmail(self.before, self.after) if self.before and self.after else None

    @property
    def sets_answer(self) -> bool:
        """Whether it is this message that answered the e-mail."""
        email = self.email
        return email is not None and email.after.antwort_erhalten and not email.before.antwort_erhalten

    def as_json(self) -> dict[str, object]:
        """Return it as it is stored."""
        return msgspec.to_builtins(self)


class Watch:
    """An e-mail and its planned calls before something follows; the e-mail's row is locked."""

    def __init__(self, email: Email, calls: Sequence[PhoneCall], links: Mapping[int, bool]) -> None:
        self._email = email
        self._links = links
        self._before = EmailState.of(email)
        self._calls = [(call, call.version, CallState.of(call)) for call in calls]

    @property
    def call_ids(self) -> frozenset[int]:
        """The calls about the e-mail that a message may change."""
        return frozenset(call.id for call, _, _ in self._calls)

    @classmethod
    async def begin(cls, tx: Transaction, email: Email) -> Self:
        """Note an e-mail and the calls about it that a message may change; locks those."""
        planned = await tx.session.scalars(select_pending(email.id).order_by(PhoneCall.id).with_for_update())
        return cls(email, planned.all(), await _links(tx, email))

    async def end(
        self, tx: Transaction, *, stop_id: int | None = None, absent: SetAbsent | None = None
    ) -> Consequences:
        """Return what has changed since, and what an absence that was noted has moved."""
        calls, absence = _of_absence(absent)
        links = await _links(tx, self._email)
        automatic_no_more = any(self._links.values()) and not any(links.values())
        return Consequences(
            before=self._before,
            after=EmailState.of(self._email),
            calls=[
                ChangedCall(call.id, call.version, before)
                for call, version, before in self._calls
                if call.version != version
            ]
            + [changed for changed in calls if changed.id not in self.call_ids],
            left=[LeftCall(call.id, automatic_no_more) for call, _, _ in self._calls if call.id not in links],
            stop_id=stop_id,
            absence=absence,
        )


def absence_alone(absent: SetAbsent) -> Consequences:
    """Return what followed from a note that concerns no e-mail, or one that is answered."""
    calls, absence = _of_absence(absent)
    return Consequences(calls=calls, absence=absence)


def _of_absence(absent: SetAbsent | None) -> tuple[list[ChangedCall], ChangedAbsence | None]:
    if absent is None:
        return [], None
    calls = [ChangedCall(moved.call.id, moved.call.version, moved.before) for moved in absent.calls]
    return calls, ChangedAbsence(absent.therapist.id, absent.before, absent.after)


async def _links(tx: Transaction, email: Email) -> dict[int, bool]:
    rows = await tx.session.execute(
        select(CallEmail.call_id, CallEmail.automatisch).where(CallEmail.email_id == email.id)
    )
    return {row.call_id: row.automatisch for row in rows}


def read_consequences(stored: dict[str, object] | None) -> Consequences | None:
    """Return what followed from a message, as it was stored."""
    return msgspec.convert(stored, Consequences) if stored else None
