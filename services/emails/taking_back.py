"""Takes back what followed from a message, as far as nobody has changed it since."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from services.calls.absences import restore_absence
from services.calls.kept_state import CallState
from services.calls.linked_emails import (
    is_open_follow_up,
    join,
    leave_answered,
    move_links,
    open_follow_up,
    tell,
)
from services.calls.locking import found_by_any, lock_follow_ups
from services.calls.planning import announce
from services.emails.consequences import (
    ChangedAbsence,
    ChangedCall,
    ChangedEmail,
    Consequences,
    EmailState,
)
from services.emails.states import queued
from services.emails.stop_list import NotStopped, release_locked
from services.errors import InvalidInput
from services.events.types import EventType
from services.models import (
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
    theirs = select(PhoneCall.therapist_id).where(PhoneCall.id.in_(ids)).correlate(None)
    follow_ups = is_open_follow_up() & PhoneCall.therapist_id.in_(theirs)
    rows = await tx.session.scalars(
        select(PhoneCall)
        .where(found_by_any(PhoneCall.id, PhoneCall.id.in_(ids), follow_ups))
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
