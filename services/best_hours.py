"""When therapists pick up: reached out of attempts by weekday and hour, from the outcomes so far."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Integer, cast, extract, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.models import OutcomeKind, PhoneCall

ATTEMPTS = (
    OutcomeKind.REACHED,
    OutcomeKind.NOT_REACHED,
    OutcomeKind.BUSY,
    OutcomeKind.ANSWERING_MACHINE,
)
"""Outcomes that say something about when somebody picks up."""

HOUR = cast(extract("hour", PhoneCall.tatsaechliche_zeit), Integer)
"""The hour of the day in which a call was made, local time."""


@dataclass(frozen=True, slots=True)
class HourRate:
    """How often somebody picked up in an hour of a weekday (Monday is 0), local time."""

    weekday: int
    hour: int
    reached: int
    attempts: int

    @property
    def rate(self) -> float:
        """Reached out of attempts, 0 to 1."""
        return self.reached / self.attempts


async def load_hours(session: AsyncSession, therapist_id: int) -> list[HourRate]:
    """Return the hours in which a therapist has been rung. Runs in the caller's transaction."""
    weekday = cast(extract("isodow", PhoneCall.tatsaechliches_datum), Integer) - 1
    reached = func.count().filter(PhoneCall.ergebnis_art == OutcomeKind.REACHED)
    rows = await session.execute(
        select(weekday.label("weekday"), HOUR.label("hour"), reached.label("reached"), func.count())
        .where(
            PhoneCall.therapist_id == therapist_id,
            PhoneCall.ergebnis_art.in_(ATTEMPTS),
            PhoneCall.tatsaechliches_datum.is_not(None),
            PhoneCall.tatsaechliche_zeit.is_not(None),
        )
        .group_by("weekday", "hour")
        .order_by("weekday", "hour")
    )
    return [HourRate(*row) for row in rows]


def best_hours(hours: Sequence[HourRate], count: int = 3) -> list[HourRate]:
    """Return the most promising hours with any success, best first.

    One lucky call should not beat four out of five, so every hour is judged as if it had one more success
    and one more failure (Laplace's rule of succession).
    """
    promising = [hour for hour in hours if hour.reached]
    return sorted(
        promising,
        key=lambda hour: (-(hour.reached + 1) / (hour.attempts + 2), hour.weekday, hour.hour),
    )[:count]
