"""What happens to the call about an e-mail: made when nobody answers, moved, cancelled when somebody does.

Lock order, here and wherever both are changed: the e-mail's row, then rows of calls, then the calendar
(`services.scheduling.booking`). Lock an e-mail with `with_for_update(key_share=True)`: inserting a call about
it does not wait for that.
"""

from datetime import date, datetime

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.calls.planning import NewCall, announce, cancel, create_call
from services.errors import Conflict, NotFound
from services.idempotency import RepeatableRequest
from services.models import CallReason, CallStatus, Email, EmailStatus, PhoneCall, ReplyKind, Therapist
from services.rules import DeskRules
from services.scheduling.booking import NotToBeCalled, book_next, move_to_next
from services.scheduling.calendar import Unschedulable
from services.therapists.directory import TherapistDirectory
from services.work import Actor

ANSWERED = "Die E-Mail wurde beantwortet."
NO_TIME_AFTER_ABSENCE = "Nach der Abwesenheit ist in den Telefonzeiten keine Zeit frei."


class NotUndelivered(Conflict):
    """This e-mail has not failed, so no call takes its place."""


class AlreadyPlanned(Conflict):
    """A call about this e-mail is already planned."""


async def pending_call(session: AsyncSession, email_id: int) -> PhoneCall | None:
    """Return the earliest scheduled call that an answer to this e-mail makes pointless.

    That is every call about the e-mail but a call back, which the therapist asked for. Runs in the caller's
    transaction, locks nothing.
    """
    return await session.scalar(_pending(email_id).limit(1))


async def cancel_pending(
    session: AsyncSession, email_id: int, *, now: datetime, actor: Actor
) -> PhoneCall | None:
    """Cancel every pending call about an answered e-mail; return the earliest.

    Runs in the caller's transaction, which has locked the e-mail.
    """
    calls = list(await session.scalars(_pending(email_id).with_for_update()))
    for call in calls:
        await cancel(session, call, ANSWERED, now=now, actor=actor)
    return calls[0] if calls else None


async def postpone_pending(
    session: AsyncSession, email: Email, not_before: date, *, now: datetime, actor: Actor, rules: DeskRules
) -> PhoneCall | None:
    """Move every pending call about an e-mail to the first free time from a day on; return the earliest.

    Where there is no such time a call is cancelled and a person is asked to look at the e-mail; one so
    cancelled is returned if no other is left. Runs in the caller's transaction, which has locked the e-mail.
    """
    calls = list(await session.scalars(_pending(email.id).with_for_update()))
    for call in calls:
        if call.geplantes_datum < not_before:
            await _postpone(session, email, call, not_before, now=now, actor=actor, rules=rules)
    return min(
        calls,
        key=lambda call: (call.status != CallStatus.SCHEDULED, call.geplantes_datum, call.geplante_zeit),
        default=None,
    )


async def _postpone(
    session: AsyncSession,
    email: Email,
    call: PhoneCall,
    not_before: date,
    *,
    now: datetime,
    actor: Actor,
    rules: DeskRules,
) -> None:
    therapist = await session.get(Therapist, call.therapist_id)
    try:
        if therapist is None:
            raise NotToBeCalled
        await move_to_next(session, call, therapist, not_before=not_before, now=now, rules=rules)
    except Unschedulable:
        email.nachverfolgung_erforderlich = True
        await cancel(session, call, NO_TIME_AFTER_ABSENCE, now=now, actor=actor)
    else:
        call.version += 1
        announce(session, call, "call_moved", now=now, actor=actor)


async def offer_call_for_failed(
    session: AsyncSession,
    email_id: int,
    *,
    now: datetime,
    actor: Actor,
    rules: DeskRules,
    directory: TherapistDirectory,
) -> PhoneCall:
    """Plan a call, in the therapist's next free slot, in place of an e-mail that did not arrive.

    Raises:
        NotFound: there is no such e-mail.
        NotUndelivered: it is neither FAILED nor reported as undeliverable.
        AlreadyPlanned: a call about it is planned.
        Unschedulable: the therapist is not to be called, has no phone hours or no free time.
        TemporarilyUnavailable: the therapist is not known here and their directory can't be asked.
    """
    async with session.begin():
        email = await _email(session, email_id)
    therapist = await directory.get(session, email.therapist_id, now=now)
    async with session.begin():
        email = await _email(session, email_id, lock=True)
        if email.status is not EmailStatus.FAILED and email.antwort_art != ReplyKind.UNDELIVERABLE:
            raise NotUndelivered
        if await pending_call(session, email_id) is not None:
            raise AlreadyPlanned
        call = await book_next(
            session, therapist, now=now, rules=rules, email_id=email_id, grund=CallReason.UNDELIVERED
        )
        announce(session, call, "call_scheduled", now=now, actor=actor)
    return call


async def call_about_email(
    session: AsyncSession,
    email_id: int,
    *,
    now: datetime,
    actor: Actor,
    rules: DeskRules,
    directory: TherapistDirectory,
    repeatable: RepeatableRequest | None = None,
) -> PhoneCall:
    """Plan a call in the therapist's next free slot, in place of the e-mail where it did not arrive.

    Raises:
        NotFound: there is no such e-mail.
        AlreadyPlanned: a call in its place is planned.
        Unschedulable: the therapist is not to be called, has no phone hours or no free time.
        TemporarilyUnavailable: the therapist is not known here and their directory can't be asked.
    """
    async with session.begin():
        email = await _email(session, email_id)
    if email.status is EmailStatus.FAILED or email.antwort_art == ReplyKind.UNDELIVERABLE:
        return await offer_call_for_failed(
            session, email_id, now=now, actor=actor, rules=rules, directory=directory
        )
    new = NewCall(therapist_id=email.therapist_id, email_id=email_id)
    call, _ = await create_call(
        session, new, now=now, actor=actor, rules=rules, directory=directory, repeatable=repeatable
    )
    return call


def _pending(email_id: int) -> Select[PhoneCall]:
    return (
        select(PhoneCall)
        .where(
            PhoneCall.email_id == email_id,
            PhoneCall.status == CallStatus.SCHEDULED,
            PhoneCall.grund != CallReason.CALL_BACK,
        )
        .order_by(PhoneCall.geplantes_datum, PhoneCall.geplante_zeit, PhoneCall.id)
        .execution_options(populate_existing=True)
    )


async def _email(session: AsyncSession, email_id: int, *, lock: bool = False) -> Email:
    query = select(Email).where(Email.id == email_id).execution_options(populate_existing=True)
    email = await session.scalar(query.with_for_update(key_share=True) if lock else query)
    if email is None:
        raise NotFound
    return email
