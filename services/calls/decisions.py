"""What a person decides about a call that came to nothing, beside leaving it at that (`outcomes.settle`)."""

from datetime import date, time
from typing import Any

from services.calls.linked_emails import carried, carry_on
from services.calls.locking import lock_with_email
from services.calls.next_attempt import UnknownHours
from services.calls.planning import announce
from services.errors import Conflict
from services.models import CallReason, PhoneCall, Therapist
from services.origins import Origin
from services.scheduling.booking import book_at, book_next, lock_calendar
from services.work import Action, Work


class AlreadyDecided(Conflict):
    """Somebody has decided about this call already."""


async def call_again(
    work: Work, call_id: int, at: tuple[date, time] | None, *, version: int | None
) -> PhoneCall:
    """Plan another call where one asks for a person, and with it settle that one; None is the next free time.

    It is a call a person planned: attempts are counted anew, and "do not call" leaves it.

    Raises:
        NotFound, StaleVersion: as `services.calls.locking.lock_with_email`.
        AlreadyDecided: the call does not ask for a person any more.
        InvalidInput: the time can't be, or none is found (`Unschedulable`).
        CallCollision: the time is taken.
    """
    async with work.transaction() as tx:
        locked = await lock_with_email(tx, call_id, version)
        call = locked.call
        if not call.klaerung_noetig:
            raise AlreadyDecided
        await lock_calendar(tx)
        therapist = await tx.session.get(Therapist, call.therapist_id)
        if therapist is None:
            raise UnknownHours
        values: dict[str, Any] = {
            "grund": CallReason.MANUAL,
            "notizen": call.notizen,
            "extern_id": call.extern_id,
            **Origin.of(call).columns,
        }
        email_ids = [] if locked.answered else await carried(tx, call)
        values["email_id"] = next(iter(email_ids), None)
        planned = await (book_at(tx, therapist, *at, **values) if at else book_next(tx, therapist, **values))
        await carry_on(tx, planned, email_ids)
        call.klaerung_noetig = False
        call.version += 1
        tx.record(Action.CALL_SETTLED, call, next_call_id=planned.id)
        announce(tx, planned, Action.CALL_SCHEDULED)
    return planned
