"""The outbox: what the relay takes from it and notes in it, and what the *System* page shows of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    BindParameter,
    ColumnElement,
    Row,
    all_,
    and_,
    any_,
    case,
    delete,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from services.hints import OUTBOX
from services.models import OutboxEvent
from services.work import Action, Transaction, Work
from shared.backoff import Backoff

RETRY = Backoff.of_seconds(1, 60)
LONGEST_ERROR = 500
SHOWN = 100
PRUNED_AT_ONCE = 1000


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


async def outbox_overview(tx: Transaction) -> OutboxOverview:
    """Return what is waiting and what was set aside."""
    waiting = _waiting(OutboxEvent)
    late = and_(waiting, OutboxEvent.available_at <= tx.now)
    since = case((OutboxEvent.attempts > 0, OutboxEvent.created_at), else_=OutboxEvent.available_at)
    of_the_waiting = select(func.count(), func.min(since).filter(late)).where(waiting).subquery()
    put_aside = and_(OutboxEvent.published_at.is_(None), OutboxEvent.set_aside_at.is_not(None))
    of_those_aside = select(func.count()).where(put_aside).scalar_subquery()
    found: Any = (await tx.session.execute(select(*of_the_waiting.c, of_those_aside))).one()
    count, oldest, set_aside = found
    shown = await tx.session.scalars(
        select(OutboxEvent).where(OutboxEvent.set_aside_at.is_not(None)).order_by(OutboxEvent.id).limit(SHOWN)
    )
    return OutboxOverview(
        waiting=count,
        oldest_seconds=(tx.now - oldest).total_seconds() if oldest else 0.0,
        set_aside_count=set_aside,
        set_aside=list(shown),
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


async def due_events(
    connection: AsyncConnection, now: datetime, limit: int, *, under_way: Sequence[int]
) -> Sequence[Row[Any]]:
    """Return events that may go out together: of every key at most one, its first waiting.

    Those under way still count as waiting, so of their keys there is none. One that is just being taken back
    is passed over.
    """
    earlier = aliased(OutboxEvent)
    first_of_key = ~(
        select(earlier.id)
        .where(earlier.key == OutboxEvent.key, earlier.id < OutboxEvent.id, _waiting(earlier))
        .exists()
    )
    rows = await connection.execute(
        select(*OutboxEvent.__table__.columns)
        .where(
            _waiting(OutboxEvent),
            OutboxEvent.available_at <= now,
            OutboxEvent.id != all_(_ids(under_way)),
            first_of_key,
        )
        .order_by(OutboxEvent.id)
        .limit(limit)
        .with_for_update(key_share=True, read=True, skip_locked=True, of=OutboxEvent)
    )
    return rows.all()


async def mark_published(connection: AsyncConnection, ids: Sequence[int], now: datetime) -> None:
    """Note that events are acknowledged by the cluster."""
    if ids:
        await connection.execute(
            update(OutboxEvent)
            .where(OutboxEvent.id == any_(_ids(ids)))
            .values(published_at=now, last_error=None)
        )


async def note_refusal(
    connection: AsyncConnection, event: Row[Any], reason: str, *, now: datetime, max_attempts: int
) -> bool:
    """Count an attempt with an event that can't be sent, and set it aside at the last.

    Returns:
        Whether it was set aside.
    """
    attempts = event.attempts + 1
    set_aside = attempts >= max_attempts
    await connection.execute(
        update(OutboxEvent)
        .where(OutboxEvent.id == event.id)
        .values(
            attempts=attempts,
            last_error=reason[:LONGEST_ERROR],
            available_at=now + RETRY.wait(attempts),
            set_aside_at=now if set_aside else None,
        )
    )
    return set_aside


async def prune_published(connection: AsyncConnection, before: datetime) -> bool:
    """Delete some events published before an instant; answers whether there may be more."""
    old = (
        select(OutboxEvent.id)
        .where(OutboxEvent.published_at < before)
        .order_by(OutboxEvent.published_at)
        .limit(PRUNED_AT_ONCE)
    )
    deleted = await connection.execute(delete(OutboxEvent).where(OutboxEvent.id.in_(old)))
    return deleted.rowcount >= PRUNED_AT_ONCE


def _waiting(event: type[OutboxEvent]) -> ColumnElement[bool]:
    return and_(event.published_at.is_(None), event.set_aside_at.is_(None))


def _ids(ids: Sequence[int]) -> BindParameter[Sequence[int]]:
    return literal(ids, ARRAY(BigInteger))
