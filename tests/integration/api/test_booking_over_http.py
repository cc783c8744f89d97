"""Many bookings at once through everything that is real: uvicorn, a process, sockets, a Therapist Service."""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import uvicorn
from sqlalchemy import func, select

from services.accounts.api_keys import create_key
from services.models import OutboxEvent, PhoneCall
from shared.config import Settings
from shared.database import SessionFactory
from tests.factories import NOW
from tests.therapist_service import therapist_json
from tests.work import work_of
from webapp.demo.application import Application, wait_until_healthy
from webapp.demo.servers.therapists import create_therapist_service

AT_ONCE = 64
MANY = range(1, 51)
OFTEN_THERE = 51
RARELY_THERE = 52


@pytest.fixture
async def therapist_service() -> AsyncGenerator[str]:
    """A Therapist Service on a port of its own; one answers the phone ten minutes a week."""
    therapists = [therapist_json(number) for number in (*MANY, OFTEN_THERE)]
    rarely = {"thursday": ["15:00-15:10"]}
    therapists.append(therapist_json(RARELY_THERE, telefonische_erreichbarkeit=rarely))
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(create_therapist_service(therapists), log_config=None, lifespan="off")
    )
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    await serving


@pytest.fixture
async def api(
    config: Settings, sessions: SessionFactory, therapist_service: str, tmp_path: Path
) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of the web process that may open as many connections as there are requests."""
    async with sessions() as session:
        key = await create_key(work_of(session, now=NOW), "test")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    web = Application("serve", tmp_path / "web.log")
    try:
        web.start(
            {
                "APP_ENV": "testing",
                "DATABASE_URL": str(config.database_url),
                "THERAPIST_SERVICE_URL": therapist_service,
                "COMMUNICATION_SERVICE_PORT": str(port),
                "CLOCK_OFFSET_SECONDS": str(round((NOW - datetime.now(UTC)).total_seconds())),
            }
        )
        healthy = await asyncio.to_thread(wait_until_healthy, web, f"http://127.0.0.1:{port}")
        assert healthy, web.log_file.read_text()
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}",
            headers={"Authorization": f"Bearer {key}"},
            limits=httpx.Limits(max_connections=AT_ONCE),
            timeout=60,
            trust_env=False,
        ) as client:
            yield client
    finally:
        await asyncio.to_thread(web.stop)


async def book_at_once(api: httpx.AsyncClient, therapists: Sequence[int]) -> Counter[int]:
    answers = await asyncio.gather(
        *(api.post("/api/phone-calls", json={"therapist_id": one}) for one in therapists)
    )
    return Counter(answer.status_code for answer in answers)


async def test_bookings_at_the_same_moment_are_all_answered_and_never_overlap(
    api: httpx.AsyncClient, sessions: SessionFactory
):
    for_one = await book_at_once(api, [OFTEN_THERE] * AT_ONCE)
    for_many = await book_at_once(api, [MANY[number % len(MANY)] for number in range(AT_ONCE)])
    for_two_slots = await book_at_once(api, [RARELY_THERE] * AT_ONCE)

    assert for_one == {201: AT_ONCE}
    assert for_many == {201: AT_ONCE}
    assert for_two_slots == {201: 2, 422: AT_ONCE - 2}
    booked = (for_one + for_many + for_two_slots)[201]
    async with sessions() as session:
        slots = (await session.execute(select(*_slot(PhoneCall.therapist_id)))).all()
        lines = (await session.execute(select(*_slot(PhoneCall.leitung)))).all()
        events = await session.scalar(select(func.count()).select_from(OutboxEvent))
    assert len(set(slots)) == len(set(lines)) == len(slots) == events == booked


def _slot(column):
    return column, PhoneCall.geplantes_datum, PhoneCall.geplante_zeit
