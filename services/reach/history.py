"""Who was rung when and picked up, read for `estimate`."""

from collections.abc import Collection
from datetime import date, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Float, Integer, Select, any_, case, cast, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY

from services.models import SPOKEN, OutcomeKind, PhoneCall
from services.reach.tallies import BUSY, HALF_LIFE_DAYS, TELLING, History, Hour, Tally
from services.work import Transaction

LATEST = 20_000
"""So many calls, the latest, tell everybody's pattern."""

REMEMBERED = timedelta(days=365)


Made = Select[int, date | None, time | None, str | None]


async def load_histories(tx: Transaction, therapist_ids: Collection[int]) -> dict[int, History]:
    """Return the calls made to each of some therapists within a year: one statement for all."""
    wanted = literal(list(therapist_ids), ARRAY(Integer))
    return await _tallies(tx, _made(tx).where(PhoneCall.therapist_id == any_(wanted)))


async def load_latest_histories(tx: Transaction) -> dict[int, History]:
    """Return the latest calls made to anybody within a year, `LATEST` at most."""
    return await _tallies(tx, _made(tx).order_by(PhoneCall.tatsaechliches_datum.desc()).limit(LATEST))


def _made(tx: Transaction) -> Made:
    return select(
        PhoneCall.therapist_id,
        PhoneCall.tatsaechliches_datum.label("day"),
        PhoneCall.tatsaechliche_zeit.label("at"),
        PhoneCall.ergebnis_art.label("art"),
    ).where(
        PhoneCall.ergebnis_art.in_(TELLING),
        PhoneCall.tatsaechliches_datum > tx.today - REMEMBERED,
        PhoneCall.tatsaechliche_zeit.is_not(None),
    )


async def _tallies(tx: Transaction, made: Made) -> dict[int, History]:
    call = made.subquery().c
    hour = (call.therapist_id, _part("isodow", call.day) - 1, _part("hour", call.at))
    reached, busy = call.art.in_(SPOKEN), call.art == OutcomeKind.BUSY
    age = cast(func.greatest(literal(tx.today) - call.day, 0), Float)
    counts = func.power(literal(0.5, Float), age / HALF_LIFE_DAYS)
    says = case((reached, 1.0), (busy, BUSY), else_=0.0)
    sums = (
        func.count(),
        func.count().filter(reached),
        func.count().filter(busy),
        func.sum(counts),
        func.sum(counts * says),
    )
    histories: dict[int, dict[Hour, Tally]] = {}
    for therapist_id, weekday, at, *tally in await tx.session.execute(select(*hour, *sums).group_by(*hour)):
        histories.setdefault(therapist_id, {})[Hour(weekday, at)] = Tally(*tally)
    return dict(histories)


def _part(name: str, of: ColumnElement[Any]) -> ColumnElement[int]:
    return cast(func.date_part(name, of), Integer)
