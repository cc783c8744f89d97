"""The free times a planned call can be moved to."""

from dataclasses import dataclass
from datetime import date

from services.calls.locking import check_scheduled
from services.errors import FieldError
from services.models import PhoneCall, Therapist
from services.scheduling.calendar import Unschedulable, find_next, free_slots_of_day
from services.scheduling.slots import Slot
from services.work import Work


@dataclass(frozen=True, slots=True)
class MoveChoice:
    """A call that can be moved, with the free times of `day`; `obstacle` says why there is none."""

    call: PhoneCall
    therapist: Therapist | None
    day: date
    slots: list[Slot]
    obstacle: FieldError | None


async def load_move_choice(work: Work, call_id: int, day: date | None) -> MoveChoice:
    """Return the free times of `day`, by default of the first from the call's own day on that has one.

    Raises:
        NotFound, CallNotScheduled: there is no such call, or it is done.
    """
    async with work.transaction() as tx:
        call = await tx.existing(PhoneCall, call_id)
        check_scheduled(call)
        therapist = await tx.session.get(Therapist, call.therapist_id)
        if therapist is None:
            return MoveChoice(call, None, day or tx.today, [], None)
        duration = call.dauer_minuten
        try:
            if day is None:
                day = (
                    await find_next(
                        tx,
                        therapist,
                        not_before=call.geplantes_datum,
                        duration_minutes=duration,
                        ignore_call_id=call.id,
                    )
                ).day
            slots = await free_slots_of_day(
                tx, therapist, day, duration_minutes=duration, ignore_call_id=call.id
            )
        except Unschedulable as error:
            return MoveChoice(call, therapist, day or tx.today, [], error.reason)
    return MoveChoice(call, therapist, day, slots, None)
