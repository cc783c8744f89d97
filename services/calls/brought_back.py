"""Takes "do not call" back: the calls it cancelled are planned again, at their time if that is free."""

from sqlalchemy import Select, select

from services.calls.next_attempt import no_retry_after
from services.calls.planning import announce
from services.errors import InvalidInput
from services.hints import CALLS
from services.models import CallReason, CallStatus, CancelReason, Email, PhoneCall, Therapist
from services.models.therapists import may_be_called
from services.scheduling.booking import CallCollision, lock_calendar, move, move_to_next
from services.scheduling.calendar import Unschedulable
from services.work import Action, Transaction, Work


async def lift_do_not_call(work: Work, therapist_id: int, *, version: int) -> Therapist:
    """Let a therapist be called again, and bring back the calls that "do not call" cancelled.

    Those about an e-mail that was answered since stay cancelled, and so do all while the directory says that
    the therapist is not to be called. A call for which no time is found asks for a person.

    Raises:
        NotFound, StaleVersion: as named.
    """
    async with work.transaction() as tx:
        answered = set(await tx.session.scalars(_emails_of(therapist_id)))
        calls = list(await tx.session.scalars(_cancelled(therapist_id)))
        await lock_calendar(tx)
        therapist = await tx.locked(Therapist, therapist_id, version=version)
        write_wish(tx, therapist, flag=False, grund=None)
        await tx.session.flush()
        if may_be_called(therapist):
            for call in calls:
                if call.email_id in answered and call.grund != CallReason.CALL_BACK:
                    call.absage_grund = CancelReason.ANSWERED
                else:
                    await _bring_back(tx, call, therapist)
    return therapist


def write_wish(tx: Transaction, therapist: Therapist, *, flag: bool, grund: str | None) -> None:
    """Note on a locked therapist whether they may be called."""
    therapist.nicht_anrufen = flag
    therapist.nicht_anrufen_grund = grund
    therapist.version += 1
    tx.record(Action.DO_NOT_CALL_SET if flag else Action.DO_NOT_CALL_LIFTED, therapist)
    tx.wake(CALLS)


def _emails_of(therapist_id: int) -> Select[int]:
    """Select the answered e-mails the cancelled calls are about, holding all of them still."""
    about = select(PhoneCall.email_id).where(
        PhoneCall.therapist_id == therapist_id, PhoneCall.absage_grund == CancelReason.DO_NOT_CALL
    )
    held = select(Email.id, Email.antwort_erhalten).where(Email.id.in_(about)).order_by(Email.id)
    locked = held.with_for_update(read=True).cte()
    return select(locked.c.id).where(locked.c.antwort_erhalten)


def _cancelled(therapist_id: int) -> Select[PhoneCall]:
    return (
        select(PhoneCall)
        .where(
            PhoneCall.therapist_id == therapist_id,
            PhoneCall.status == CallStatus.CANCELED,
            PhoneCall.absage_grund == CancelReason.DO_NOT_CALL,
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
