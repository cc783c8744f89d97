"""How fast a call finds the next free slot and is booked, and whether that depends on how much is booked.

`python -m benchmarks.scheduling [--quick] [--repetitions N]`. PostgreSQL has its durable defaults.
"""

import asyncio
import statistics
import time as clock
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import uvloop
from sqlalchemy import delete, insert, text
from sqlalchemy.dialects import postgresql

from benchmarks.harness import bench_settings, migrated_database, percentiles, read_arguments
from benchmarks.verdict import report
from services.calls.booked_together import BookedTogether
from services.calls.planning import NewCall
from services.calls.requested import request_call
from services.models import PhoneCall, Therapist
from services.rules import DeskRules
from services.scheduling.calendar import busy_query, find_next
from services.scheduling.phone_hours import Interval
from services.therapists.directory import TherapistDirectory
from services.work import API, Workplace
from shared.config import Settings
from shared.database import SessionFactory, create_engine, create_session_factory
from shared.direct_connection import DirectConnection
from shared.notifications import Notifier
from tests.work import tx_of

NOW = datetime(2026, 10, 14, 6, 0, tzinfo=UTC)
TODAY = date(2026, 10, 14)
LINES = 40
THERAPISTS = 2_000
HOURS = {day: ["09:00-12:00", "14:00-16:00"] for day in ("mo", "di", "mi", "do", "fr")}


async def fill(sessions: SessionFactory, calls: int) -> None:
    """Book calls on every line from this morning on, nine of ten slots taken whatever the number."""
    rows: list[dict[str, object]] = []
    for number in range(calls * 10 // 9):
        slot, line = divmod(number, LINES)
        if (slot + line) % 10 == 0:
            continue
        day, step = divmod(slot, 120)
        start = datetime.combine(TODAY + timedelta(days=day), time(8)) + timedelta(minutes=5 * step)
        rows.append(
            {
                "therapist_id": THERAPISTS + 1 + number % 30_000,
                "geplantes_datum": start.date(),
                "geplante_zeit": start.time(),
                "leitung": line + 1,
            }
        )
    async with sessions() as session, session.begin():
        await session.execute(text("TRUNCATE communication_service.phone_calls CASCADE"))
        for first in range(0, len(rows), 1_000):
            await session.execute(insert(PhoneCall), rows[first : first + 1_000])
    async with sessions() as session:
        connection = await session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
        await connection.execute(text("VACUUM ANALYZE communication_service.phone_calls"))
        await connection.execute(text("CHECKPOINT"))


async def free_what_was_booked(sessions: SessionFactory) -> None:
    """Let every measurement begin with the same free times: the fewer there are, the longer the search."""
    async with sessions() as session, session.begin():
        await session.execute(delete(PhoneCall).where(PhoneCall.therapist_id <= THERAPISTS))


async def prepare(sessions: SessionFactory) -> None:
    async with sessions() as session, session.begin():
        await session.execute(
            insert(Therapist),
            [
                {
                    "id": number,
                    "vorname": "Eva",
                    "nachname": f"Muster {number}",
                    "telefonische_erreichbarkeit": HOURS,
                    "abgerufen_at": NOW,
                }
                for number in range(1, THERAPISTS + 1)
            ],
        )


async def timed(clients: int, total: int, work: Callable[[int], Awaitable[object]]) -> list[float]:
    """Do `total` pieces of work with so many clients at once; return how long each took, in seconds."""
    numbers = iter(range(total))
    took: list[float] = []

    async def client() -> None:
        for number in numbers:
            begin = clock.perf_counter()
            await work(number)
            took.append(clock.perf_counter() - begin)

    await asyncio.gather(*(client() for _ in range(clients)))
    return took


def show(name: str, took: list[float], elapsed: float) -> None:
    print(f"{name:40} {len(took) / elapsed:6.0f}/s, {percentiles(took, 50, 99)}")


async def measure(name: str, clients: int, total: int, work: Callable[[int], Awaitable[object]]) -> float:
    await timed(1, min(20, total), work)
    begin = clock.perf_counter()
    took = await timed(clients, total, work)
    show(name, took, clock.perf_counter() - begin)
    return statistics.median(took)


async def explain(sessions: SessionFactory) -> None:
    stretch = Interval(datetime.combine(TODAY, time(9)), datetime.combine(TODAY, time(9, 35)))
    query = busy_query(stretch).compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})
    async with sessions() as session:
        for (line,) in await session.execute(text(f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) {query}")):
            print("   ", line)


async def run(config: Settings, total: int) -> None:
    engine = create_engine(config, application_name="benchmark")
    sessions = create_session_factory(engine)
    rules = replace(DeskRules.from_settings(config), lines=LINES, duration_minutes=5)
    directory = TherapistDirectory(config, client=None)  # pyright: ignore[reportArgumentType]
    together = BookedTogether(
        DirectConnection(config.get_database_url(), application_name="benchmark"),
        fresh_for=directory.ttl,
        notifier=Notifier(config.get_database_url()),
    )
    workplace = Workplace(sessions=sessions, clock=lambda: NOW, rules=rules)
    await prepare(sessions)

    async def find(number: int) -> None:
        async with sessions() as session, session.begin():
            therapist = await session.get_one(Therapist, 1 + number % THERAPISTS)
            await find_next(tx_of(session, now=NOW, rules=rules), therapist)

    async def book(number: int) -> None:
        new = NewCall(therapist_id=1 + number % THERAPISTS)
        await request_call(workplace, new, actor=API, together=together, directory=directory)

    medians: dict[int, float] = {}
    for booked in (1_000, 100_000, 50_000):
        await fill(sessions, booked)
        medians[booked] = await measure(f"find the next slot, {booked:,} booked", 1, total, find)
    await explain(sessions)
    ratio = medians[100_000] / medians[1_000]
    report("finding a slot, 100,000 booked beside 1,000", ratio, at_most=1.5)
    for clients in (1, 16):
        await free_what_was_booked(sessions)
        await measure(f"find and book, 50,000 booked, {clients} clients", clients, total, book)
    await together.close()
    await engine.dispose()


def main() -> None:
    chosen = read_arguments(__doc__, repetitions=(500, 100))
    with migrated_database() as url:
        uvloop.run(run(bench_settings(url, db_pool_size=16), chosen.repetitions))


if __name__ == "__main__":
    main()
