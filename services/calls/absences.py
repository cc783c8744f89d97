"""Sets a therapist absent until a day, and moves what was planned before it behind it.

Moved is every scheduled call planned before the first day back, whoever planned it, but not a call back,
which the therapist agreed to, nor one in somebody's hands: what came of it can still be said. Where no time
is free behind the absence a call is cancelled and asks for a person. A time that a person sets in the
absence, once it is known, is outside the phone hours and stays.

Whoever writes an absence holds the calendar, so that every later booking sees it. What came in between is
moved by `move_calls_of_absent`.
"""

from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import ColumnElement, Select, and_, or_, select

from services.calls.kept_state import CallState
from services.calls.next_attempt import no_retry_after
from services.calls.planning import announce, cancel
from services.errors import InvalidInput
from services.hints import CALLS
from services.models import (
    AbsenceSource,
    CallReason,
    CallStatus,
    CancelReason,
    PhoneCall,
    Therapist,
)
from services.scheduling.booking import lock_calendar, move
from services.scheduling.calendar import Unschedulable, find_next
from services.therapists.absence import Absence, check_absence, write_absence
from services.work import Action, Transaction, Work


@dataclass(frozen=True, slots=True)
class MovedCall:
    """A call that an absence moved or, with no time free behind it, cancelled; and how it was before."""

    call: PhoneCall
    before: CallState


@dataclass(frozen=True, slots=True)
class SetAbsent:
    """A therapist's absence before and now, and the calls it moved."""

    therapist: Therapist
    before: Absence | None
    after: Absence
    calls: list[MovedCall] = field(default_factory=list[MovedCall])


@dataclass(frozen=True, slots=True)
class ForeseenAbsence:
    """The first day back as a note would set it, none where it says nothing new, and which calls move."""

    back_on: date | None = None
    calls: frozenset[int] = frozenset()


async def set_absence(
    work: Work, therapist_id: int, back_on: date | None, source: AbsenceSource, *, version: int | None = None
) -> SetAbsent:
    """Note that a therapist is away until a day, which is the first one back, and move the calls before it.

    Raises:
        NotFound, StaleVersion: as named.
        InvalidInput: names `wieder_da_am`: it is missing, not after today or more than a year ahead.
        CalendarBusy: others are booking, and the turn did not come in time.
    """
    if errors := check_absence("wieder_da_am", back_on, today=work.today):
        raise InvalidInput(*errors)
    assert back_on is not None
    async with work.transaction() as tx:
        await lock_calendar(tx)
        therapist = await tx.locked(Therapist, therapist_id, version=version)
        return await _set(tx, therapist, back_on, source)


async def learn_of_absence(tx: Transaction, therapist_id: int, back_on: date) -> SetAbsent | None:
    """Note what an out-of-office note says, and move the calls before it; None where it says nothing new.

    A note only ever prolongs an absence: it may be older than what is known. The caller has locked the rows
    of calls it is going to change.
    """
    await lock_calendar(tx)
    therapist = await tx.session.get(Therapist, therapist_id, with_for_update=True, populate_existing=True)
    if therapist is None or back_on <= max(therapist.wieder_da_am or tx.today, tx.today):
        return None
    return await _set(tx, therapist, back_on, AbsenceSource.NOTE)


async def lift_absence(work: Work, therapist_id: int, *, version: int | None = None) -> Therapist:
    """Note that a therapist is there; calls stay where they are.

    Raises:
        NotFound, StaleVersion: as named.
    """
    async with work.transaction() as tx:
        await lock_calendar(tx)
        therapist = await tx.locked(Therapist, therapist_id, version=version)
        restore_absence(tx, therapist, None)
    return therapist


def restore_absence(tx: Transaction, therapist: Therapist, absence: Absence | None) -> None:
    """Note on a locked therapist an absence as it was, or that there is none; calls stay where they are."""
    if Absence.of(therapist) != absence:
        _write(tx, therapist, absence)


async def foresee_absence(tx: Transaction, therapist_id: int, back_on: date | None) -> ForeseenAbsence:
    """Return what `learn_of_absence` would do now."""
    known = await tx.session.scalar(select(Therapist.wieder_da_am).where(Therapist.id == therapist_id))
    if back_on is None or back_on <= max(known or tx.today, tx.today):
        return ForeseenAbsence()
    query = select(PhoneCall.id).where(
        PhoneCall.therapist_id == therapist_id, _movable(tx), PhoneCall.geplantes_datum < back_on
    )
    return ForeseenAbsence(back_on, frozenset(await tx.session.scalars(query)))


async def move_calls_of_absent(work: Work) -> int:
    """Move what is still planned in an absence, such as a call that was let go of; return how many."""
    async with work.transaction() as tx:
        absent = list(await tx.session.scalars(_absent_with_calls(tx)))
    count = 0
    for therapist_id in absent:
        async with work.transaction() as tx:
            await lock_calendar(tx)
            therapist = await tx.existing(Therapist, therapist_id)
            count += len(await _move_behind(tx, therapist, but_agreed=True))
    return count


async def _set(tx: Transaction, therapist: Therapist, back_on: date, source: AbsenceSource) -> SetAbsent:
    before, after = Absence.of(therapist), Absence(back_on, source, tx.now)
    _write(tx, therapist, after)
    await tx.session.flush()
    return SetAbsent(therapist, before, after, await _move_behind(tx, therapist))


def _write(tx: Transaction, therapist: Therapist, absence: Absence | None) -> None:
    write_absence(therapist, absence)
    if absence is None:
        tx.record(Action.ABSENCE_LIFTED, therapist)
    else:
        tx.record(
            Action.ABSENCE_SET, therapist, wieder_da_am=absence.wieder_da_am.isoformat(), laut=absence.laut
        )
    tx.wake(CALLS)


async def _move_behind(tx: Transaction, therapist: Therapist, *, but_agreed: bool = False) -> list[MovedCall]:
    """Move the calls planned in an absence; the calendar is locked.

    Rows that somebody is changing are left alone. `but_agreed` leaves times outside the phone hours as well.
    """
    calls = _in_absence(tx).where(PhoneCall.therapist_id == therapist.id)
    if but_agreed:
        calls = calls.where(~PhoneCall.ausserhalb_erreichbarkeit)
    moved: list[MovedCall] = []
    for call in list(await tx.session.scalars(calls)):
        moved.append(MovedCall(call, CallState.of(call)))
        await _move(tx, call, therapist)
    return moved


async def _move(tx: Transaction, call: PhoneCall, therapist: Therapist) -> None:
    try:
        slot = await find_next(tx, therapist, duration_minutes=call.dauer_minuten, ignore_call_id=call.id)
        await move(tx, call, therapist, slot.day, slot.start)
    except Unschedulable as error:
        call.klaerung_noetig, call.klaerung_grund = True, no_retry_after(error)
        await cancel(tx, call, CancelReason.NO_TIME_AFTER_ABSENCE)
    else:
        call.version += 1
        await tx.session.flush()
        announce(tx, call, Action.CALL_MOVED)


def _movable(tx: Transaction) -> ColumnElement[bool]:
    return and_(
        PhoneCall.status == CallStatus.SCHEDULED,
        PhoneCall.grund != CallReason.CALL_BACK,
        or_(PhoneCall.bearbeitet_bis.is_(None), PhoneCall.bearbeitet_bis <= tx.now),
    )


def _planned_in_absence(tx: Transaction) -> ColumnElement[bool]:
    return and_(
        _movable(tx),
        PhoneCall.geplantes_datum < Therapist.wieder_da_am,
        Therapist.wieder_da_am > tx.today,
    )


def _in_absence(tx: Transaction) -> Select[PhoneCall]:
    return (
        select(PhoneCall)
        .join(Therapist, Therapist.id == PhoneCall.therapist_id)
        .where(_planned_in_absence(tx))
        .order_by(PhoneCall.geplantes_datum, PhoneCall.geplante_zeit, PhoneCall.id)
        .with_for_update(of=PhoneCall, skip_locked=True)
        .execution_options(populate_existing=True)
    )


def _absent_with_calls(tx: Transaction) -> Select[int]:
    return (
        select(Therapist.id)
        .join(PhoneCall, PhoneCall.therapist_id == Therapist.id)
        .where(_planned_in_absence(tx), ~PhoneCall.ausserhalb_erreichbarkeit)
        .distinct()
        .order_by(Therapist.id)
    )
