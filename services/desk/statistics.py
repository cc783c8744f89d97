"""How the work goes: e-mails and answers, calls and who was reached, by day, and the hours that pay off."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, TypeVar

from sqlalchemy import Date, DateTime, Integer, Select, bindparam, cast, func, or_, select, true
from sqlalchemy.dialects.postgresql import ARRAY

from services.errors import FieldError, InvalidInput
from services.models import SPOKEN, Email, EmailStatus, PhoneCall, ReplyKind
from services.models.calls_made import HOUR_MADE, TELLING
from services.rules import DeskRules
from services.work import Transaction, Work

LONGEST_DAYS = 366

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """Numbers of a day or a period.

    Attributes:
        sent: e-mails sent.
        answered: how many of those have been answered since.
        calls: calls made, wrong numbers left out.
        reached: how many of those reached somebody.
    """

    sent: int = 0
    answered: int = 0
    calls: int = 0
    reached: int = 0

    @property
    def answer_rate(self) -> float | None:
        """Answered out of sent, 0 to 1; None without any sent."""
        return self.answered / self.sent if self.sent else None

    @property
    def reach_rate(self) -> float | None:
        """Reached out of calls, 0 to 1; None without any call."""
        return self.reached / self.calls if self.calls else None


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


@dataclass(frozen=True, slots=True)
class Statistics:
    """A period's numbers: in sum, by local day without gaps, and by weekday and hour."""

    total: Numbers
    days: dict[date, Numbers]
    hours: list[HourRate]


@dataclass(frozen=True, slots=True)
class _CallHour:
    """The calls of one hour of one day; without an hour where only the day is known."""

    day: date
    hour: int | None
    made: int
    reached: int


async def load_statistics(work: Work, *, first: date, last: date) -> Statistics:
    """Return the numbers from `first` to `last`, both included: two queries.

    Raises:
        InvalidInput: the period is empty or longer than a year.
    """
    length = (last - first).days + 1
    if not 1 <= length <= LONGEST_DAYS:
        raise InvalidInput(FieldError("last", "Choose a period of one day to one year."))
    async with work.transaction() as tx:
        mails = await _mails(tx, first, last)
        calls = await _calls_by_hour(tx, first, last)
    by_day = _sums((hour.day, hour) for hour in calls)
    days: dict[date, Numbers] = {}
    for offset in range(length):
        day = first + timedelta(days=offset)
        sent, answered = mails.get(day, (0, 0))
        made, reached = by_day.get(day, (0, 0))
        days[day] = Numbers(sent=sent, answered=answered, calls=made, reached=reached)
    by_weekday = _sums(((hour.day.weekday(), hour.hour), hour) for hour in calls if hour.hour is not None)
    hours = [
        HourRate(weekday, hour, reached, made)
        for (weekday, hour), (made, reached) in sorted(by_weekday.items())
    ]
    return Statistics(_sum(days), days, hours)


def _sum(days: dict[date, Numbers]) -> Numbers:
    every = days.values()
    return Numbers(
        sent=sum(day.sent for day in every),
        answered=sum(day.answered for day in every),
        calls=sum(day.calls for day in every),
        reached=sum(day.reached for day in every),
    )


def _by_midnights() -> Select[*tuple[Any, ...]]:
    """Return the query of the e-mails of each day: from one midnight to the next along the index."""
    starts, ends = (bindparam(name, type_=ARRAY(DateTime(timezone=True))) for name in ("starts", "ends"))
    midnights = func.unnest(starts, ends).table_valued("start", "end", with_ordinality="number")
    day = midnights.render_derived("day")
    answered = Email.antwort_erhalten & or_(Email.antwort_art.is_(None), Email.antwort_art == ReplyKind.REPLY)
    mails = (
        select(func.count().label("sent"), func.count().filter(answered).label("answered"))
        .where(Email.status == EmailStatus.SENT, Email.sent_at >= day.c.start, Email.sent_at < day.c.end)
        .lateral()
    )
    return select(day.c.number, mails.c.sent, mails.c.answered).join_from(day, mails, true())


def _by_hour() -> Select[*tuple[Any, ...]]:
    """Return the query of the calls of each hour; first by outcome, as the index has them in order."""
    day, art = PhoneCall.tatsaechliches_datum, PhoneCall.ergebnis_art
    first, last = bindparam("first", type_=Date), bindparam("last", type_=Date)
    counted = (
        select(day.label("day"), HOUR_MADE.label("hour"), art.label("art"), func.count().label("calls"))
        .where(day.between(first, last))
        .group_by(day, HOUR_MADE, art)
        .subquery()
        .c
    )
    calls = func.sum(cast(counted.calls, Integer))
    made, reached = (calls.filter(counted.art.in_(outcomes)) for outcomes in (TELLING, SPOKEN))
    return (
        select(counted.day, counted.hour, made.label("made"), func.coalesce(reached, 0))
        .group_by(counted.day, counted.hour)
        .having(made > 0)
    )


MAILS, CALLS = _by_midnights(), _by_hour()


async def _mails(tx: Transaction, first: date, last: date) -> dict[date, tuple[int, int]]:
    midnights = [_midnight(first + timedelta(days=n), tx.rules) for n in range((last - first).days + 2)]
    rows = await tx.session.execute(MAILS, {"starts": midnights[:-1], "ends": midnights[1:]})
    return {first + timedelta(days=number - 1): (sent, answered) for number, sent, answered in rows}


async def _calls_by_hour(tx: Transaction, first: date, last: date) -> list[_CallHour]:
    rows = await tx.session.execute(CALLS, {"first": first, "last": last})
    return [_CallHour(*row) for row in rows]


def _sums(hours: Iterable[tuple[K, _CallHour]]) -> dict[K, tuple[int, int]]:
    """Return calls made and people reached under each key."""
    sums: dict[K, tuple[int, int]] = {}
    for key, hour in hours:
        made, reached = sums.get(key, (0, 0))
        sums[key] = (made + hour.made, reached + hour.reached)
    return sums


def _midnight(day: date, rules: DeskRules) -> datetime:
    return rules.instant(day, time.min)
