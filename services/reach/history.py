"""Who was rung when and picked up, read for `estimate`.

A call comes from the database as one number, for there are many of them: how many days ago, at which hour,
and what came of it.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, time, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Date, Integer, Select, any_, bindparam, case, cast, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from services.models import SPOKEN, OutcomeKind, PhoneCall
from services.reach.tallies import BUSY, TELLING, History, Hour, Tally, weight
from services.work import Transaction
from shared.plain_rows import PlainQuery

LATEST = 20_000
"""So many calls, the latest, tell everybody's pattern."""

REMEMBERED = timedelta(days=365)

HOURS = 24

MISSED, ENGAGED, REACHED = OUTCOMES = range(3)
"""What came of a call, as far as it matters here."""

Made = tuple[int, ...]
"""Calls made, each as `(days ago * HOURS + hour) * len(OUTCOMES) + outcome`."""


async def load_histories(tx: Transaction, therapist_ids: Collection[int]) -> dict[int, History]:
    """Return the calls made to each of some therapists within a year: one statement for all."""
    made = await load_made(tx, therapist_ids)
    return {number: history_of(calls, tx.today.weekday()) for number, calls in made.items()}


async def load_latest_histories(tx: Transaction) -> dict[int, History]:
    """Return the latest calls made to anybody within a year, `LATEST` at most."""
    made = await _load(tx, OF_ALL)
    return {number: _tallied(calls, tx.today.weekday()) for number, calls in made.items()}


async def load_made(tx: Transaction, therapist_ids: Collection[int]) -> dict[int, Made]:
    """Return the same for `history_of`: whoever asks again finds what was worked out before."""
    return await _load(tx, OF_SOME, wanted=list(therapist_ids))


@lru_cache(maxsize=1_024)
def history_of(made: Made, today: int) -> History:
    """Return calls by hour of the weekday; `today` is the day of the week (Monday is 0)."""
    return _tallied(made, today)


def _tallied(made: Iterable[int], today: int) -> History:
    sums: dict[Hour, list[float]] = {}
    for call in made:
        rest, outcome = divmod(call, len(OUTCOMES))
        days_ago, hour = divmod(rest, HOURS)
        counts = weight(days_ago)
        tally = sums.setdefault(Hour((today - days_ago) % 7, hour), [0, 0, 0, 0.0, 0.0])
        tally[0] += 1
        tally[3] += counts
        if outcome == REACHED:
            tally[1] += 1
            tally[4] += counts
        elif outcome == ENGAGED:
            tally[2] += 1
            tally[4] += counts * BUSY
    return {
        hour: Tally(int(attempts), int(reached), int(busy), *weights)
        for hour, (attempts, reached, busy, *weights) in sums.items()
    }


def _calls() -> Select[int, date | None, time | None, str | None]:
    return select(
        PhoneCall.therapist_id,
        PhoneCall.tatsaechliches_datum.label("day"),
        PhoneCall.tatsaechliche_zeit.label("at"),
        PhoneCall.ergebnis_art.label("art"),
    ).where(
        PhoneCall.ergebnis_art.in_(TELLING),
        PhoneCall.tatsaechliches_datum > bindparam("since", type_=Date),
        PhoneCall.tatsaechliche_zeit.is_not(None),
    )


def _made(calls: Select[int, date | None, time | None, str | None]) -> Select[Any, Sequence[int]]:
    call = calls.subquery().c
    days_ago: ColumnElement[Any] = bindparam("today", type_=Date) - call.day
    hour = cast(func.date_part("hour", call.at), Integer)
    outcome = case((call.art.in_(SPOKEN), REACHED), (call.art == OutcomeKind.BUSY, ENGAGED), else_=MISSED)
    made = func.array_agg((days_ago * HOURS + hour) * len(OUTCOMES) + outcome, type_=ARRAY(Integer))
    return select(call.therapist_id, made).group_by(call.therapist_id)


OF_SOME = PlainQuery(
    _made(_calls().where(PhoneCall.therapist_id == any_(bindparam("wanted", type_=ARRAY(Integer)))))
)
OF_ALL = PlainQuery(_made(_calls().order_by(PhoneCall.tatsaechliches_datum.desc()).limit(LATEST)))


async def _load(tx: Transaction, query: PlainQuery, **wanted: object) -> dict[int, Made]:
    rows = await tx.rows(query, today=tx.today, since=tx.today - REMEMBERED, **wanted)
    return {therapist_id: tuple(made) for therapist_id, made in rows}
