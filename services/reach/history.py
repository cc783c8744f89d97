"""Who was rung when and picked up, read for `estimate`.

A call comes from the database as one number (`services.models.calls_made`), for there are many of them, and
those to one therapist as bytes: whoever finds the same bytes has worked out what they say before.
"""

from collections.abc import Collection
from datetime import date, timedelta
from functools import lru_cache
from struct import unpack
from typing import Any

from sqlalchemy import Integer, Select, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from services.models import PhoneCall
from services.models.calls_made import (
    DAY_ZERO,
    ENGAGED,
    HOURS,
    MADE,
    OUTCOMES,
    REACHED,
    TELLS,
    first_made_on,
)
from services.reach.tallies import BUSY, History, Hour, Tally, weight
from services.work import Transaction
from shared.plain_rows import PlainQuery

LATEST = 20_000
"""So many calls, the latest, tell everybody's pattern."""

REMEMBERED = timedelta(days=365)

HEAD_BYTES = 20
"""What comes before the numbers of an array as PostgreSQL sends it; before each comes its length."""

NONE_MADE = bytes(HEAD_BYTES)


async def load_histories(tx: Transaction, therapist_ids: Collection[int]) -> dict[int, History]:
    """Return the calls made to each of some therapists within a year: one statement for all."""
    made = await _load(tx, OF_SOME, wanted=list(therapist_ids))
    return {number: history_of(calls, tx.today) for number, calls in made.items()}


async def load_latest_histories(tx: Transaction) -> dict[int, History]:
    """Return the latest calls made to anybody within a year, `LATEST` at most."""
    made = await _load(tx, OF_ALL)
    return {number: _tallied(calls, tx.today) for number, calls in made.items()}


def first_remembered(today: date) -> int:
    """Return the least that a call's number can be whose call is still remembered."""
    return first_made_on(today - REMEMBERED + timedelta(days=1))


@lru_cache(maxsize=1_024)
def history_of(made: bytes, today: date) -> History:
    """Return calls by hour of the weekday: whoever asks again finds what was worked out before."""
    return _tallied(made, today)


def _tallied(made: bytes, today: date) -> History:
    sums: dict[Hour, list[float]] = {}
    for call in unpack(f">{(len(made) - HEAD_BYTES) // 4}i", made[HEAD_BYTES:])[1::2]:
        rest, outcome = divmod(call, len(OUTCOMES))
        days, hour = divmod(rest, HOURS)
        on = DAY_ZERO + timedelta(days)
        counts = weight((today - on).days)
        tally = sums.setdefault(Hour(on.weekday(), hour), [0, 0, 0, 0.0, 0.0])
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


def _calls() -> Select[int, int]:
    return select(PhoneCall.therapist_id, MADE.label("made")).where(
        TELLS, bindparam("first", type_=Integer) <= MADE
    )


def _by_therapist(calls: Select[int, int]) -> Select[int, Any]:
    call = calls.subquery().c
    made = func.array_send(func.array_agg(call.made, type_=ARRAY(Integer)))
    return select(call.therapist_id, made).group_by(call.therapist_id)


MADE_TO_SOME = _by_therapist(
    _calls().where(PhoneCall.therapist_id == any_(bindparam("wanted", type_=ARRAY(Integer))))
)
"""The calls made to some therapists, for `history_of`; none before the `first`."""

OF_SOME = PlainQuery(MADE_TO_SOME)
OF_ALL = PlainQuery(_by_therapist(_calls().order_by(PhoneCall.tatsaechliches_datum.desc()).limit(LATEST)))


async def _load(tx: Transaction, query: PlainQuery, **wanted: object) -> dict[int, bytes]:
    rows = await tx.rows(query, first=first_remembered(tx.today), **wanted)
    return dict(map(tuple, rows))
