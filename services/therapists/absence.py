"""Until when a therapist is away: the desk's own note, which no copy from the directory touches."""

from datetime import date, datetime, timedelta
from typing import Self

import msgspec

from services.errors import FieldError
from services.models import AbsenceSource, Therapist

LONGEST_ABSENCE = timedelta(days=366)

IN_THE_PAST = "This lies in the past."
TOO_FAR = "This lies more than a year ahead."
NOT_AWAY = "Give the first day back, after today."


class Absence(msgspec.Struct, frozen=True):
    """The first day back, who said so, and since when it is known."""

    wieder_da_am: date
    laut: AbsenceSource
    seit: datetime

    @classmethod
    def of(cls, therapist: Therapist) -> Self | None:
        """Return what is noted of a therapist, even if they are back by now."""
        if therapist.wieder_da_am is None or therapist.abwesend_seit is None:
            return None
        return cls(therapist.wieder_da_am, AbsenceSource(therapist.abwesend_laut), therapist.abwesend_seit)


def write_absence(therapist: Therapist, absence: Absence | None) -> None:
    """Note an absence, or that there is none, on a locked therapist."""
    therapist.wieder_da_am = absence.wieder_da_am if absence else None
    therapist.abwesend_laut = absence.laut if absence else None
    therapist.abwesend_seit = absence.seit if absence else None
    therapist.version += 1


def check_return(field: str, value: date | None, *, today: date) -> list[FieldError]:
    """Return what is wrong with the day somebody is back; today says that they are."""
    if value is None:
        return []
    if value < today:
        return [FieldError(field, IN_THE_PAST)]
    return [FieldError(field, TOO_FAR)] if value > today + LONGEST_ABSENCE else []


def check_absence(field: str, value: date | None, *, today: date) -> list[FieldError]:
    """Return what is wrong with the first day back of somebody who is away today."""
    if value is None or value <= today:
        return [FieldError(field, NOT_AWAY)]
    return check_return(field, value, today=today)
