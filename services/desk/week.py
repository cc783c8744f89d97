"""The week as a grid: who can be reached when, and which calls are planned."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from typing import Any

from sqlalchemy import Date, Integer, Select, Subquery, Text, bindparam, cast, func, or_, select

from services.hours.reading import Availability, parse_json
from services.hours.windows import minute_of_day
from services.models import CallStatus, PhoneCall, Therapist
from services.models.therapists import display_name, short_name
from services.rules import DeskRules
from services.scheduling.phone_hours import day_windows, is_holiday
from services.work import Work

MOST_CALLS = 2_000
MOST_SHOWN = 12
"""How many calls of an hour are shown."""

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
    """An hour of a day: how many of the week's therapists can be reached in it, and the calls planned.

    `calls` are those that are shown, `planned` is how many there are.
    """

    hour: int
    reachable: int
    calls: list[WeekCall]
    planned: int

    @property
    def further(self) -> int:
        """How many calls are not shown."""
        return self.planned - len(self.calls)

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
        """Return a call of this week that is shown."""
        calls = (call for day in self.days for cell in day.cells for call in cell.calls)
        return next((call for call in calls if call.id == call_id), None)


def monday_of(day: date) -> date:
    """Return the Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def _of_the_week() -> Subquery:
    hour = func.extract("hour", PhoneCall.geplante_zeit)
    return (
        select(
            PhoneCall.id,
            PhoneCall.version,
            PhoneCall.geplantes_datum,
            PhoneCall.geplante_zeit,
            hour.label("hour"),
            PhoneCall.status,
            PhoneCall.ergebnis_art,
            PhoneCall.therapist_id,
        )
        .where(
            PhoneCall.geplantes_datum.between(
                bindparam("monday", type_=Date), bindparam("sunday", type_=Date)
            ),
            PhoneCall.status != CallStatus.CANCELED,
        )
        .order_by(PhoneCall.geplantes_datum, PhoneCall.geplante_zeit, PhoneCall.id)
        .limit(MOST_CALLS)
        .subquery()
    )


def _shown() -> Select[*tuple[Any, ...]]:
    """Return the first calls of each hour, and the one that was moved; names only of these."""
    call = _of_the_week().c
    hour = (call.geplantes_datum, call.hour)
    numbered = select(
        *call,
        func.row_number().over(partition_by=hour, order_by=(call.geplante_zeit, call.id)).label("place"),
        func.count().over(partition_by=hour).label("of_the_hour"),
    ).subquery()
    call = numbered.c
    return (
        select(
            call.id,
            call.version,
            call.geplantes_datum,
            call.geplante_zeit,
            call.status,
            call.ergebnis_art,
            call.of_the_hour,
            Therapist.titel,
            Therapist.vorname,
            Therapist.nachname,
        )
        .select_from(numbered)
        .outerjoin(Therapist, Therapist.id == call.therapist_id)
        .where(or_(call.place <= MOST_SHOWN, call.id == bindparam("moved", type_=Integer)))
        .order_by(call.geplantes_datum, call.geplante_zeit, call.id)
    )


def _hours_of_all() -> Select[*tuple[Any, ...]]:
    hours = (Therapist.telefonische_erreichbarkeit, Therapist.plz, Therapist.wieder_da_am)
    return (
        select(cast(hours[0], Text), *hours[1:], func.count())
        .where(Therapist.id.in_(select(_of_the_week().c.therapist_id)))
        .group_by(*hours)
    )


SHOWN, HOURS = _shown(), _hours_of_all()


async def load_week(work: Work, monday: date, *, moved: int | None = None) -> Week:
    """Return the week that begins at `monday`, with at most `MOST_SHOWN` calls an hour: two queries.

    Args:
        work: who looks, and by which rules.
        monday: its first day.
        moved: a call that is shown in any case if it is of this week.
    """
    of_the_week = {"monday": monday, "sunday": monday + timedelta(days=6)}
    calls: list[WeekCall] = []
    numbers: dict[tuple[date, int], int] = {}
    async with work.transaction() as tx:
        connection = await tx.session.connection()
        rows = await connection.execute(SHOWN, of_the_week | {"moved": moved})
        for number, version, day, at, status, art, of_the_hour, titel, *names in rows:
            name, short = display_name(titel, *names), short_name(*names)
            calls.append(WeekCall(number, version, name, short, day, at, status, art))
            numbers[day, at.hour] = of_the_hour
        alike = await connection.execute(HOURS, of_the_week)
        therapists = [(parse_json(*known), count) for *known, count in alike]
    return arrange_week(calls, numbers, therapists, monday, work.rules)


def arrange_week(
    calls: Sequence[WeekCall],
    numbers: Mapping[tuple[date, int], int],
    therapists: Sequence[HoursOfSome],
    monday: date,
    rules: DeskRules,
) -> Week:
    """Put calls and phone hours into the grid; Saturday and Sunday only when something is planned.

    `numbers` says how many calls there are in an hour of a day, those that are not shown included.
    """
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
            cells = [
                Cell(hour, reachable[hour], by_hour.get((day, hour), []), numbers.get((day, hour), 0))
                for hour in hours
            ]
            holiday_in = sorted(state for state in states if is_holiday(day, state))
            days.append(WeekDay(day, holiday_in, len(holiday_in) == len(states), cells))
    return _without_empty_edges(Week(monday, hours, days, sum(numbers.values())))


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
