"""What staff need to know to move a call: the call, its therapist and the free times of a day."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.calls import CallNotScheduled
from services.errors import FieldError, NotFound
from services.models import CallStatus, PhoneCall, Therapist
from services.rules import DeskRules
from services.scheduler import Slot
from services.slots import Unschedulable, find_next, free_slots_of_day


@dataclass(frozen=True, slots=True)
class MoveChoice:
    """A call that can be moved, with the free times of `day`; `obstacle` says why there is none."""

    call: PhoneCall
    therapist: Therapist | None
    day: date
    slots: list[Slot]
    obstacle: FieldError | None


async def load_move_choice(
    session: AsyncSession, call_id: int, day: date | None, *, now: datetime, rules: DeskRules
) -> MoveChoice:
    """Return the free times of `day`, by default of the first from the call's own day on that has one.

    Raises:
        NotFound, CallNotScheduled: there is no such call, or it is done.
    """
    async with session.begin():
        call = await session.get(PhoneCall, call_id, populate_existing=True)
        if call is None:
            raise NotFound
        if call.status != CallStatus.SCHEDULED:
            raise CallNotScheduled
        therapist = await session.get(Therapist, call.therapist_id)
        if therapist is None:
            return MoveChoice(call, None, day or rules.today(now), [], None)
        duration = call.dauer_minuten
        try:
            if day is None:
                day = (
                    await find_next(
                        session,
                        therapist,
                        now=now,
                        rules=rules,
                        not_before=call.geplantes_datum,
                        duration_minutes=duration,
                        ignore_call_id=call.id,
                    )
                ).day
            slots = await free_slots_of_day(
                session,
                therapist,
                day,
                now=now,
                rules=rules,
                duration_minutes=duration,
                ignore_call_id=call.id,
            )
        except Unschedulable as error:
            return MoveChoice(call, therapist, day or rules.today(now), [], error.reason)
    return MoveChoice(call, therapist, day, slots, None)
