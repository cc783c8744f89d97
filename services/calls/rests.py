"""Whoever was just rung in vain is left alone for a while, whatever other calls to them are open.

They are rung again when the next attempt is due. Without one: after a busy line in half an hour, after a
wrong number not today, otherwise when the phone hours that were open then are over.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Date, DateTime, SQLColumnExpression, bindparam, select
from sqlalchemy.orm import aliased
from sqlalchemy.sql.selectable import LateralFromClause

from services.calls.next_attempt import BUSY_WAIT, hours_over
from services.hours.reading import Availability
from services.models import CallStatus, OutcomeKind, PhoneCall
from services.rules import DeskRules
from services.work import Moment

TODAY = bindparam("today", type_=Date)
MIDNIGHT = bindparam("midnight", type_=DateTime(timezone=True))
"""What a statement with `last_rung` is told: the practices' date, and the instant at which it began."""


@dataclass(frozen=True, slots=True)
class Miss:
    """That a therapist was rung in vain at an instant, how that ended, and when they are rung again."""

    at: datetime
    art: str
    again: datetime | None


def rest_after(miss: Miss, availability: Availability, rules: DeskRules) -> datetime:
    """Return until when a therapist is left alone."""
    if miss.again is not None:
        return miss.again
    then = Moment(now=miss.at, rules=rules)
    if miss.art == OutcomeKind.WRONG_NUMBER:
        return rules.instant(then.today + timedelta(days=1), time.min)
    if miss.art == OutcomeKind.BUSY:
        return miss.at + BUSY_WAIT
    return hours_over(then, availability) or miss.at + BUSY_WAIT


def last_rung(therapist_id: SQLColumnExpression[int]) -> LateralFromClause:
    """Select the last call of `TODAY` to a therapist, whatever came of it, for `miss_of`.

    It is looked up for each one by itself: how many there are the planner can't know.
    """
    rung, again = aliased(PhoneCall), aliased(PhoneCall)
    return (
        select(
            rung.status,
            rung.ergebnis_art,
            rung.tatsaechliche_zeit,
            again.geplantes_datum,
            again.geplante_zeit,
        )
        .outerjoin(again, (again.vorheriger_anruf_id == rung.id) & (again.status == CallStatus.SCHEDULED))
        .where(
            rung.therapist_id == therapist_id,
            rung.status != CallStatus.SCHEDULED,
            rung.abgeschlossen_at >= MIDNIGHT,
            rung.tatsaechliches_datum == TODAY,
            rung.tatsaechliche_zeit.is_not(None),
        )
        .order_by(rung.abgeschlossen_at.desc(), rung.id.desc())
        .limit(1)
        .lateral("rung")
    )


def miss_of(today: date, rules: DeskRules, rung: Sequence[Any]) -> Miss | None:
    """Read a row of `last_rung`: None where somebody was reached, or nobody was rung."""
    status, art, at, again_on, again_at = rung
    if status != CallStatus.FAILED:
        return None
    instant = rules.instant
    return Miss(instant(today, at), art, instant(again_on, again_at) if again_on else None)
