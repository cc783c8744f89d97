"""What is booked in a stretch of time is found by the index of a constraint that keeps calls apart."""

import re
from datetime import date, datetime, time

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from services.scheduling.calendar import busy_query
from services.scheduling.phone_hours import Interval
from services.scheduling.several import BUSY
from shared.config import Settings
from shared.direct_connection import DirectConnection

WEDNESDAY = date(2026, 10, 14)
STRETCH = Interval(datetime.combine(WEDNESDAY, time(9)), datetime.combine(WEDNESDAY, time(9, 35)))
FOUND = re.compile(r"Index Scan (?:using|on) ex_phone_calls_.*\n\s*Index Cond: \(tsrange\(")
"""How a plan shows that the time is looked up in such an index; `zeitfenster` is inlined."""

BY_TIME = re.compile(r"Index Scan (?:using|on) ex_phone_calls_leitung .*\n\s*Index Cond: \(\(tsrange\(")
"""And how that it is the one which has the time first."""

FILL = """
    INSERT INTO communication_service.phone_calls
        (therapist_id, geplantes_datum, geplante_zeit, dauer_minuten, leitung, status, abgeschlossen_at)
    SELECT n + 1, date '2026-10-14' + n / 1000, time '08:00' + n / 10 % 100 * interval '5 minutes', 5,
        n % 10 + 1, CASE WHEN n % 4 = 0 THEN 'completed' ELSE 'scheduled' END,
        CASE WHEN n % 4 = 0 THEN now() END
    FROM generate_series(0, 3999) AS n
"""


@pytest.fixture
async def filled(session: AsyncSession) -> None:
    async with session.begin():
        await session.execute(text(FILL))
        await session.execute(text("ANALYZE communication_service.phone_calls"))


@pytest.mark.usefixtures("filled")
async def test_a_search_reads_only_the_stretch_it_looks_at(session: AsyncSession):
    query = busy_query(STRETCH).compile(
        dialect=postgresql.dialect(),  # pyright: ignore[reportUnknownMemberType]
        compile_kwargs={"literal_binds": True},
    )
    async with session.begin():
        plan = "\n".join(await session.scalars(text(f"EXPLAIN {query}")))
    assert FOUND.search(plan), plan


@pytest.mark.usefixtures("filled")
async def test_a_group_reads_only_the_stretches_it_looks_at(config: Settings):
    connection = DirectConnection(config.get_database_url(), application_name="test")
    rows = await connection.fetch(f"EXPLAIN {BUSY}", None, [asyncpg.Range(*STRETCH)], [1, 2], None)
    await connection.close()
    plan = "\n".join(row[0] for row in rows)
    assert BY_TIME.search(plan), plan
