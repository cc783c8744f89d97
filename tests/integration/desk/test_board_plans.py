"""Plans of a board's queries are kept, so they have to be right without knowing any value."""

import re
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.calls import due_calls, rests
from services.conversations.matters import COUNTED, SETTLED
from services.desk import closed_calls, saved
from services.models import SCHEMA
from services.reach.patterns import PATTERN_AND_MADE
from shared.plain_rows import PlainQuery

NOW, TODAY = datetime(2026, 10, 14, 8, tzinfo=UTC), date(2026, 10, 14)
MOST_CALLS_ARE_OVER = f"""
    INSERT INTO {SCHEMA}.phone_calls (therapist_id, geplantes_datum, geplante_zeit, tatsaechliches_datum,
        tatsaechliche_zeit, status, ergebnis_art, abgeschlossen_at)
    SELECT 1 + n % 500, day, time '10:00', day, time '10:00', 'failed', 'nicht_erreicht', day + time '10:00'
    FROM generate_series(1, 20000) AS n, LATERAL (SELECT date '2026-10-14' - n % 200 AS day) AS made
"""
QUERIES: dict[str, tuple[PlainQuery, dict[str, object]]] = {
    "open calls": (due_calls.OF_ALL, {"today": TODAY}),
    "some open calls": (due_calls.WHOLE, {"today": TODAY, "some": [1]}),
    "rung in vain": (rests.OF_ALL, {"today": TODAY}),
    "closed calls": (closed_calls.SHOWN, {"midnight": NOW, "end": NOW, "now": NOW, "most": 50}),
    "calls made": (PATTERN_AND_MADE, {"first": 0, "wanted": [1]}),
    "matters": (COUNTED, {"some": [1], "today": TODAY}),
    "what was saved": (saved.SAVED, {"call_id": 1, "now": NOW}),
    "what it settled": (SETTLED, {"calls": [1], "art": "erreicht"}),
}


@pytest.mark.parametrize("name", QUERIES)
async def test_no_query_reads_all_calls(session: AsyncSession, name: str):
    query, values = QUERIES[name]
    statement, *arguments = query.asked(**values)
    async with session.begin() as transaction:
        await session.execute(text(MOST_CALLS_ARE_OVER))
        await session.execute(text(f"ANALYZE {SCHEMA}.phone_calls"))
        await session.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
        await session.execute(text(f"PREPARE planned AS {statement}"))
        unknown = ", ".join(["NULL"] * len(arguments))
        plan = "\n".join(await session.scalars(text(f"EXPLAIN EXECUTE planned({unknown})")))
        await session.execute(text("DEALLOCATE planned"))
        await transaction.rollback()
    assert re.search(r"Scan (using|on) \w+", plan)
    assert "Seq Scan on phone_calls" not in plan
