"""Whom staff can ring today, and until when: pure rules over the open calls of today and of days before.

What counts is the therapist's phone hours today, not the planned minute: a first call planned for later today
can be made as soon as the therapist answers the phone. A call of a day before is overdue until then. Calls of
days to come are not on the board. A call that can be made now is left for later where another hour is clearly
better (`services.reach.waiting`); whoever wants to can take it all the same.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import NamedTuple

from services.calls.open_call import OpenCall
from services.calls.rests import rest_after
from services.hours.windows import Window, minute_of_day, time_of_day
from services.models import CallReason, PhoneCall
from services.reach.waiting import (
    Ahead,
    BetterHour,
    last_moment,
    openings_until,
    starts_of,
)
from services.rules import DeskRules
from services.scheduling.phone_hours import day_windows
from services.therapists.phone_numbers import dialable
from services.work import Moment

SOON = timedelta(minutes=60)
"""How long before its window opens a call counts as soon."""

AGREED_MINUTES = 30
"""How long a time agreed outside the phone hours stays open for the call."""

DAY_MINUTES = 24 * 60


class Group(StrEnum):
    """Where an open call stands on today's board."""

    REACHABLE_NOW = "reachable_now"
    SOON = "soon"
    LATER = "later"
    OVERDUE = "overdue"
    UNREACHABLE = "unreachable"


class Obstacle(StrEnum):
    """Why a therapist can't be rung at all, or not before the first day back."""

    UNKNOWN = "unknown"
    NO_NUMBER = "no_number"
    DO_NOT_CALL = "do_not_call"
    NO_WINDOW = "no_window"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a call stands at an instant.

    `window` is the one open now, else the day's next; its ends as instants are `opens_at` and `closes_at`.
    With `waits` it could be made now, but is left for a better hour, which begins at `opens_at`.
    `rests_until` says that the therapist was rung in vain and is left alone until then.
    """

    group: Group
    window: Window | None = None
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    obstacle: Obstacle | None = None
    waits: BetterHour | None = None
    rests_until: datetime | None = None


class Standing(NamedTuple):
    """Where a call stands by the phone hours alone, and when it can be made today; never with an obstacle."""

    placement: Placement
    windows: tuple[Window, ...] = ()


def call_windows(call: OpenCall, day: date, rules: DeskRules) -> list[Window]:
    """Return when a call can be made on a day: the phone hours, and a time agreed outside of them.

    A further attempt, a postponed call and a call back agreed wait for their planned time: who was busy a
    minute ago is not rung again at once.
    """
    windows = day_windows(call.availability, day, rules)
    waits = call.versuch > 1 or call.verschoben or call.rueckruf_durch is not None
    if waits and call.geplantes_datum == day:
        planned = call.geplante_zeit
        windows = [
            window if window.start >= planned else Window(planned, window.end)
            for window in windows
            if window.end > planned
        ]
    agreed = agreed_window(call, day, away=call.availability.away(day))
    return sorted([*windows, agreed]) if agreed else windows


def agreed_window(call: OpenCall | PhoneCall, day: date, *, away: bool) -> Window | None:
    """Return the stretch of a day agreed for a call outside the phone hours; None if it is not that day's.

    Of a therapist who is `away` a call back is such a call: they asked for it.
    """
    agreed = call.ausserhalb_erreichbarkeit or (away and call.grund == CallReason.CALL_BACK)
    if not agreed or call.geplantes_datum != day:
        return None
    start = minute_of_day(call.geplante_zeit)
    end = min(start + max(call.dauer_minuten, AGREED_MINUTES), DAY_MINUTES)
    return Window(call.geplante_zeit, time_of_day(end))


def obstacle(call: OpenCall) -> Obstacle | None:
    """Return why a call can't be made on any day, or None."""
    if call.name is None:
        return Obstacle.UNKNOWN
    if call.nicht_anrufen:
        return Obstacle.DO_NOT_CALL
    if not dialable(call.telefon):
        return Obstacle.NO_NUMBER
    if not call.availability.windows and not call.ausserhalb_erreichbarkeit:
        return Obstacle.NO_WINDOW
    return None


def hours_ahead(call: OpenCall, today: date, rules: DeskRules) -> Ahead:
    """Return the hours from today on for which a call may be left."""
    until = last_moment(call.geplantes_datum, rules)
    midnight = datetime.combine(today, time.min)
    return Ahead(tuple(starts_of(openings_until(call.availability, midnight, until, rules))))


def left_for(better: BetterHour, rules: DeskRules) -> Placement:
    """Return where a call stands that could be made now but is left for a better hour ahead."""
    opens_at = rules.instant(better.start.date(), better.start.time())
    return Placement(Group.LATER, opens_at=opens_at, waits=better)


def is_agreed(call: OpenCall, day: date) -> bool:
    """Say whether somebody has agreed on ringing that day, or put the call off until then."""
    if call.verschoben or call.grund == CallReason.CALL_BACK:
        return True
    return agreed_window(call, day, away=call.availability.away(day)) is not None


def stand(moment: Moment, today: date, call: OpenCall) -> Standing:
    """Say where a call stands by the phone hours alone; `today` is the moment's, for whoever places many.

    Overdue: planned before today and not reachable right now, or planned for today and today's last window
    is over. Who is away today is unreachable, but at a time agreed all the same. Whoever was rung in vain
    comes later (`services.calls.rests`).
    """
    reason = obstacle(call)
    if reason is not None:
        return Standing(Placement(Group.UNREACHABLE, obstacle=reason))
    windows = call_windows(call, today, moment.rules)
    return Standing(_by_windows(moment, today, call, windows), tuple(windows))


def _by_windows(moment: Moment, today: date, call: OpenCall, windows: Sequence[Window]) -> Placement:
    now, instant = moment.now, moment.rules.instant
    overdue = call.geplantes_datum < today
    rest = rests_until(moment, call)
    for window in windows:
        closes_at = instant(today, window.end)
        if closes_at <= (rest or now):
            continue
        opens_at = instant(today, window.start)
        if rest is not None and opens_at < rest:
            opens_at, window = rest, Window(moment.rules.local(rest).time(), window.end)
        if opens_at <= now:
            group = Group.REACHABLE_NOW
        elif overdue:
            group = Group.OVERDUE
        else:
            group = Group.SOON if opens_at - now <= SOON else Group.LATER
        return Placement(group, window, opens_at, closes_at, rests_until=rest)
    if not windows and call.availability.away(today):
        return Placement(Group.UNREACHABLE, obstacle=Obstacle.ABSENT)
    if rest is not None and not overdue:
        return Placement(Group.LATER, opens_at=rest, rests_until=rest)
    return Placement(Group.OVERDUE, rests_until=rest)


def changes(call: OpenCall, day: date, rules: DeskRules) -> Iterator[datetime]:
    """Yield every instant, in UTC, at which `stand` may say something else than before on that day."""
    for window in call_windows(call, day, rules):
        opens_at = rules.instant(day, window.start).astimezone(UTC)
        yield from (opens_at - SOON, opens_at, rules.instant(day, window.end).astimezone(UTC))
    rest = _rest(call, rules)
    if rest is not None:
        yield from (rest.astimezone(UTC) - SOON, rest.astimezone(UTC))


def rests_until(moment: Moment, call: OpenCall) -> datetime | None:
    """Return until when a call waits because its therapist was just rung in vain; None if it does not.

    A time agreed for after that counts all the same.
    """
    rest = _rest(call, moment.rules)
    return rest if rest is not None and rest > moment.now else None


def _rest(call: OpenCall, rules: DeskRules) -> datetime | None:
    if call.missed is None:
        return None
    rest = rest_after(call.missed, call.availability, rules)
    planned = rules.instant(call.geplantes_datum, call.geplante_zeit)
    agreed = call.ausserhalb_erreichbarkeit or call.grund == CallReason.CALL_BACK
    return min(rest, planned) if agreed and planned > call.missed.at else rest
