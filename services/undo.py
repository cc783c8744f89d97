"""Takes an outcome back: the call as it was, the next attempt gone, and nobody downstream told of either.

An outcome's events wait in the outbox a little longer than the outcome can be undone, so undoing deletes them
before anything has read them.
"""

from datetime import date, datetime, time, timedelta
from typing import Self
from uuid import UUID

import msgspec
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from services.activity import Actor, record
from services.booking import lock_calendar
from services.call_locks import lock_with_email
from services.claims import ClaimedByOther
from services.errors import Conflict
from services.events import retract
from services.models import CallReason, CallStatus, PhoneCall
from services.subjects import CALLS
from shared.database import wake

MARGIN = timedelta(seconds=2)
"""How long events wait beyond the last moment of undo: for one under way, and a relay whose clock is ahead.

One further ahead may publish before: undo is refused once the event is marked as published.
"""


class TooLateToUndo(Conflict):
    """This can't be undone any more."""


class NextAttemptChanged(Conflict):
    """The next attempt has been changed in the meantime, so this can't be undone any more."""


class TimeTaken(Conflict):
    """The time of this call has been given away in the meantime, so this can't be undone any more."""


class CallState(msgspec.Struct, frozen=True):
    """The columns of a call that an outcome may change."""

    geplantes_datum: date
    geplante_zeit: time
    dauer_minuten: int
    tatsaechliches_datum: date | None
    tatsaechliche_zeit: time | None
    status: str
    ergebnis: str | None
    notizen: str | None
    wiederholen_nach: date | None
    ergebnis_art: str | None
    leitung: int
    ausserhalb_erreichbarkeit: bool
    klaerung_noetig: bool
    bearbeitet_von: int | None
    bearbeitet_bis: datetime | None
    abgeschlossen_at: datetime | None

    @classmethod
    def of(cls, call: PhoneCall) -> Self:
        """Return the state a call is in."""
        return cls(**{name: getattr(call, name) for name in cls.__struct_fields__})

    def restore(self, call: PhoneCall) -> None:
        """Put a call back into this state."""
        for name in self.__struct_fields__:
            setattr(call, name, getattr(self, name))


class Undo(msgspec.Struct, frozen=True):
    """What taking an outcome back needs, kept in `phone_calls.rueckgaengig`."""

    before: CallState
    version: int
    next_call_id: int | None
    event_ids: list[UUID]

    def keep(self, call: PhoneCall, until: datetime) -> None:
        """Let the outcome just recorded be undone until an instant."""
        call.rueckgaengig = msgspec.to_builtins(self)
        call.rueckgaengig_bis = until


async def undo_outcome(session: AsyncSession, call_id: int, *, now: datetime, actor: Actor) -> PhoneCall:
    """Restore a call as it was before its last outcome, claim included, and remove the next attempt.

    `version` counts on, so that forms from before and after the outcome are both stale.

    Raises:
        NotFound: no such call.
        TooLateToUndo: the time is over, or the call was changed since.
        ClaimedByOther: somebody else took the postponed call in hand.
        NextAttemptChanged: somebody has taken, moved or finished the next attempt.
        TimeTaken: another call has been put where this one was planned.
    """
    async with session.begin():
        locked = await lock_with_email(session, call_id)
        call = locked.call
        if call.rueckgaengig is None or call.rueckgaengig_bis is None or call.rueckgaengig_bis <= now:
            raise TooLateToUndo
        undo = msgspec.convert(call.rueckgaengig, Undo)
        if undo.version != call.version:
            raise TooLateToUndo
        if locked.answered and call.grund != CallReason.CALL_BACK:
            raise TooLateToUndo
        if call.bearbeitet_von not in (None, undo.before.bearbeitet_von):
            raise ClaimedByOther(staff_id=call.bearbeitet_von)
        if await retract(session, undo.event_ids) != len(undo.event_ids):
            raise TooLateToUndo
        if undo.next_call_id is not None:
            await _remove_attempt(session, undo.next_call_id)
        await _let_go_of_others(session, undo.before.bearbeitet_von, call.id)
        await lock_calendar(session)
        undo.before.restore(call)
        call.rueckgaengig = call.rueckgaengig_bis = None
        call.version += 1
        try:
            await session.flush()
        except IntegrityError as error:
            raise TimeTaken from error
        record(session, actor, "outcome_undone", "call", call.id, now=now, version=call.version)
        wake(session, CALLS)
    return call


async def _remove_attempt(session: AsyncSession, call_id: int) -> None:
    attempt = await session.scalar(
        select(PhoneCall)
        .where(
            PhoneCall.id == call_id,
            PhoneCall.status == CallStatus.SCHEDULED,
            PhoneCall.version == 1,
            PhoneCall.bearbeitet_von.is_(None),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if attempt is None:
        raise NextAttemptChanged
    await session.delete(attempt)
    await session.flush()


async def _let_go_of_others(session: AsyncSession, staff_id: int | None, call_id: int) -> None:
    """Keep to one call in hand: who gets this call back lets go of what they took since."""
    if staff_id is not None:
        await session.execute(
            update(PhoneCall)
            .where(PhoneCall.bearbeitet_von == staff_id, PhoneCall.id != call_id)
            .values(bearbeitet_von=None, bearbeitet_bis=None, updated_at=PhoneCall.updated_at)
        )
