"""Locks a call for a change of its state, always in the order follow-ups, e-mails, call, calendar.

Who needs the calendar for a change takes it before the first write to a row of `phone_calls`, of whatever
column: the exclusion constraints wait for rows that are written, and who holds the calendar waits for nobody.
"""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Integer, any_, bindparam, func, or_, select, union_all
from sqlalchemy.orm import InstrumentedAttribute

from services.calls.linked_emails import all_answered
from services.errors import Conflict, NotFound
from services.models import CallEmail, CallReason, CallStatus, Email, PhoneCall
from services.work import Transaction
from shared.plain_rows import PlainQuery

FOLLOW_UPS_LOCK = 4_203
"""First key of the advisory locks that serialise what may add to a therapist's follow-up calls."""

TRY_FOLLOW_UPS = select(
    func.pg_try_advisory_xact_lock(FOLLOW_UPS_LOCK, bindparam("therapist_id", type_=Integer))
)


CALL = bindparam("call_id", type_=Integer)

FOLLOW_UPS_OF = PlainQuery(
    select(func.pg_advisory_xact_lock(FOLLOW_UPS_LOCK, PhoneCall.therapist_id)).where(
        PhoneCall.id == CALL, PhoneCall.grund == CallReason.NO_REPLY
    )
)
EMAILS_OF = PlainQuery(
    select(Email.id)
    .where(Email.id.in_(select(CallEmail.email_id).where(CallEmail.call_id == CALL)))
    .order_by(Email.id)
    .with_for_update(read=True, of=Email)
)


class CallNotScheduled(Conflict):
    """This call is not planned any more."""


def check_scheduled(call: PhoneCall) -> None:
    """Let a planned call pass.

    Raises:
        CallNotScheduled: it is done or cancelled.
    """
    if call.status != CallStatus.SCHEDULED:
        raise CallNotScheduled


def found_by_any(key: InstrumentedAttribute[int], *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return that one of some conditions holds, each looked up by an index of its own.

    Joined by OR, conditions with queries in them have PostgreSQL try every row of the table. Whoever waits
    for a row gets it even if no condition holds any more: that is why the ids are an array, found before any
    row is locked. Of a join with them PostgreSQL loses rows that have changed meanwhile.
    """
    found = union_all(*(select(key).where(one).correlate(None) for one in conditions))
    return key == any_(func.array(found.scalar_subquery()))


@dataclass(frozen=True, slots=True)
class LockedCall:
    """A locked call, and whether all the e-mails it is about have been answered."""

    call: PhoneCall
    answered: bool


async def lock_follow_ups(tx: Transaction, *therapist_ids: int) -> None:
    """Let nobody else add to therapists' follow-up calls; taken before e-mails and calls are locked.

    What only takes e-mails out of calls, or cancels calls, does not need it.
    """
    for therapist_id in sorted(set(therapist_ids)):
        await tx.session.execute(select(func.pg_advisory_xact_lock(FOLLOW_UPS_LOCK, therapist_id)))


async def try_follow_ups(tx: Transaction, therapist_id: int) -> bool:
    """Do the same unless somebody else is at this therapist's follow-ups; say if it was done."""
    return bool(await tx.session.scalar(TRY_FOLLOW_UPS, {"therapist_id": therapist_id}))


async def lock_with_email(
    tx: Transaction, call_id: int, version: int | None = None, *, also: ColumnElement[bool] | None = None
) -> LockedCall:
    """Lock a call and hold its e-mails still, so that no answer arrives meanwhile and no e-mail joins it.

    Raises:
        NotFound, StaleVersion: as `Transaction.locked`.
    """
    follow_ups_held = await _hold_emails_of(tx, call_id)
    if also is not None:
        of_all = select(PhoneCall.id).where(or_(PhoneCall.id == call_id, also)).order_by(PhoneCall.id)
        await tx.session.execute(of_all.with_for_update())
    call = await tx.locked(PhoneCall, call_id, version=version)
    if call.grund == CallReason.NO_REPLY and not follow_ups_held:
        raise NotFound  # it has come since, so nobody can have meant it
    return LockedCall(call, await all_answered(tx, call_id))


async def _hold_emails_of(tx: Transaction, call_id: int) -> bool:
    """Hold the e-mails of a call still; of a follow-up call the follow-ups as well, and say so."""
    held_follow_ups = await tx.run(FOLLOW_UPS_OF, call_id=call_id)
    await tx.run(EMAILS_OF, call_id=call_id)
    return bool(held_follow_ups)


async def hold_email(tx: Transaction, email_id: int) -> bool | None:
    """Hold an e-mail still until the commit; return whether it has been answered, None for none such."""
    query = select(Email.antwort_erhalten).where(Email.id == email_id).with_for_update(read=True)
    return await tx.session.scalar(query)
