"""`POST /api/emails` beside a bare handler that does one INSERT of the same row, both under the same uvicorn.

`python -m benchmarks.api_emails [--requests N] [--rounds N]`. The API runs as in production: one process, its
default settings, an API key that is sent and checked. Both write into the same table of the same PostgreSQL
(fsync on) over pools of the same size, for 16 clients that keep their connections; rounds take turns.
"""

import asyncio
from dataclasses import dataclass
from secrets import token_hex
from statistics import median
from typing import Any

import asyncpg
import uvicorn
import uvloop
from litestar import Litestar
from litestar import post as handle_post
from litestar.datastructures import State
from litestar.params import JSONBody
from msgspec import Struct

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
from benchmarks.mail_setting import BODY_HTML, BODY_TEXT
from benchmarks.verdict import report
from shared.config import Settings

CLIENTS = 16
MOST_SECONDS = 120
REQUEST: dict[str, Any] = {
    "therapist_id": 123,
    "betreff": "Anfrage für drei Patientinnen: freie Plätze ab Herbst?",
    "body_html": BODY_HTML,
    "body_text": BODY_TEXT,
    "empfaenger_email": "praxis@example.org",
    "empfaenger_name": "Dr. Jürgen Müller",
}
INSERT = """
    INSERT INTO communication_service.emails
        (therapist_id, betreff, body_html, body_text, empfaenger_email, empfaenger_name, absender_email,
         absender_name, status, queued_at, naechster_versuch_at, created_at, updated_at, message_id)
    VALUES ($1, $2, $3, $4, $5, $6, 'kontakt@therapieplatz.example', 'Therapieplatz-Vermittlung', 'QUEUED',
        now(), now(), now(), now(), gen_random_uuid()::text)
    RETURNING id
"""


class Row(Struct):
    """What the bare handler is sent."""

    therapist_id: int
    betreff: str
    body_html: str
    body_text: str
    empfaenger_email: str
    empfaenger_name: str


@handle_post("/api/emails")
async def insert_row(data: JSONBody[Row], state: State) -> dict[str, int]:
    """Insert one row."""
    email_id = await state.pool.fetchval(
        INSERT,
        data.therapist_id,
        data.betreff,
        data.body_html,
        data.body_text,
        data.empfaenger_email,
        data.empfaenger_name,
    )
    return {"id": email_id}


def serve_bare(config: Settings, port: int) -> None:
    dsn = config.get_database_url().set(drivername="postgresql").render_as_string(hide_password=False)

    async def open_pool(app: Litestar) -> None:
        app.state.pool = await asyncpg.create_pool(
            dsn, min_size=config.db_pool_size, max_size=config.db_pool_size
        )

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


@dataclass(frozen=True)
class Side:
    """A server to be measured."""

    name: str
    process: ServerProcess


@dataclass(frozen=True)
class Round:
    """What one side did in one round."""

    load: Load
    processor_seconds: float


async def measure(side: Side, request: bytes, requests: int) -> Round:
    """Send so many requests over the clients' connections."""
    used = side.process.cpu_seconds()
    async with asyncio.timeout(MOST_SECONDS):
        load = await send(side.process.port, [request] * requests, clients=CLIENTS)
    load.check(201)
    return Round(load, side.process.cpu_seconds() - used)


def show(name: str, rounds: list[Round]) -> None:
    latencies = [latency for done in rounds for latency in done.load.latencies]
    rate = median(done.load.per_second for done in rounds)
    used = sum(done.processor_seconds for done in rounds) / len(latencies) * 1e3
    print(
        f"{name:16} {rate:5,.0f}/s, {percentiles(latencies, 50, 99)},"
        f" {used:.2f} ms processor of the server each"
    )


async def compare(bare: Side, api: Side, request: bytes, requests: int, rounds: int) -> None:
    done: dict[str, list[Round]] = {bare.name: [], api.name: []}
    for side in (bare, api):
        await measure(side, request, requests // 2)
    for _ in range(rounds):
        for side in (bare, api):
            done[side.name].append(await measure(side, request, requests))
    for name, rounds_of_side in done.items():
        show(name, rounds_of_side)
    ratios = [a.load.per_second / b.load.per_second for b, a in zip(*done.values(), strict=True)]
    print(f"rounds: {', '.join(f'{ratio:.2f}' for ratio in ratios)}")
    report("POST /api/emails beside a bare INSERT, 16 clients", median(ratios), at_least=0.75)


def main() -> None:
    chosen = read_arguments(__doc__, requests=(2_000, 200), rounds=(5, 2))
    with migrated_database() as url:
        config = bench_settings(
            url,
            app_env="production",
            secret_key=token_hex(),
            email_sender="kontakt@therapieplatz.de",
            allow_insecure="smtp,therapists",
        )
        request = post("/api/emails", REQUEST, uvloop.run(new_key(config)))
        with running(serve_bare, config) as bare, running(serve_api, config) as api:
            sides = Side("bare INSERT", bare), Side("POST /api/emails", api)
            uvloop.run(compare(*sides, request, chosen.requests, chosen.rounds))


if __name__ == "__main__":
    main()
