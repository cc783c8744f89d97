"""A therapist's free times on a day, for the screens and for other services."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.availability import Window, parse
from services.booking import may_be_called
from services.errors import NotFound
from services.reachability import day_windows
from services.rules import DeskRules
from services.scheduler import Slot
from services.slots import free_slots_of_day
from services.therapist_directory import TherapistDirectory, UnknownTherapist


@dataclass(frozen=True, slots=True)
class FreeTimes:
    """When a call could start, and the phone hours within the desk's hours it was looked for in.

    `may_be_called` is False for who is blocked, inactive or does not want to be called; nothing is free then.
    """

    therapist_id: int
    day: date
    duration_minutes: int
    may_be_called: bool
    windows: list[Window]
    slots: list[Slot]


async def load_free_times(
    session: AsyncSession,
    therapist_id: int,
    day: date,
    *,
    now: datetime,
    rules: DeskRules,
    directory: TherapistDirectory,
    duration_minutes: int | None = None,
) -> FreeTimes:
    """Return a day's free times; every grid point at which a whole call fits, so they overlap each other.

    Raises:
        NotFound: there is no such therapist.
        TemporarilyUnavailable: the therapist is not known here and their directory can't be asked.
    """
    try:
        therapist = await directory.get(session, therapist_id, now=now)
    except UnknownTherapist as error:
        raise NotFound from error
    duration = duration_minutes or rules.duration_minutes
    allowed = may_be_called(therapist)
    slots: list[Slot] = []
    if allowed:
        async with session.begin():
            slots = await free_slots_of_day(
                session, therapist, day, now=now, rules=rules, duration_minutes=duration
            )
    windows = day_windows(parse(therapist.telefonische_erreichbarkeit), day, rules)
    return FreeTimes(therapist.id, day, duration, allowed, windows, slots)
