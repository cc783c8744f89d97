"""What happens to the call about an e-mail: made when nobody answers, moved, cancelled when somebody does.

A call about other e-mails as well stays for these: only the e-mail leaves it.
Lock order, here and wherever both are changed: the e-mail's row, then rows of calls, then the calendar
(`services.scheduling.booking`). Lock an e-mail with `with_for_update(key_share=True)`: inserting a call about
it does not wait for that.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, time

from sqlalchemy import ColumnElement, Select, exists, select, update

from services.calls.linked_emails import emails_waiting, is_about, join, leave, open_follow_up
from services.calls.planning import EmailAnswered, NewCall, announce, cancel, create_call
from services.errors import Conflict
from services.idempotency import RepeatableRequest
from services.models import CallEmail, CallReason, CallStatus, CancelReason, Email, PhoneCall, Therapist
from services.models.phone_calls import STANDS_FOR_FOLLOW_UP
from services.scheduling.booking import NotToBeCalled, book_next, move_to_next
from services.scheduling.calendar import Unschedulable
from services.therapists.directory import TherapistDirectory
from services.work import Action, Transaction, Work


class NotUndelivered(Conflict):
    """This e-mail has not failed, so no call takes its place."""


class AlreadyPlanned(Conflict):
    """A call about this e-mail is already planned."""


def followed_up() -> ColumnElement[bool]:
    """Return the condition that no call follows by itself about an e-mail, for one stands for it."""
    return exists().where(
        CallEmail.email_id == Email.id,
        PhoneCall.id == CallEmail.call_id,
        STANDS_FOR_FOLLOW_UP,
    )


async def pending_call(tx: Transaction, email_id: int) -> PhoneCall | None:
    """Return the earliest scheduled call that an answer to this e-mail makes pointless.

    That is every call about the e-mail but a call back, which the therapist asked for. Locks
    nothing.
    """
    earliest = select_pending(email_id).order_by(
        PhoneCall.geplantes_datum, PhoneCall.geplante_zeit, PhoneCall.id
    )
    return await tx.session.scalar(earliest.limit(1))


async def stays_for_others(tx: Transaction, call: PhoneCall, email_id: int) -> bool:
    """Say whether a call is about other e-mails, too, that wait for an answer."""
    return any(other != email_id for other in await emails_waiting(tx, call.id))


async def cancel_pending(tx: Transaction, email_id: int) -> PhoneCall | None:
    """Cancel every pending call about an answered, locked e-mail; return the earliest.

    From a call that others wait for as well, the e-mail is only taken out.
    """
    calls = await _lock_pending(tx, email_id)
    canceled = [call for call in calls if not await leave(tx, call, email_id)]
    for call in canceled:
        await cancel(tx, call, CancelReason.ANSWERED)
    return canceled[0] if canceled else None


@dataclass(frozen=True, slots=True)
class Early:
    """The calls about an e-mail that are planned too early once it is to wait until a day, in order.

    Attributes:
        alone: those about nothing else that waits: they are postponed.
        shared: those others wait for as well, which their therapist's absence moves.
        left: those others wait for as well, which stay: the e-mail leaves them.
    """

    alone: list[PhoneCall]
    shared: list[PhoneCall]
    left: list[PhoneCall]


async def planned_too_early(
    tx: Transaction, email_id: int, not_before: date, *, moved: Collection[int] = ()
) -> Early:
    """Return the pending calls about an e-mail before a day; an absence moves those of the ids `moved`."""
    calls = (await tx.session.scalars(select_pending(email_id))).all()
    early = sorted((call for call in calls if call.geplantes_datum < not_before), key=_planned)
    shared = [call for call in early if await stays_for_others(tx, call, email_id)]
    return Early(
        alone=[call for call in early if call not in shared],
        shared=[call for call in shared if call.id in moved],
        left=[call for call in shared if call.id not in moved],
    )


async def postpone_pending(
    tx: Transaction, email: Email, not_before: date, *, moved: Collection[int] = ()
) -> PhoneCall | None:
    """Move every pending call about an e-mail to the first free time from a day on; return the earliest.

    Where there is no such time a call is cancelled and a person is asked to look at the e-mail; one so
    cancelled is returned if no other was moved. A call that others wait for as well stays where it is: the
    e-mail leaves it and is followed up again from then on, unless it is one of the ids `moved`, which the
    therapist's absence moves (`services.calls.absences`). The caller has locked the e-mail.
    """
    calls = await _lock_pending(tx, email.id)
    early = await planned_too_early(tx, email.id, not_before, moved=moved)
    for call in early.alone:
        await _postpone(tx, email, call, not_before)
    for call in early.left:
        await leave(tx, call, email.id)
    if early.left and len(early.left) == len(calls):
        await _follow_up_again(tx, email)
    return min(
        early.alone,
        key=lambda call: (call.status != CallStatus.SCHEDULED, call.geplantes_datum, call.geplante_zeit),
        default=None,
    )


async def rejoin(tx: Transaction, email: Email) -> None:
    """Let a locked e-mail whose answer was taken back join its therapist's open follow-up call.

    Only one that was followed up and has no call any more; the caller holds the therapist's follow-ups.
    """
    if not email.nachgefasst or await pending_call(tx, email.id) is not None:
        return
    call = await open_follow_up(tx, email.therapist_id)
    if call is not None:
        await join(tx, call, [email.id], automatic=False)


async def _follow_up_again(tx: Transaction, email: Email) -> None:
    """Let an e-mail become due anew; where a call a person planned stands for that, ask a person."""
    email.nachgefasst = False
    await tx.session.execute(
        update(CallEmail).where(CallEmail.email_id == email.id).values(automatisch=False)
    )
    await tx.session.flush()
    stands = await tx.session.scalar(select(followed_up()).select_from(Email).where(Email.id == email.id))
    if stands or not email.awaits_follow_up:
        email.nachverfolgung_erforderlich = True


async def _postpone(tx: Transaction, email: Email, call: PhoneCall, not_before: date) -> None:
    therapist = await tx.session.get(Therapist, call.therapist_id)
    try:
        if therapist is None:
            raise NotToBeCalled
        await move_to_next(tx, call, therapist, not_before=not_before)
    except Unschedulable:
        email.nachverfolgung_erforderlich = True
        await cancel(tx, call, CancelReason.NO_TIME_AFTER_ABSENCE)
    else:
        call.version += 1
        announce(tx, call, Action.CALL_MOVED)


async def offer_call_for_failed(work: Work, email_id: int, *, directory: TherapistDirectory) -> PhoneCall:
    """Plan a call, in the therapist's next free slot, in place of an e-mail that did not arrive.

    Raises:
        NotFound: there is no such e-mail.
        EmailAnswered: it has arrived after all.
        NotUndelivered: it is neither FAILED nor reported as undeliverable.
        AlreadyPlanned: a call about it is planned.
        Unschedulable: the therapist is not to be called, has no phone hours or no free time.
        TemporarilyUnavailable: the therapist is not known here and their directory can't be asked.
    """
    async with work.transaction() as tx:
        email = await tx.existing(Email, email_id)
    therapist = await directory.get(work, email.therapist_id)
    async with work.transaction() as tx:
        email = await tx.locked(Email, email_id, key_share=True)
        if email.antwort_erhalten:
            raise EmailAnswered
        if not email.undelivered:
            raise NotUndelivered
        if await pending_call(tx, email_id) is not None:
            raise AlreadyPlanned
        call = await book_next(tx, therapist, email_id=email_id, grund=CallReason.UNDELIVERED)
        announce(tx, call, Action.CALL_SCHEDULED)
    return call


async def call_about_email(
    work: Work, email_id: int, *, directory: TherapistDirectory, repeatable: RepeatableRequest | None = None
) -> PhoneCall:
    """Plan a call in the therapist's next free slot, in place of the e-mail where it did not arrive.

    Raises:
        NotFound: there is no such e-mail.
        EmailAnswered: it has been answered.
        AlreadyPlanned: a call in its place is planned.
        Unschedulable: the therapist is not to be called, has no phone hours or no free time.
        TemporarilyUnavailable: the therapist is not known here and their directory can't be asked.
    """
    async with work.transaction() as tx:
        email = await tx.existing(Email, email_id)
    if email.undelivered:
        return await offer_call_for_failed(work, email_id, directory=directory)
    new = NewCall(therapist_id=email.therapist_id, email_id=email_id)
    return (await create_call(work, new, directory=directory, repeatable=repeatable)).row


def select_pending(email_id: int) -> Select[PhoneCall]:
    """Select the scheduled calls that an answer to an e-mail makes pointless, as they are now."""
    return (
        select(PhoneCall)
        .where(
            is_about(email_id),
            PhoneCall.status == CallStatus.SCHEDULED,
            PhoneCall.grund != CallReason.CALL_BACK,
        )
        .execution_options(populate_existing=True)
    )


async def _lock_pending(tx: Transaction, email_id: int) -> list[PhoneCall]:
    """Lock the pending calls in the order in which claims do; return the earliest planned first."""
    calls = await tx.session.scalars(select_pending(email_id).order_by(PhoneCall.id).with_for_update())
    return sorted(calls, key=_planned)


def _planned(call: PhoneCall) -> tuple[date, time, int]:
    return call.geplantes_datum, call.geplante_zeit, call.id
