"""The week as a grid: who can be reached when, and which calls are planned."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from typing import Any

from sqlalchemy import Date, Select, Text, bindparam, cast, select

from services.calls.locking import check_scheduled
from services.errors import FieldError
from services.hours.reading import Availability, parse_json
from services.hours.windows import minute_of_day
from services.models import CallStatus, PhoneCall, Therapist
from services.models.therapists import display_name, short_name
from services.rules import DeskRules
from services.scheduling.calendar import Unschedulable, find_next, free_slots_of_day
from services.scheduling.phone_hours import day_windows, is_holiday
from services.scheduling.slots import Slot
from services.work import Work

MOST_CALLS = 2_000
SATURDAY = 5

HoursOfSome = tuple[Availability, int]
"""Phone hours, and how many therapists have these."""


@dataclass(frozen=True, slots=True)
class WeekCall:
    """A call as the grid shows it."""

    id: int
    version: int
    name: str | None
    short_name: str | None
    day: date
    at: time
    status: str
    ergebnis_art: str | None

    @property
    def movable(self) -> bool:
        """Whether the call is still to be made."""
        return self.status == CallStatus.SCHEDULED


@dataclass(frozen=True, slots=True)
class Cell:
    """An hour of a day: how many of the week's therapists can be reached in it, and the calls planned."""

    hour: int
    reachable: int
    calls: list[WeekCall]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show."""
        return not self.reachable and not self.calls


@dataclass(frozen=True, slots=True)
class WeekDay:
    """A day of the grid; `holiday_in` are the states with a public holiday, of the practices and the desk.

    `everywhere` says that it is one in all of them.
    """

    day: date
    holiday_in: list[str]
    everywhere: bool
    cells: list[Cell]


@dataclass(frozen=True, slots=True)
class Week:
    """Seven days from a Monday; `hours` are the rows."""

    monday: date
    hours: list[int]
    days: list[WeekDay]
    total: int

    @property
    def most_reachable(self) -> int:
        """The largest number of therapists reachable in one hour."""
        return max((cell.reachable for day in self.days for cell in day.cells), default=0)

    def call(self, call_id: int | None) -> WeekCall | None:
        """Return a call of this week."""
        calls = (call for day in self.days for cell in day.cells for call in cell.calls)
        return next((call for call in calls if call.id == call_id), None)


def monday_of(day: date) -> date:
    """Return the Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def _planned() -> Select[*tuple[Any, ...]]:
    return (
        select(
            PhoneCall.id,
            PhoneCall.version,
            PhoneCall.geplantes_datum,
            PhoneCall.geplante_zeit,
            PhoneCall.status,
            PhoneCall.ergebnis_art,
            PhoneCall.therapist_id,
            Therapist.titel,
            Therapist.vorname,
            Therapist.nachname,
            cast(Therapist.telefonische_erreichbarkeit, Text),
            Therapist.plz,
            Therapist.wieder_da_am,
        )
        .outerjoin(Therapist, Therapist.id == PhoneCall.therapist_id)
        .where(
            PhoneCall.geplantes_datum.between(
                bindparam("monday", type_=Date), bindparam("sunday", type_=Date)
            ),
            PhoneCall.status != CallStatus.CANCELED,
        )
        .order_by(PhoneCall.geplantes_datum, PhoneCall.geplante_zeit, PhoneCall.id)
        .limit(MOST_CALLS)
    )


PLANNED = _planned()


async def load_week(work: Work, monday: date) -> Week:
    """Return the week that begins at `monday`: one query."""
    calls: list[WeekCall] = []
    hours: dict[int, tuple[Any, ...]] = {}
    async with work.transaction() as tx:
        connection = await tx.session.connection()
        of_the_week = {"monday": monday, "sunday": monday + timedelta(days=6)}
        rows = await connection.execute(PLANNED, of_the_week)
        for number, version, day, at, status, art, therapist_id, titel, vorname, nachname, *known in rows:
            name, short = display_name(titel, vorname, nachname), short_name(vorname, nachname)
            calls.append(WeekCall(number, version, name, short, day, at, status, art))
            hours[therapist_id] = tuple(known)
    alike = Counter(hours.values())
    return arrange_week(
        calls, [(parse_json(*known), count) for known, count in alike.items()], monday, work.rules
    )


def arrange_week(
    calls: Sequence[WeekCall], therapists: Sequence[HoursOfSome], monday: date, rules: DeskRules
) -> Week:
    """Put calls and phone hours into the grid; Saturday and Sunday only when something is planned."""
    planned = {call.at.hour for call in calls}
    first = min([_hours(rules.desk_hours)[0], *planned])
    last = max([_hours(rules.desk_hours)[-1], *planned])
    hours = list(range(first, last + 1))
    by_hour: defaultdict[tuple[date, int], list[WeekCall]] = defaultdict(list)
    for call in calls:
        by_hour[call.day, call.at.hour].append(call)
    busy = {day for day, _ in by_hour}
    states = {rules.holiday_state}.union(*(availability.states for availability, _ in therapists))
    days: list[WeekDay] = []
    for day in (monday + timedelta(days=n) for n in range(7)):
        if day.weekday() < SATURDAY or day in busy:
            reachable = _reachable(day, therapists, rules)
            cells = [Cell(hour, reachable[hour], by_hour.get((day, hour), [])) for hour in hours]
            holiday_in = sorted(state for state in states if is_holiday(day, state))
            days.append(WeekDay(day, holiday_in, len(holiday_in) == len(states), cells))
    return _without_empty_edges(Week(monday, hours, days, len(calls)))


def _without_empty_edges(week: Week) -> Week:
    """Leave out the hours before and after anything happens."""
    busy = [row for row in range(len(week.hours)) if any(not day.cells[row].empty for day in week.days)] or [
        0,
        len(week.hours) - 1,
    ]
    rows = slice(busy[0], busy[-1] + 1)
    days = [replace(day, cells=day.cells[rows]) for day in week.days]
    return Week(week.monday, week.hours[rows], days, week.total)


def _reachable(day: date, therapists: Iterable[HoursOfSome], rules: DeskRules) -> Counter[int]:
    """Return how many therapists can be reached in which hour of a day."""
    reachable: Counter[int] = Counter()
    for availability, count in therapists:
        windows = day_windows(availability, day, rules)
        for hour in {hour for window in windows for hour in _hours(window)}:
            reachable[hour] += count
    return reachable


def _hours(window: tuple[time, time]) -> range:
    """Return the hours of the day a stretch of time touches."""
    start, end = window
    return range(start.hour, -(-minute_of_day(end) // 60))


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
