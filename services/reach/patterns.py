"""Keeps everybody's pattern: learnt by a worker now and then, read by whoever needs a chance.

All processes so go by the same one, and reading it takes a row, however many calls were made.
"""

import asyncio
from collections.abc import Collection, Mapping
from datetime import date, timedelta
from functools import lru_cache
from math import inf, isinf

import msgspec
import structlog
from sqlalchemy import LargeBinary, Text, cast, func, literal, select, union_all
from sqlalchemy.dialects.postgresql import insert

from services.models import CallPattern
from services.reach.estimate import Chances, Pattern, Strengths
from services.reach.history import (
    MADE_TO_SOME,
    NONE_MADE,
    first_remembered,
    history_of,
    load_latest_histories,
)
from services.reach.learning import learn
from services.reach.tallies import Hour, Tally
from services.work import Transaction, Work, Workplace
from shared.plain_rows import PlainQuery
from shared.supervision import take_turns

EVERY_SECONDS = 300.0

LEARNT_EVERY = timedelta(hours=1)

PATTERN_ID = 1

EVERYBODY = 0
"""Stands for everybody where the id of a therapist stands for what is known of them."""

KEPT = select(
    literal(EVERYBODY), func.convert_to(cast(CallPattern.pattern, Text), "UTF8", type_=LargeBinary)
).where(CallPattern.id == PATTERN_ID)
PATTERN = PlainQuery(KEPT)
PATTERN_AND_MADE = PlainQuery(union_all(KEPT, MADE_TO_SOME))

log = structlog.get_logger(__name__)


class _Kept(msgspec.Struct, frozen=True):
    """A pattern as it stands in the database; a strength of None is infinite."""

    history: list[tuple[Hour, Tally]]
    hours: tuple[float | None, float | None, float | None]
    therapists: tuple[float | None, float | None, float | None]


async def load_chances(tx: Transaction, therapist_ids: Collection[int]) -> Mapping[int, Chances]:
    """Return when each of some therapists picks up: one statement.

    Empty where waiting is switched off, as long as nothing has been learnt, and for nobody.
    """
    if not (tx.rules.longest_wait and therapist_ids):
        return {}
    rows = await tx.rows(PATTERN_AND_MADE, first=first_remembered(tx.today), wanted=list(therapist_ids))
    known: dict[int, bytes] = dict(map(tuple, rows))
    if EVERYBODY not in known:
        return {}
    pattern, today = _pattern(known[EVERYBODY]), tx.today
    return {number: _chances(pattern, known.get(number, NONE_MADE), today) for number in therapist_ids}


async def load_pattern(tx: Transaction) -> Pattern | None:
    """Return what was learnt last; None before that."""
    rows = await tx.rows(PATTERN)
    return _pattern(rows[0][1]) if rows else None


async def learn_pattern(work: Work) -> None:
    """Learn everybody's pattern from the latest calls, and keep it."""
    async with work.transaction() as tx:
        histories = await load_latest_histories(tx)
    pattern = await asyncio.to_thread(learn, histories.values())
    row = {"learnt_at": work.now, "pattern": msgspec.to_builtins(_kept(pattern))}
    async with work.transaction() as tx:
        await tx.session.execute(
            insert(CallPattern)
            .values(id=PATTERN_ID, **row)
            .on_conflict_do_update(index_elements=["id"], set_=row)
        )


class PatternLearning:
    """Learns everybody's pattern in the background; of several workers one is enough."""

    def __init__(self, workplace: Workplace) -> None:
        self._workplace = workplace

    async def run(self) -> None:
        """Learn until cancelled."""
        await take_turns(self.turn, rest_seconds=EVERY_SECONDS)

    async def turn(self) -> None:
        """Learn anew unless that was done within the last hour."""
        async with self._workplace.work() as work:
            if await _is_due(work):
                await learn_pattern(work)
                log.info("call_pattern_learnt")


async def _is_due(work: Work) -> bool:
    async with work.transaction() as tx:
        learnt_at = await tx.session.scalar(select(CallPattern.learnt_at).where(CallPattern.id == PATTERN_ID))
    return bool(work.rules.longest_wait) and (learnt_at is None or learnt_at + LEARNT_EVERY <= work.now)


def _kept(pattern: Pattern) -> _Kept:
    return _Kept(list(pattern.history.items()), _finite(pattern.hours), _finite(pattern.therapists))


@lru_cache(maxsize=2)
def _pattern(text: bytes) -> Pattern:
    kept = msgspec.json.decode(text, type=_Kept)
    return Pattern(dict(kept.history), _strengths(kept.hours), _strengths(kept.therapists))


@lru_cache(maxsize=2_048)
def _chances(pattern: Pattern, made: bytes, today: date) -> Chances:
    """Return the chances of whoever was called so: the same until somebody calls, or a day is over."""
    return Chances(pattern, history_of(made, today))


def _finite(strengths: Strengths) -> tuple[float | None, float | None, float | None]:
    every, hour, weekday = (
        None if isinf(value) else value for value in (strengths.level, strengths.hour, strengths.weekday)
    )
    return every, hour, weekday


def _strengths(kept: tuple[float | None, float | None, float | None]) -> Strengths:
    return Strengths(*(inf if value is None else value for value in kept))
