"""Outcomes that teach when therapists pick up: some at ten, some at noon; number 1 on Thursdays at noon."""

from collections.abc import Sequence
from datetime import date, time, timedelta

from services.models import CallStatus, OutcomeKind, PhoneCall
from tests.factories import NOW, make_call

WEDNESDAY = date(2026, 10, 14)
THURSDAY = date(2026, 10, 15)
WEEK = timedelta(weeks=1)
CALL = 9_000
OFTEN = 12
"""The therapists whose calls teach that hours differ: half pick up at ten, half at noon."""

HOURS = {"wednesday": "10:00-11:00", "thursday": "10:00-13:00"}
MISSED, MACHINE = OutcomeKind.NOT_REACHED, OutcomeKind.ANSWERING_MACHINE


def made(therapist_id: int, day: date, hour: int, outcomes: Sequence[OutcomeKind]) -> list[PhoneCall]:
    """Return a call a week, in the hour of a weekday, the latest the week before."""
    return [
        make_call(
            therapist_id=therapist_id,
            geplantes_datum=day - (number + 1) * WEEK,
            status=CallStatus.COMPLETED if art == OutcomeKind.REACHED else CallStatus.FAILED,
            ergebnis_art=art,
            tatsaechliches_datum=day - (number + 1) * WEEK,
            tatsaechliche_zeit=time(hour, 20),
            abgeschlossen_at=NOW - WEEK,
        )
        for number, art in enumerate(outcomes)
    ]


def others() -> list[PhoneCall]:
    """Return the calls to therapists with opposite habits: everybody's rates are even, each one's are not."""
    calls: list[PhoneCall] = []
    for number in range(OFTEN):
        reached, missed = [OutcomeKind.REACHED] * 4, [MISSED] * 4
        early, late = (reached, missed) if number % 2 else (missed, reached)
        for day in (WEDNESDAY, THURSDAY):
            calls += made(100 + number, day, 10, early) + made(100 + number, day, 12, late)
    return calls


def own() -> list[PhoneCall]:
    """Return the calls to therapist 1: in vain on Wednesdays at ten, four of five on Thursdays at noon."""
    return [
        *made(1, WEDNESDAY, 10, [MISSED, MACHINE, MISSED]),
        *made(1, THURSDAY, 12, [OutcomeKind.REACHED] * 4 + [OutcomeKind.BUSY]),
    ]
