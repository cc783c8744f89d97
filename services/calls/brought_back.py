"""Takes "do not call" back: the calls it cancelled are planned again, at their time if that is free."""

from sqlalchemy import Select, or_, select

from services.calls.linked_emails import all_answered, is_open_follow_up, leave_answered, move_links, tell
from services.calls.locking import lock_follow_ups
from services.calls.next_attempt import no_retry_after
from services.calls.planning import announce
from services.errors import InvalidInput
from services.hints import CALLS
from services.models import CallEmail, CallReason, CallStatus, CancelReason, Email, PhoneCall, Therapist
from services.models.therapists import may_be_called
from services.scheduling.booking import CallCollision, lock_calendar, move, move_to_next
from services.scheduling.calendar import Unschedulable
from services.work import Action, Transaction, Work


async def lift_do_not_call(work: Work, therapist_id: int, *, version: int) -> Therapist:
    """Let a therapist be called again, and bring back the calls that "do not call" cancelled.

    Those about e-mails that were answered since stay cancelled, and so do all while the directory says that
    the therapist is not to be called. Of several follow-up calls one comes back, with the e-mails of all. A
    call for which no time is found asks for a person.

    Raises:
        NotFound, StaleVersion: as named.
    """
    async with work.transaction() as tx:
        await lock_follow_ups(tx, therapist_id)
        await tx.session.execute(_emails_of(therapist_id))
        found = (await tx.session.scalars(_cancelled_and_open(therapist_id))).all()
        following = next((call for call in found if call.status == CallStatus.SCHEDULED), None)
        await lock_calendar(tx)
        therapist = await tx.locked(Therapist, therapist_id, version=version)
        write_wish(tx, therapist, flag=False, grund=None)
        await tx.session.flush()
        if may_be_called(therapist):
            for call in (call for call in found if call is not following):
                following = await _decide(tx, call, therapist, following)
    return therapist


async def _decide(
    tx: Transaction, call: PhoneCall, therapist: Therapist, following: PhoneCall | None
) -> PhoneCall | None:
    """Bring a call back, unless it is needed no more; return the therapist's open follow-up call."""
    one_of_a_kind = call.grund == CallReason.NO_REPLY and not call.doppelt
    if call.grund != CallReason.CALL_BACK and await all_answered(tx, call.id):
        call.absage_grund = CancelReason.ANSWERED
    elif one_of_a_kind and following is not None:
        call.absage_grund = CancelReason.MERGED
        await leave_answered(tx, call)
        if await move_links(tx, call, following):
            tell(tx, following)
    else:
        await _bring_back(tx, call, therapist)
        if one_of_a_kind and call.status == CallStatus.SCHEDULED:
            return call
    return following


def write_wish(tx: Transaction, therapist: Therapist, *, flag: bool, grund: str | None) -> None:
    """Note on a locked therapist whether they may be called."""
    therapist.nicht_anrufen = flag
    therapist.nicht_anrufen_grund = grund
    therapist.version += 1
    tx.record(Action.DO_NOT_CALL_SET if flag else Action.DO_NOT_CALL_LIFTED, therapist)
    tx.wake(CALLS)


def _emails_of(therapist_id: int) -> Select[int]:
    """Select the e-mails the cancelled calls are about, holding all of them still."""
    about = (
        select(CallEmail.email_id)
        .join(PhoneCall, PhoneCall.id == CallEmail.call_id)
        .where(PhoneCall.therapist_id == therapist_id, PhoneCall.absage_grund == CancelReason.DO_NOT_CALL)
    )
    return select(Email.id).where(Email.id.in_(about)).order_by(Email.id).with_for_update(read=True, of=Email)


def _cancelled_and_open(therapist_id: int) -> Select[PhoneCall]:
    cancelled = (PhoneCall.status == CallStatus.CANCELED) & (
        PhoneCall.absage_grund == CancelReason.DO_NOT_CALL
    )
    return (
        select(PhoneCall)
        .where(
            PhoneCall.therapist_id == therapist_id, or_(cancelled, is_open_follow_up() & ~PhoneCall.doppelt)
        )
        .order_by(PhoneCall.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


async def _bring_back(tx: Transaction, call: PhoneCall, therapist: Therapist) -> None:
    call.absage_grund = None
    call.version += 1
    try:
        await _find_time(tx, call, therapist)
    except Unschedulable as error:
        call.klaerung_noetig, call.klaerung_grund = True, no_retry_after(error)
        tx.record(Action.CALL_CHANGED, call, fields=["klaerung_noetig"])
        return
    call.status = CallStatus.SCHEDULED
    call.ergebnis_art = call.abgeschlossen_at = None
    await tx.session.flush()
    await leave_answered(tx, call)
    announce(tx, call, Action.CALL_RESTORED)


async def _find_time(tx: Transaction, call: PhoneCall, therapist: Therapist) -> None:
    """Give a cancelled call its former time, else the next that is free.

    Raises:
        Unschedulable: there is none.
    """
    try:
        await move(tx, call, therapist, call.geplantes_datum, call.geplante_zeit)
    except (CallCollision, InvalidInput):
        await move_to_next(tx, call, therapist)
