"""What followed from a message, so that it can be taken back: of e-mail, calls, absence and stop list."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Self

import msgspec
from sqlalchemy import and_, or_, select

from services.calls.absences import SetAbsent, restore_absence
from services.calls.kept_state import CallState
from services.calls.linked_emails import (
    is_open_follow_up,
    join,
    leave_answered,
    move_links,
    open_follow_up,
    tell,
)
from services.calls.locking import lock_follow_ups
from services.calls.planning import announce
from services.emails.states import queued
from services.emails.stop_list import NotStopped, release_locked
from services.errors import InvalidInput
from services.events.types import EventType
from services.follow_ups.pending import select_pending
from services.models import (
    CallEmail,
    CallReason,
    CallStatus,
    CancelReason,
    Email,
    EmailStatus,
    PhoneCall,
    Therapist,
)
from services.scheduling.booking import CallCollision, lock_calendar, move, move_to_next
from services.scheduling.calendar import Unschedulable
from services.therapists.absence import Absence
from services.work import Action, Transaction

ANSWER = ("antwort_erhalten", "antwortdatum")
DELIVERY = ("status", "sent_at", "fehlermeldung", "naechster_versuch_at")
CLOSING = (
    "status",
    "ergebnis_art",
    "ergebnis",
    "abgeschlossen_at",
    "absage_grund",
    "klaerung_noetig",
    "klaerung_grund",
)


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


async def lock_to_take_back(tx: Transaction, *email_ids: int | None, therapist_id: int | None = None) -> None:
    """Lock e-mails of which what followed may be taken back, and before them their therapists' follow-ups.

    `therapist_id` is one for whom something followed without an e-mail.
    """
    ids = {each for each in email_ids if each is not None}
    therapists = set(await tx.session.scalars(select(Email.therapist_id).where(Email.id.in_(ids))))
    await lock_follow_ups(tx, *therapists, *([] if therapist_id is None else [therapist_id]))
    locked = select(Email.id).where(Email.id.in_(ids)).order_by(Email.id).with_for_update(key_share=True)
    await tx.session.execute(locked)


async def take_back(tx: Transaction, email: Email | None, done: Consequences) -> None:
    """Take back what followed, for a locked e-mail if any, as far as nobody has changed it since.

    What was blanked meanwhile is not queued again.

    Calls come back at their time, or at the next that is free, unless the therapist has a follow-up call by
    now, which the e-mail joins then. Other services can't be made to forget: they are told how the e-mail and
    the calls are now. The caller has locked the e-mail with `lock_to_take_back`.
    """
    before = _take_back_email(tx, email, done, done.email) if email is not None and done.email else None
    await tx.session.flush()
    calls = await _lock_calls(tx, [call.id for call in (*done.calls, *done.left)])
    if done.absence is not None:
        await _take_back_absence(tx, done.absence)
    for changed in done.calls:
        await _take_back_call(tx, email, changed, calls.get(changed.id))
    if email is not None:
        for left in done.left:
            await _put_back(tx, email, calls.get(left.id), automatic=left.automatisch)
    if done.stop_id is not None:
        await _release(tx, done.stop_id)
    if email is not None and before is not None and EmailState.of(email) != before:
        await tx.session.flush()
        _report_state(tx, email)


async def _lock_calls(tx: Transaction, ids: Sequence[int]) -> dict[int, PhoneCall]:
    """Lock all calls that are to change, and their therapists' follow-up calls, before the calendar is."""
    theirs = select(PhoneCall.therapist_id).where(PhoneCall.id.in_(ids))
    rows = await tx.session.scalars(
        select(PhoneCall)
        .where(or_(PhoneCall.id.in_(ids), and_(is_open_follow_up(), PhoneCall.therapist_id.in_(theirs))))
        .order_by(PhoneCall.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    calls = {call.id: call for call in rows}
    if calls:
        await lock_calendar(tx)
    return calls


async def _take_back_absence(tx: Transaction, changed: ChangedAbsence) -> None:
    await lock_calendar(tx)
    therapist = await tx.locked(Therapist, changed.therapist_id)
    if Absence.of(therapist) == changed.after:
        restore_absence(tx, therapist, changed.before)
        await tx.session.flush()


def _take_back_email(tx: Transaction, email: Email, done: Consequences, changed: ChangedEmail) -> EmailState:
    now, before, after = EmailState.of(email), changed.before, changed.after

    def untouched(*columns: str) -> bool:
        return all(getattr(now, column) == getattr(after, column) for column in columns)

    restored: dict[str, Any] = {}
    if untouched(*ANSWER) and done.sets_answer:
        restored |= {column: getattr(before, column) for column in ANSWER} | {"antwortinhalt": None}
    if before.nachgefasst is not None and untouched("nachgefasst"):
        restored["nachgefasst"] = before.nachgefasst
    for column in ("antwort_art", "nachverfolgung_ab", "nachverfolgung_erforderlich"):
        if untouched(column):
            restored[column] = getattr(before, column)
    if untouched(*DELIVERY) and email.geloescht_at is None:
        restored |= {column: getattr(before, column) for column in DELIVERY}
        if before.status is EmailStatus.QUEUED and now.status is not EmailStatus.QUEUED:
            restored |= queued(tx.now, email.send_at)
    for column, value in restored.items():
        setattr(email, column, value)
    return now


async def _take_back_call(
    tx: Transaction, email: Email | None, changed: ChangedCall, call: PhoneCall | None
) -> None:
    if call is None or call.version != changed.version:
        return
    if await _stands_in_another(tx, call, changed.before):
        return
    therapist = await tx.session.get(Therapist, call.therapist_id)
    try:
        await _find_time(tx, call, therapist, changed.before)
    except (Unschedulable, InvalidInput, CallCollision):
        if email is not None:
            email.nachverfolgung_erforderlich = True
        return
    for column in CLOSING:
        setattr(call, column, getattr(changed.before, column))
    call.version += 1
    await tx.session.flush()
    announce(tx, call, Action.CALL_MOVED)


async def _stands_in_another(tx: Transaction, call: PhoneCall, before: CallState) -> bool:
    """Let a follow-up call made since be about what a cancelled one was; False if that is to come back."""
    if call.status == before.status or call.grund != CallReason.NO_REPLY or call.doppelt:
        return False
    made_since = await open_follow_up(tx, call.therapist_id, beside=call.id)
    if made_since is None:
        return False
    call.absage_grund = CancelReason.MERGED
    await leave_answered(tx, call)
    if await move_links(tx, call, made_since):
        tell(tx, made_since)
    return True


async def _put_back(tx: Transaction, email: Email, call: PhoneCall | None, *, automatic: bool) -> None:
    """Put an e-mail into the call it was taken out of, else into the follow-up call that is open now."""
    if call is None or call.status != CallStatus.SCHEDULED:
        call = await open_follow_up(tx, email.therapist_id)
    if call is None:
        email.nachverfolgung_erforderlich = True
    else:
        await join(tx, call, [email.id], automatic=automatic)


async def _find_time(tx: Transaction, call: PhoneCall, therapist: Therapist | None, was: CallState) -> None:
    """Put a call where it was, or where there is a time free.

    Raises:
        Unschedulable, InvalidInput, CallCollision: there is none.
    """
    try:
        await move(tx, call, therapist, was.geplantes_datum, was.geplante_zeit)
    except (InvalidInput, CallCollision):
        if therapist is None:
            raise
        await move_to_next(tx, call, therapist)


async def _release(tx: Transaction, stop_id: int) -> None:
    try:
        await release_locked(tx, stop_id)
    except NotStopped:
        return


def _report_state(tx: Transaction, email: Email) -> None:
    """Tell other services how an e-mail is now; one that is yet to be sent they hear of when it is."""
    match email.status:
        case EmailStatus.SENT:
            tx.report(EventType.EMAIL_SENT, email)
        case EmailStatus.FAILED:
            tx.report(EventType.EMAIL_FAILED, email)
        case _:
            pass
