"""Locks a call for a change of its state, in the order all such changes keep: e-mail, call, calendar."""

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


async def lock_with_email(
    tx: Transaction, call_id: int, version: int | None = None, *, key_share: bool = False
) -> LockedCall:
    """Lock a call and hold its e-mail still, so that no answer arrives meanwhile.

    `version` and `key_share` are as for `Transaction.locked`.

    Raises:
        NotFound, StaleVersion: as `Transaction.locked`.
    """
    email_id = await tx.session.scalar(select(PhoneCall.email_id).where(PhoneCall.id == call_id))
    answered = email_id is not None and bool(
        await tx.session.scalar(
            select(Email.antwort_erhalten).where(Email.id == email_id).with_for_update(read=True)
        )
    )
    call = await tx.locked(PhoneCall, call_id, version=version, key_share=key_share)
    return LockedCall(call, answered)
