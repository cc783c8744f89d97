"""What the relay takes from the outbox and notes in it, over the connection that holds its lock."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from services.models import SCHEMA
from shared.backoff import Backoff
from shared.postgresql import Connection

RETRY = Backoff.of_seconds(1, 60)
LONGEST_ERROR = 500
PRUNED_AT_ONCE = 1000

WAITING = "{0}.published_at IS NULL AND {0}.set_aside_at IS NULL"

DUE = f"""
    SELECT e.id, e.event_id, e.event_type, e.topic, e.key, e.payload::text, e.created_at, e.available_at,
        e.attempts, e.anfrage_id, e.traceparent
    FROM {SCHEMA}.event_outbox e
    WHERE {WAITING.format("e")} AND e.available_at <= $1 AND e.id NOT IN (SELECT unnest($3::bigint[]))
      AND NOT EXISTS (SELECT FROM {SCHEMA}.event_outbox earlier
        WHERE earlier.key = e.key AND earlier.id < e.id AND {WAITING.format("earlier")})
    ORDER BY e.id LIMIT $2 FOR KEY SHARE OF e SKIP LOCKED
"""  # noqa: S608

PUBLISHED = f"""
    UPDATE {SCHEMA}.event_outbox SET published_at = $2, last_error = NULL WHERE id = ANY($1::bigint[])
"""  # noqa: S608

REFUSED = f"""
    UPDATE {SCHEMA}.event_outbox SET attempts = $2, last_error = $3, available_at = $4, set_aside_at = $5
    WHERE id = $1
"""  # noqa: S608

PRUNE = f"""
    WITH deleted AS (
        DELETE FROM {SCHEMA}.event_outbox WHERE id IN (
            SELECT id FROM {SCHEMA}.event_outbox WHERE published_at < $1 ORDER BY published_at LIMIT $2)
        RETURNING id
    )
    SELECT count(*) FROM deleted
"""  # noqa: S608


class DueEvent(NamedTuple):
    """An event that may go out."""

    id: int
    event_id: UUID
    event_type: str
    topic: str
    key: str
    payload: dict[str, Any]
    created_at: datetime
    available_at: datetime
    attempts: int
    anfrage_id: str | None
    traceparent: str | None


async def due_events(
    connection: Connection, now: datetime, limit: int, *, under_way: Sequence[int]
) -> list[DueEvent]:
    """Return events that may go out together: of every key at most one, its first waiting.

    Those under way still count as waiting, so of their keys there is none. One that is just being taken back
    is passed over.
    """
    rows = await connection.fetch(DUE, now, limit, under_way)
    return [DueEvent(**{**row, "payload": msgspec.json.decode(row["payload"])}) for row in rows]


async def mark_published(connection: Connection, ids: Sequence[int], now: datetime) -> None:
    """Note that events are acknowledged by the cluster."""
    if ids:
        await connection.execute(PUBLISHED, ids, now)


async def note_refusal(
    connection: Connection, event: DueEvent, reason: str, *, now: datetime, max_attempts: int
) -> bool:
    """Count an attempt with an event that can't be sent, and set it aside at the last.

    Returns:
        Whether it was set aside.
    """
    attempts = event.attempts + 1
    set_aside = attempts >= max_attempts
    again_at = now + RETRY.wait(attempts)
    await connection.execute(
        REFUSED, event.id, attempts, reason[:LONGEST_ERROR], again_at, now if set_aside else None
    )
    return set_aside


async def prune_published(connection: Connection, before: datetime) -> bool:
    """Delete some events published before an instant; answers whether there may be more."""
    return await connection.fetchval(PRUNE, before, PRUNED_AT_ONCE) >= PRUNED_AT_ONCE
