"""`/api/therapists`: when a therapist can be called."""

from datetime import date, time
from typing import Annotated

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from msgspec import Struct

from services.hours.windows import END_OF_DAY
from services.scheduling.calendar import LONGEST_CALL_MINUTES, load_free_times
from services.therapists.directory import TherapistDirectory
from services.work import Work
from webapp.controllers.api.schema import check_days, problems, refuse_unknown_parameters


class PhoneHours(Struct):
    """From when until when on the day asked for; `24:00` is the day's end."""

    start: str
    end: str


class FreeSlots(Struct):
    """A day's times, local wall clock, at which a call of this duration could start; they overlap.

    Nothing is free where `darf_angerufen_werden` is false: blocked, inactive, or does not want calls.
    """

    therapist_id: int
    datum: date
    dauer_minuten: int
    darf_angerufen_werden: bool
    telefonzeiten: list[PhoneHours]
    slots: list[str]


class TherapistApi(Controller):
    """The therapists' phone hours."""

    path = "/api/therapists"
    guards = [refuse_unknown_parameters]  # noqa: RUF012
    tags = ["Therapists"]  # noqa: RUF012

    @get(
        "/{therapist_id:int}/slots",
        operation_id="listFreeSlots",
        summary="List a day's free times",
        responses=problems(404, 422, 503),
    )
    async def list_slots(
        self,
        work: NamedDependency[Work],
        therapist_id: FromPath[int],
        day: Annotated[date, QueryParameter(name="date", description="The day, `2025-06-10`.")],
        directory: NamedDependency[TherapistDirectory],
        dauer_minuten: Annotated[
            int | None,
            QueryParameter(
                ge=1, le=LONGEST_CALL_MINUTES, description="Of the call; by default the desk's usual."
            ),
        ] = None,
    ) -> FreeSlots:
        """List free times."""
        check_days(date=day)
        free = await load_free_times(
            work, therapist_id, day, directory=directory, duration_minutes=dauer_minuten
        )
        return FreeSlots(
            therapist_id=free.therapist_id,
            datum=free.day,
            dauer_minuten=free.duration_minutes,
            darf_angerufen_werden=free.may_be_called,
            telefonzeiten=[PhoneHours(_hhmm(window.start), _hhmm(window.end)) for window in free.windows],
            slots=[_hhmm(slot.start) for slot in free.slots],
        )


def _hhmm(at: time) -> str:
    return "24:00" if at == END_OF_DAY else f"{at:%H:%M}"
