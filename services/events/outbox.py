"""What operators see of the outbox and do with what was set aside."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import DateTime, Select, and_, bindparam, case, func, select, update

from services.hints import OUTBOX
from services.models import OutboxEvent
from services.work import Action, Transaction, Work

SHOWN = 100


@dataclass(frozen=True, slots=True)
class OutboxOverview:
    """The state of the outbox at one instant.

    Attributes:
        waiting: events not yet published, those still held back for undo included.
        oldest_seconds: since when the oldest event that may go out has been waiting; 0 when none is.
        set_aside_count: events refused too often.
        set_aside: the first of them, oldest first.
    """

    waiting: int
    oldest_seconds: float
    set_aside_count: int
    set_aside: list[OutboxEvent]


def _numbers() -> Select[*tuple[Any, ...]]:
    waiting = and_(OutboxEvent.published_at.is_(None), OutboxEvent.set_aside_at.is_(None))
    late = and_(waiting, OutboxEvent.available_at <= bindparam("now", type_=DateTime(timezone=True)))
    since = case((OutboxEvent.attempts > 0, OutboxEvent.created_at), else_=OutboxEvent.available_at)
    of_the_waiting = select(func.count(), func.min(since).filter(late)).where(waiting).subquery()
    put_aside = and_(OutboxEvent.published_at.is_(None), OutboxEvent.set_aside_at.is_not(None))
    of_those_aside = select(func.count()).where(put_aside).scalar_subquery()
    return select(*of_the_waiting.c, of_those_aside)


NUMBERS = _numbers()
ASIDE = select(OutboxEvent).where(OutboxEvent.set_aside_at.is_not(None)).order_by(OutboxEvent.id).limit(SHOWN)


async def outbox_overview(tx: Transaction) -> OutboxOverview:
    """Return what is waiting and what was set aside."""
    found: Any = (await tx.session.execute(NUMBERS, {"now": tx.now})).one()
    count, oldest, set_aside = found
    return OutboxOverview(
        waiting=count,
        oldest_seconds=(tx.now - oldest).total_seconds() if oldest else 0.0,
        set_aside_count=set_aside,
        set_aside=list(await tx.session.scalars(ASIDE)) if set_aside else [],
    )


async def retry_set_aside(work: Work, ids: Sequence[int]) -> int:
    """Let events that were set aside be tried afresh; later events of their keys may be out already.

    Returns:
        How many there were: ids of others are passed over.
    """
    async with work.transaction() as tx:
        retried = await tx.session.scalars(
            update(OutboxEvent)
            .where(OutboxEvent.id.in_(ids), OutboxEvent.set_aside_at.is_not(None))
            .values(set_aside_at=None, attempts=0, available_at=tx.now)
            .returning(OutboxEvent.id)
        )
        found = sorted(retried)
        for event in found:
            tx.record_id(Action.EVENT_RETRIED, OutboxEvent, event)
        tx.wake(OUTBOX)
    return len(found)
