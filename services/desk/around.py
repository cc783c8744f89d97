"""What stands around the list, in one query: who has whom in hand, the own filter, notes for the shift."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select

from services.calls.hands import HELD, Hands, hands_of
from services.calls.queue_filter import CHOSEN, QueueFilter
from services.shifts.notes import IN_DATE, Note
from services.work import Transaction
from shared.plain_rows import PlainQuery


@dataclass(frozen=True, slots=True)
class Around:
    """What anybody has in hand, what whoever looks wants to see, and what the shifts before have left."""

    hands: Hands
    chosen: QueueFilter
    notes: Sequence[Note]


def _each(rows: Select[*tuple[Any, ...]]) -> Any:
    """Return an array of rows, in their order."""
    return func.array(rows.with_only_columns(func.row(*rows.selected_columns)).scalar_subquery())


ALL = PlainQuery(select(_each(HELD), CHOSEN.scalar_subquery(), _each(IN_DATE)))


async def load_around(tx: Transaction) -> Around:
    """Return all of it; a service has chosen nothing."""
    [(held, kept, notes)] = await tx.rows(ALL, now=tx.now, staff_id=tx.actor.staff_id, today=tx.today)
    return Around(hands_of(held), QueueFilter.of(kept or {}), [Note(*note) for note in notes])
