"""`POST /api/phone-calls` over uvicorn: many at once for few therapists, then as fast as it goes.

Beside it a bare handler does one INSERT into the same table, under the same constraints; they take turns.

`python -m benchmarks.api_calls [--quick] [--requests N] [--rounds N]`.

The API runs as in production, in one process, and asks a
Therapist Service in another for whom it does not know. Bursts send all requests at the same moment; anything
but 201 (booked) and 422 (none free) ends the benchmark. PostgreSQL flushes every commit to the disk.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import count
from statistics import median

import asyncpg
import uvicorn
import uvloop
from litestar import Litestar
from litestar import post as handle_post
from litestar.datastructures import State
from litestar.params import JSONBody
from msgspec import Struct
from sqlalchemy import insert, text

from benchmarks.harness import (
    ServerProcess,
    bench_settings,
    migrated_database,
    percentiles,
    read_arguments,
    running,
    serve_api,
)
from benchmarks.http_load import Load, new_key, post, send
from benchmarks.verdict import report
from services.models import SCHEMA, Therapist
from shared.clock import system_clock
from shared.config import Settings
from shared.database import SessionFactory, create_engine, create_session_factory
from webapp.demo.servers.therapists import create_therapist_service

LINES = 40
BURST = 64
KNOWN = 500
FIRST_UNKNOWN = KNOWN + 1
UNKNOWN = 200
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
HOURS = {day: [{"start": "09:00", "end": "12:00"}, {"start": "14:00", "end": "16:00"}] for day in DAYS}


SLOTS_A_DAY = 120
INSERT = """
    INSERT INTO communication_service.phone_calls (therapist_id, geplantes_datum, geplante_zeit, leitung)
    VALUES ($1, $2, $3, $4) RETURNING id
"""


class Wanted(Struct):
    """What the bare handler is sent."""

    therapist_id: int


@handle_post("/api/phone-calls")
async def insert_row(data: JSONBody[Wanted], state: State) -> dict[str, int]:
    """Insert one row, each into a place of its own."""
    slot, line = divmod(next(state.places), LINES)
    day, step = divmod(slot, SLOTS_A_DAY)
    start = datetime.combine(system_clock().date() + timedelta(days=1 + day), time(8)) + timedelta(
        minutes=5 * step
    )
    call_id = await state.pool.fetchval(INSERT, data.therapist_id, start.date(), start.time(), line + 1)
    return {"id": call_id}


def serve_bare(config: Settings, port: int) -> None:
    dsn = config.get_database_url().set(drivername="postgresql").render_as_string(hide_password=False)

    async def open_pool(app: Litestar) -> None:
        app.state.places = count()
        app.state.pool = await asyncpg.create_pool(dsn, min_size=16, max_size=16)

    app = Litestar([insert_row], on_startup=[open_pool], openapi_config=None)
    uvicorn.run(
        app,
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        server_header=False,
        log_level="warning",
    )


def serve_therapists(port: int) -> None:
    therapists = [
        {"id": number, "vorname": "Eva", "nachname": f"Muster {number}", "telefonische_erreichbarkeit": HOURS}
        for number in range(FIRST_UNKNOWN, FIRST_UNKNOWN + UNKNOWN)
    ]
    uvicorn.run(create_therapist_service(therapists), port=port, log_level="error")


async def add_known_therapists(sessions: SessionFactory) -> None:
    """Store therapists the directory has just been asked about."""
    common = {"vorname": "Eva", "telefonische_erreichbarkeit": HOURS, "abgerufen_at": system_clock()}
    rows = [{"id": number, "nachname": f"Muster {number}", **common} for number in range(1, KNOWN + 1)]
    async with sessions() as session, session.begin():
        await session.execute(insert(Therapist), rows)


async def empty_calendar(sessions: SessionFactory) -> None:
    """Let every round begin alike: the fuller the calendar, the longer the search."""
    async with sessions() as session, session.begin():
        await session.execute(text(f"TRUNCATE {SCHEMA}.phone_calls CASCADE"))


@dataclass(frozen=True)
class Api:
    """The API under load."""

    process: ServerProcess
    key: str

    async def book(self, therapists: list[int], *, clients: int) -> Load:
        requests = [post("/api/phone-calls", {"therapist_id": one}, self.key) for one in therapists]
        load = await send(self.process.port, requests, clients=clients)
        load.check(201, 422)
        return load


async def bursts(api: Api) -> None:
    answered = 0
    for therapists in (1, 50):
        wanted = [FIRST_UNKNOWN + therapists + number % therapists for number in range(BURST)]
        load = await api.book(wanted, clients=BURST)
        answers = ", ".join(f"{count} answered {status}" for status, count in sorted(load.statuses.items()))
        print(
            f"{BURST} at once for {therapists:2} unknown therapists: {answers};"
            f" {load.seconds * 1e3:.0f} ms for all, {percentiles(load.latencies, 50, 99)}"
        )
        answered += load.statuses[201] + load.statuses[422]
    report("bookings at once answered 201 or 422", answered / (2 * BURST) * 100, at_least=100, unit=" %")


async def throughput(api: Api, bare: Api, sessions: SessionFactory, requests: int, rounds: int) -> None:
    ratios: dict[int, list[float]] = {1: [], 16: []}
    booked: dict[int, list[float]] = {1: [], 16: []}
    for server in (api, bare):
        await empty_calendar(sessions)
        await server.book([number + 1 for number in range(KNOWN)], clients=4)
    for number in range(rounds):
        for clients, done in ratios.items():
            wanted = [1 + (number * 37 + index) % KNOWN for index in range(requests)]
            rates: list[float] = []
            for name, server in (("bare INSERT", bare), ("the API", api)):
                await empty_calendar(sessions)
                used = server.process.cpu_seconds()
                load = await server.book(wanted, clients=clients)
                used = server.process.cpu_seconds() - used
                rates.append(load.per_second)
                print(
                    f"round {number + 1}, {clients:2} clients, {name:11}: {load.per_second:5,.0f} booked/s,"
                    f" {percentiles(load.latencies, 50, 99)}, {used / requests * 1e3:.1f} ms processor each"
                )
            done.append(rates[1] / rates[0])
            booked[clients].append(rates[1])
    for clients, done in ratios.items():
        print(f"rounds, {clients} clients: {', '.join(f'{ratio:.2f}' for ratio in done)}")
        report(f"POST /api/phone-calls beside a bare INSERT, {clients} clients", median(done), at_least=0.4)
    report("bookings a second, 16 clients beside 1", median(booked[16]) / median(booked[1]), at_least=1)


async def measure(
    config: Settings, process: ServerProcess, beside: ServerProcess, key: str, requests: int, rounds: int
) -> None:
    api, bare = Api(process, key), Api(beside, key)
    engine = create_engine(config, application_name="bench")
    sessions = create_session_factory(engine)
    await add_known_therapists(sessions)
    await bursts(api)
    await throughput(api, bare, sessions, requests, rounds)
    await engine.dispose()


def main() -> None:
    chosen = read_arguments(__doc__, requests=(300, 100), rounds=(3, 1))
    with migrated_database() as url, running(serve_therapists) as therapists:
        config = bench_settings(
            url, therapist_service_url=f"http://127.0.0.1:{therapists.port}", desk_lines=LINES
        )
        key = uvloop.run(new_key(config))
        with running(serve_api, config) as process, running(serve_bare, config) as bare:
            uvloop.run(measure(config, process, bare, key, chosen.requests, chosen.rounds))


if __name__ == "__main__":
    main()
