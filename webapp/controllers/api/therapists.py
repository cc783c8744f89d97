"""`/api/therapists`: when and where a therapist can be called, and until when they are away."""

from datetime import date, datetime, time
from typing import Annotated

from litestar import Controller, get, put
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter
from msgspec import Struct

from services.calls.absences import lift_absence, set_absence
from services.errors import NotFound
from services.hours.windows import END_OF_DAY
from services.models import AbsenceSource, Therapist
from services.scheduling.calendar import LONGEST_CALL_MINUTES, load_free_times
from services.therapists.absence import Absence
from services.therapists.directory import TherapistDirectory, UnknownTherapist
from services.therapists.search import get_therapist
from services.work import Work
from webapp.controllers.api.schema import TherapistId, check_days, problems
from webapp.service_keys import CALLS, READ


class PhoneHours(Struct):
    """From when until when on the day asked for; `24:00` is the day's end."""

    start: str
    end: str


class FreeSlots(Struct):
    """A day's times, local wall clock, at which a call of this duration could start; they overlap.

    Nothing is free where `darf_angerufen_werden` is false: blocked, inactive, or does not want calls; nor
    before `wieder_da_am`, the first day back of an absence.
    """

    therapist_id: int
    datum: date
    dauer_minuten: int
    darf_angerufen_werden: bool
    telefonzeiten: list[PhoneHours]
    slots: list[str]
    wieder_da_am: date | None


class AbsenceChange(Struct, forbid_unknown_fields=True):
    """The first day back, after today and within a year; `null`: the therapist is there."""

    wieder_da_am: date | None


class AbsenceState(Struct):
    """A therapist's absence: the first day back, who said so, and since when it is known.

    `anrufe` are the calls that were moved behind it, or cancelled where no time is free there.
    """

    therapist_id: int
    wieder_da_am: date | None
    abwesend_laut: AbsenceSource | None
    abwesend_seit: datetime | None
    anrufe: list[int]


class TherapistPhone(Struct):
    """Where to ring a therapist: `telefon` is what holds, as it is written.

    `telefon_korrigiert_at` says since when it is the desk's own number instead of the directory's.
    """

    therapist_id: int
    telefon: str | None
    telefon_korrigiert_at: datetime | None


class TherapistApi(Controller):
    """The therapists' phone hours and numbers."""

    path = "/api/therapists"
    security = CALLS
    tags = ["Therapists"]  # noqa: RUF012

    @get(
        "/{therapist_id:int}/phone",
        operation_id="getTherapistPhone",
        summary="Read where to ring a therapist",
        responses=problems(404),
        security=READ,
    )
    async def get_phone(self, work: NamedDependency[Work], therapist_id: TherapistId) -> TherapistPhone:
        """The number that holds: one the desk has corrected goes before the directory's."""
        therapist = await get_therapist(work, therapist_id)
        return TherapistPhone(therapist.id, therapist.phone, therapist.telefon_korrigiert_at)

    @get(
        "/{therapist_id:int}/slots",
        operation_id="listFreeSlots",
        summary="List a day's free times",
        responses=problems(404, 422, 503),
        security=READ,
    )
    async def list_slots(
        self,
        work: NamedDependency[Work],
        therapist_id: TherapistId,
        day: Annotated[date, QueryParameter(name="date", description="The day, `2025-06-10`.")],
        directory: NamedDependency[TherapistDirectory],
        dauer_minuten: Annotated[
            int | None,
            QueryParameter(
                ge=1, le=LONGEST_CALL_MINUTES, description="Of the call; by default the desk's usual."
            ),
        ] = None,
    ) -> FreeSlots:
        """Times at which a call could start on that day, on the desk's grid, as of now; none is held."""
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
            wieder_da_am=free.back_on,
        )

    @put(
        "/{therapist_id:int}/absence",
        operation_id="setAbsence",
        summary="Set a therapist absent until a day, or there again",
        responses=problems(404, 413, 415, 422, 503),
    )
    async def set_absence(
        self,
        work: NamedDependency[Work],
        therapist_id: TherapistId,
        data: JSONBody[AbsenceChange],
        directory: NamedDependency[TherapistDirectory],
    ) -> AbsenceState:
        """Calls planned before the first day back move behind it, or are cancelled where none is free."""
        try:
            await directory.get(work, therapist_id)
        except UnknownTherapist as error:
            raise NotFound from error
        if data.wieder_da_am is None:
            return _state(await lift_absence(work, therapist_id), [])
        absent = await set_absence(work, therapist_id, data.wieder_da_am, AbsenceSource.SERVICE)
        return _state(absent.therapist, [moved.call.id for moved in absent.calls])


def _state(therapist: Therapist, calls: list[int]) -> AbsenceState:
    absence = Absence.of(therapist)
    return AbsenceState(
        therapist_id=therapist.id,
        wieder_da_am=absence.wieder_da_am if absence else None,
        abwesend_laut=absence.laut if absence else None,
        abwesend_seit=absence.seit if absence else None,
        anrufe=calls,
    )


def _hhmm(at: time) -> str:
    return "24:00" if at == END_OF_DAY else f"{at:%H:%M}"
