"""The desk's day in half hours: who answers the phone when, and which calls are planned."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time

from services.calls.placed import BoardCall
from services.hours.windows import Window, minute_of_day, time_of_day
from services.rules import DeskRules

BAND_MINUTES = 30


@dataclass(frozen=True, slots=True)
class BandPart:
    """Half an hour of the desk's day: therapists who answer the phone then, and calls planned."""

    start: time
    end: time
    windows: int
    calls: int


def day_band(placed: Sequence[BoardCall], *, day: date, rules: DeskRules) -> list[BandPart]:
    """Return the desk's day in half hours, with open calls only; a window counts wherever it overlaps."""
    opens, closes = (minute_of_day(at) for at in rules.desk_hours)
    starts = range(opens - opens % BAND_MINUTES, closes, BAND_MINUTES)
    therapists: dict[int, set[int]] = {start: set() for start in starts}
    planned = dict.fromkeys(starts, 0)
    by_the_phone: dict[int, tuple[tuple[Window, ...], set[int]]] = {}
    for row in placed:
        by_the_phone.setdefault(id(row.windows), (row.windows, set()))[1].add(row.call.therapist_id)
    for windows, some in by_the_phone.values():
        for first, end in (window.minutes for window in windows):
            for start in range(_part(first), end, BAND_MINUTES):
                if start in therapists:
                    therapists[start] |= some
    for at, calls in Counter(
        row.call.geplante_zeit for row in placed if row.call.geplantes_datum == day
    ).items():
        start = _part(minute_of_day(at))
        if start in planned:
            planned[start] += calls
    return [
        BandPart(
            time_of_day(start), time_of_day(start + BAND_MINUTES), len(therapists[start]), planned[start]
        )
        for start in starts
    ]


def _part(minute: int) -> int:
    return minute - minute % BAND_MINUTES
