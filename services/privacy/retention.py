"""Blanks what is too old, a few rows at a time, beside everything else that goes on."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import func, select, true, tuple_

from services.privacy.classes import DataClass, Held, Months, held, months_before
from services.privacy.columns import blank
from services.privacy.erasure import finish_erasures
from services.work import Work, Workplace
from shared.heartbeat import turned
from shared.supervision import take_turns

EVERY_SECONDS = 3_600.0
AT_ONCE = 500
REST_SECONDS = 0.1
"""Between two transactions, so that senders and staff have the database to themselves."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Due:
    """What of a class is too old: how many rows would be blanked, and how many stay because they are needed.

    `months` is 0 where the class is kept for ever; then nothing is too old.
    """

    data_class: DataClass
    months: int
    goes: int
    stays: int


class Retention:
    """Blanks what is too old at intervals; several at once do no harm."""

    def __init__(self, workplace: Workplace, months: Months, *, rest_seconds: float = REST_SECONDS) -> None:
        self._workplace = workplace
        self._months = months
        self._rest = rest_seconds

    async def run(self) -> None:
        """Say what is set, and blank until cancelled."""
        if any(self._months.values()):
            log.info("retention_set", **_named(self._months))
        else:
            log.warning("retention_off", reason="RETENTION_..._MONTHS are 0: nothing personal ever goes")
        await take_turns(self.turn, rest_seconds=EVERY_SECONDS)

    async def turn(self) -> dict[DataClass, int]:
        """Blank all that is due now; return how many rows of each class."""
        async with self._workplace.work() as work:
            await finish_erasures(work)
            done = await blank_too_old(work, self._months, rest_seconds=self._rest)
        if any(done.values()):
            log.info("blanked", **_named(done))
        return done


async def blank_too_old(
    work: Work, months: Months, *, rest_seconds: float = REST_SECONDS
) -> dict[DataClass, int]:
    """Blank all that is due now, some rows a transaction; return how many of each class."""
    return {each: await _blank_class(work, each, months[each], rest_seconds) for each in DataClass}


async def _blank_class(work: Work, data_class: DataClass, months: int, rest_seconds: float) -> int:
    if not months:
        return 0
    rows, before = held(data_class, work), months_before(work.now, months)
    count, last = 0, None
    while True:
        turned()
        picked = await _blank_some(work, rows, before, last)
        count += len(picked)
        if len(picked) < AT_ONCE:
            return count
        last = picked[-1]
        await asyncio.sleep(rest_seconds)


def _named(figures: Months) -> dict[str, int]:
    return {data_class.value: figure for data_class, figure in figures.items()}


async def look_ahead(work: Work, months: Months) -> list[Due]:
    """Return of each class what would be blanked now; nothing is."""
    found: list[Due] = []
    async with work.transaction() as tx:
        for data_class in DataClass:
            kept_for = months[data_class]
            if not kept_for:
                found.append(Due(data_class, 0, 0, 0))
                continue
            rows, before = held(data_class, tx), months_before(tx.now, kept_for)
            count = select(func.count()).select_from(rows.model)
            goes = await tx.session.scalar(count.where(*rows.due(before))) or 0
            old = await tx.session.scalar(count.where(*rows.too_old(before))) or 0
            found.append(Due(data_class, kept_for, goes, old - goes))
    return found


async def _blank_some(
    work: Work, rows: Held, before: datetime, last: tuple[datetime, int] | None
) -> list[tuple[datetime, int]]:
    """Blank the next rows behind the `last`; what somebody is changing right now is left for another turn."""
    place = tuple_(rows.since, rows.id)
    some = (
        select(rows.since, rows.id)
        .where(*rows.due(before), true() if last is None else place > last)
        .order_by(rows.since, rows.id)
        .limit(AT_ONCE)
        .with_for_update(key_share=True, skip_locked=True)
    )
    async with work.transaction() as tx:
        found = await tx.session.execute(some)
        picked: list[tuple[datetime, int]] = [(since, row_id) for since, row_id in found]
        if picked:
            await blank(tx, rows.model, [row_id for _, row_id in picked])
    return picked
