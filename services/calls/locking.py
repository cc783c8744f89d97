"""Locks a call for a change of its state, in the order all such changes keep: e-mail, call, calendar.

Who needs the calendar for a change takes it before the first write to a row of `phone_calls`, of whatever
column: the exclusion constraints wait for rows that are written, and who holds the calendar waits for nobody.
"""

from dataclasses import dataclass

from sqlalchemy import select

from services.errors import Conflict
from services.models import CallStatus, Email, PhoneCall
from services.work import Transaction


class CallNotScheduled(Conflict):
    """This call is not planned any more."""


def check_scheduled(call: PhoneCall) -> None:
    """Let a planned call pass.

    Raises:
        CallNotScheduled: it is done or cancelled.
    """
    if call.status != CallStatus.SCHEDULED:
        raise CallNotScheduled


@dataclass(frozen=True, slots=True)
class LockedCall:
    """A locked call, and whether the e-mail it is about has been answered."""

    call: PhoneCall
    answered: bool


async def lock_with_email(tx: Transaction, call_id: int, version: int | None = None) -> LockedCall:
    """Lock a call and hold its e-mail still, so that no answer arrives meanwhile.

    Raises:
        NotFound, StaleVersion: as `Transaction.locked`.
    """
    answered = await hold_email_of(tx, call_id)
    return LockedCall(await tx.locked(PhoneCall, call_id, version=version), answered)


async def hold_email_of(tx: Transaction, call_id: int) -> bool:
    """Hold the e-mail a call is about still, if any, and return whether it has been answered."""
    email_id = await tx.session.scalar(select(PhoneCall.email_id).where(PhoneCall.id == call_id))
    return email_id is not None and bool(await hold_email(tx, email_id))


async def hold_email(tx: Transaction, email_id: int) -> bool | None:
    """Hold an e-mail still until the commit; return whether it has been answered, None for none such."""
    query = select(Email.antwort_erhalten).where(Email.id == email_id).with_for_update(read=True)
    return await tx.session.scalar(query)
