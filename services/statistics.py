"""How the work goes: e-mails and answers, calls and who was reached, by day, and the hours that pay off."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import Date, cast, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.best_hours import ATTEMPTS, HourRate, load_hours
from services.errors import FieldError, InvalidInput
from services.models import Email, EmailStatus, OutcomeKind, PhoneCall, ReplyKind
from services.rules import DeskRules

LONGEST_DAYS = 366


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
class Statistics:
    """A period's numbers: in sum, by local day without gaps, and by weekday and hour."""

    total: Numbers
    days: dict[date, Numbers]
    hours: list[HourRate]


async def load_statistics(session: AsyncSession, *, first: date, last: date, rules: DeskRules) -> Statistics:
    """Return the numbers from `first` to `last`, both included: three queries.

    Raises:
        InvalidInput: the period is empty or longer than a year.
    """
    length = (last - first).days + 1
    if not 1 <= length <= LONGEST_DAYS:
        raise InvalidInput(FieldError("last", "Choose a period of one day to one year."))
    async with session.begin():
        mails = await _mails(session, first, last, rules)
        calls = await _calls(session, first, last)
        hours = await load_hours(session, first=first, last=last)
    days: dict[date, Numbers] = {}
    for offset in range(length):
        day = first + timedelta(days=offset)
        sent, answered = mails.get(day, (0, 0))
        made, reached = calls.get(day, (0, 0))
        days[day] = Numbers(sent=sent, answered=answered, calls=made, reached=reached)
    return Statistics(_sum(days), days, hours)


def _sum(days: dict[date, Numbers]) -> Numbers:
    every = days.values()
    return Numbers(
        sent=sum(day.sent for day in every),
        answered=sum(day.answered for day in every),
        calls=sum(day.calls for day in every),
        reached=sum(day.reached for day in every),
    )


async def _mails(
    session: AsyncSession, first: date, last: date, rules: DeskRules
) -> dict[date, tuple[int, int]]:
    day = cast(func.timezone(rules.tz.key, Email.sent_at), Date)
    answered = Email.antwort_erhalten & or_(Email.antwort_art.is_(None), Email.antwort_art == ReplyKind.REPLY)
    rows = await session.execute(
        select(day.label("day"), func.count(), func.count().filter(answered))
        .where(
            Email.status == EmailStatus.SENT,
            Email.sent_at >= _midnight(first, rules),
            Email.sent_at < _midnight(last + timedelta(days=1), rules),
        )
        .group_by("day")
    )
    return {on: (sent, replied) for on, sent, replied in rows}


async def _calls(session: AsyncSession, first: date, last: date) -> dict[date, tuple[int, int]]:
    rows = await session.execute(
        select(
            PhoneCall.tatsaechliches_datum,
            func.count(),
            func.count().filter(PhoneCall.ergebnis_art == OutcomeKind.REACHED),
        )
        .where(
            PhoneCall.ergebnis_art.in_(ATTEMPTS),
            PhoneCall.tatsaechliches_datum.between(first, last),
        )
        .group_by(PhoneCall.tatsaechliches_datum)
    )
    return {on: (made, reached) for on, made, reached in rows if on is not None}


def _midnight(day: date, rules: DeskRules) -> datetime:
    return rules.instant(day, time.min)
