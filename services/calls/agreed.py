"""Calls that follow from speaking to somebody: a call back at the time agreed, a question on a later day."""

from datetime import date, time

from services.calls.linked_emails import carried, carry_on
from services.calls.next_attempt import UnknownHours, no_retry_after
from services.models import CallBackBy, CallReason, NoRetry, PhoneCall, Therapist
from services.origins import Origin
from services.scheduling.booking import book_at, book_next
from services.scheduling.calendar import Unschedulable
from services.work import Transaction


async def book_call_back(
    tx: Transaction, call: PhoneCall, at: tuple[date, time], by: CallBackBy
) -> PhoneCall:
    """Insert the call back agreed in a closed, flushed call, within the phone hours or not.

    It is about what that was. Reports no event.

    Raises:
        InvalidInput: the time can't be, or the therapist is unknown.
        CallCollision: the therapist or every line is taken at that time.
    """
    agreed = await book_at(
        tx,
        await _therapist(tx, call),
        *at,
        duration_minutes=call.dauer_minuten,
        grund=CallReason.CALL_BACK,
        rueckruf_durch=by,
        vereinbart_von=tx.actor.staff_id,
        email_id=call.email_id,
        vorheriger_anruf_id=call.id,
        extern_id=call.extern_id,
        **Origin.of(call).columns,
    )
    await carry_on(tx, agreed, await carried(tx, call))
    return agreed


async def book_question(tx: Transaction, call: PhoneCall, day: date) -> PhoneCall | NoRetry:
    """Insert the call that asks again on a day or after, or return why there is none.

    It is about no e-mail: an answer to one does not take it back. Reports no event.
    """
    try:
        return await book_next(
            tx,
            await _therapist(tx, call),
            not_before=day,
            grund=CallReason.MANUAL,
            vorheriger_anruf_id=call.id,
            extern_id=call.extern_id,
            **Origin.of(call).columns,
        )
    except Unschedulable as error:
        return no_retry_after(error)


async def _therapist(tx: Transaction, call: PhoneCall) -> Therapist:
    therapist = await tx.session.get(Therapist, call.therapist_id)
    if therapist is None:
        raise UnknownHours
    return therapist
