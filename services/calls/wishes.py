"""Whether a therapist is to be called: what speaks against it, calls planned by hand, calls in vain."""

from datetime import datetime
from enum import StrEnum

import structlog
from sqlalchemy import Select, and_, or_, select

from services.calls.absences import move_calls_of_absent
from services.calls.brought_back import lift_do_not_call, write_wish
from services.calls.planning import NewCall, cancel, create_call
from services.errors import Conflict
from services.hints import CALLS
from services.idempotency import RepeatableRequest
from services.models import CallReason, CallStatus, CancelReason, PhoneCall, Therapist
from services.models.therapists import NOT_TO_BE_CALLED, may_be_called
from services.scheduling.booking import lock_calendar
from services.therapists.directory import TherapistDirectory
from services.therapists.phone_numbers import dialable
from services.work import Action, Work, Workplace
from shared.supervision import take_turns

AUTOMATIC = (CallReason.NO_REPLY, CallReason.UNDELIVERED)

EVERY_SECONDS = 15.0

log = structlog.get_logger(__name__)


class Objection(StrEnum):
    """What speaks against calling a therapist at all; a person may plan a call all the same."""

    DO_NOT_CALL = "do_not_call"
    BLOCKED = "blocked"
    INACTIVE = "inactive"
    NO_NUMBER = "no_number"


def objection_to(therapist: Therapist) -> Objection | None:
    """Return what speaks against calling a therapist, the gravest first."""
    if therapist.nicht_anrufen:
        return Objection.DO_NOT_CALL
    if not may_be_called(therapist):
        return Objection.BLOCKED if therapist.status == "gesperrt" else Objection.INACTIVE
    return None if dialable(therapist.phone) else Objection.NO_NUMBER


class ObjectionNotOverruled(Conflict):
    """Something speaks against calling this therapist. Read what, then plan all the same or leave it."""


async def plan_call(
    work: Work,
    new: NewCall,
    *,
    all_the_same: bool,
    directory: TherapistDirectory,
    repeatable: RepeatableRequest | None = None,
) -> PhoneCall:
    """Plan a call; `all_the_same` says that whoever plans it knows what speaks against it.

    Without a time given, a therapist who is not to be called gets none: that is not for a person to overrule.

    Raises:
        ObjectionNotOverruled: something speaks against it, and `all_the_same` is not said.
        InvalidInput, CallCollision, TemporarilyUnavailable: as `services.calls.create_call`.
    """
    if not all_the_same:
        therapist = await directory.get(work, new.therapist_id)
        if objection_to(therapist) is not None:
            raise ObjectionNotOverruled
    return (await create_call(work, new, directory=directory, repeatable=repeatable)).row


async def set_do_not_call(
    work: Work, therapist_id: int, flag: bool, grund: str | None, *, version: int
) -> Therapist:
    """Note whether a therapist may be called automatically; if not, cancel what is planned by itself.

    Two transactions: the first takes a turn at booking, so that every later booking sees the flag; then the
    pending calls go. Should the second not come about, `cancel_calls_in_vain` catches up. Who may be called
    again gets the calls back that this has cancelled (`services.calls.brought_back`).

    Raises:
        NotFound, StaleVersion: as named.
    """
    if not flag:
        return await lift_do_not_call(work, therapist_id, version=version)
    async with work.transaction() as tx:
        await lock_calendar(tx)
        therapist = await tx.locked(Therapist, therapist_id, version=version)
        write_wish(tx, therapist, flag=True, grund=grund)
    await cancel_calls_in_vain(work, therapist_id)
    return therapist


async def set_call_hint(work: Work, therapist_id: int, hint: str | None, *, version: int) -> Therapist:
    """Note what whoever rings this therapist should know.

    Raises:
        NotFound, StaleVersion: as named.
    """
    async with work.transaction() as tx:
        therapist = await tx.locked(Therapist, therapist_id, version=version)
        therapist.anruf_hinweis = hint
        therapist.version += 1
        tx.record(Action.CALL_HINT_SET, therapist)
        tx.wake(CALLS)
    return therapist


async def cancel_calls_in_vain(work: Work, therapist_id: int | None = None) -> int:
    """Cancel the pending automatic calls of therapists who are not to be called; return how many.

    Automatic are calls about an e-mail nobody answered or received, and every next attempt. What a person
    planned stays. A call in somebody's hands, or one somebody is changing right now, is left for the next
    time: they may be hearing just now that the therapist does not want to be called.
    """
    async with work.transaction() as tx:
        rows = await tx.session.execute(_in_vain(therapist_id, tx.now))
        count = 0
        for call, unwanted in rows:
            await cancel(tx, call, CancelReason.DO_NOT_CALL if unwanted else CancelReason.NOT_ACTIVE)
            count += 1
    return count


def _in_vain(therapist_id: int | None, now: datetime) -> Select[PhoneCall, bool]:
    pending = and_(
        PhoneCall.status == CallStatus.SCHEDULED,
        or_(PhoneCall.bearbeitet_bis.is_(None), PhoneCall.bearbeitet_bis <= now),
        or_(PhoneCall.grund.in_(AUTOMATIC), PhoneCall.vorheriger_anruf_id.is_not(None)),
    )
    query = (
        select(PhoneCall, Therapist.nicht_anrufen)
        .join(Therapist, Therapist.id == PhoneCall.therapist_id)
        .where(pending, or_(Therapist.nicht_anrufen, Therapist.status.in_(NOT_TO_BE_CALLED)))
        .order_by(PhoneCall.id)
        .with_for_update(of=PhoneCall, skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return query if therapist_id is None else query.where(Therapist.id == therapist_id)


class CallsInVain:
    """Takes calls off the days when they are in vain, in the background.

    Cancelled are those of therapists who turned out to be blocked, moved those left in an absence.
    """

    def __init__(self, workplace: Workplace) -> None:
        self._workplace = workplace

    async def run(self) -> None:
        """Cancel and move until cancelled."""
        await take_turns(self.turn, rest_seconds=EVERY_SECONDS)

    async def turn(self) -> None:
        """Cancel and move what is in vain now."""
        async with self._workplace.work() as work:
            cancelled = await cancel_calls_in_vain(work)
            moved = await move_calls_of_absent(work)
        if moved:
            log.info("calls_in_absence_moved", count=moved)
        if cancelled:
            log.info("calls_in_vain_cancelled", count=cancelled)
