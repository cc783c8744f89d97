"""Whoever was just rung in vain is left alone for a while, whatever other calls to them are open.

They are rung again when the next attempt is due. Without one: after a busy line in half an hour, after a
wrong number not today, otherwise when the phone hours that were open then are over.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Date, Integer, Select, any_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on
from sqlalchemy.orm import aliased

from services.calls.next_attempt import BUSY_WAIT, hours_over
from services.hours.reading import Availability
from services.models import CallStatus, OutcomeKind, PhoneCall
from services.rules import DeskRules
from services.work import Moment, Transaction
from shared.plain_rows import PlainQuery

Rung = tuple[str, time, date | None, time | None]
"""How a call ended and when it was made, and for when the next attempt is planned."""


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


def miss_of(today: date, rules: DeskRules, rung: Rung) -> Miss:
    """Read what `load_rung_in_vain` gave for a therapist."""
    art, at, again_on, again_at = rung
    instant = rules.instant
    return Miss(instant(today, at), art, instant(again_on, again_at) if again_on and again_at else None)


async def load_rung_in_vain(tx: Transaction) -> dict[int, Rung]:
    """Return, of therapists whose last call of today reached nobody, that call, for `miss_of`."""
    return await _load(tx, OF_ALL)


async def load_rung_in_vain_of(tx: Transaction, therapist_ids: Collection[int]) -> dict[int, Rung]:
    """Return those of some therapists."""
    return await _load(tx, OF_SOME, some=list(therapist_ids))


async def _load(tx: Transaction, query: PlainQuery, **some: object) -> dict[int, Rung]:
    rows = await tx.rows(query, today=tx.today, **some)
    return {therapist_id: tuple(rung) for therapist_id, *rung in rows}


def _in_vain(*which: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    rung = (
        select(
            PhoneCall.id,
            PhoneCall.therapist_id,
            PhoneCall.status,
            PhoneCall.ergebnis_art,
            PhoneCall.tatsaechliche_zeit,
        )
        .ext(distinct_on(PhoneCall.therapist_id))
        .where(
            PhoneCall.status != CallStatus.SCHEDULED,
            PhoneCall.tatsaechliches_datum == bindparam("today", type_=Date),
            PhoneCall.tatsaechliche_zeit.is_not(None),
            *which,
        )
        .order_by(PhoneCall.therapist_id, PhoneCall.abgeschlossen_at.desc(), PhoneCall.id.desc())
        .subquery()
    )
    last, again = rung.c, aliased(PhoneCall)
    return (
        select(
            last.therapist_id,
            last.ergebnis_art,
            last.tatsaechliche_zeit,
            again.geplantes_datum,
            again.geplante_zeit,
        )
        .outerjoin(again, (again.vorheriger_anruf_id == last.id) & (again.status == CallStatus.SCHEDULED))
        .where(last.status == CallStatus.FAILED)
    )


OF_ALL = PlainQuery(_in_vain())
OF_SOME = PlainQuery(_in_vain(PhoneCall.therapist_id == any_(bindparam("some", type_=ARRAY(Integer)))))
