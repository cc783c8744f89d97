"""What a worker says of itself, asked over HTTP as a supervisor does."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from services.sending.hold import hold_queue, release_queue
from shared.config import ConfigurationError, Settings
from shared.heartbeat import Heartbeats
from tests.eventually import eventually
from tests.integration.test_cli import free_port
from tests.work import work_of
from webapp.worker_status import WorkerStatus


@pytest.fixture
def asked_at(config: Settings) -> Settings:
    return config.model_copy(update={"worker_health_port": free_port()})


@pytest.fixture
async def http(asked_at: Settings) -> AsyncGenerator[httpx.AsyncClient]:
    address = f"http://127.0.0.1:{asked_at.worker_health_port}"
    async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
        yield client


@pytest.fixture
def worker(asked_at: Settings) -> Generator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "webapp.cli", "worker"],
        stderr=subprocess.PIPE,
        text=True,
        env={
            "APP_ENV": "testing",
            "DATABASE_URL": asked_at.get_database_url().render_as_string(hide_password=False),
            "WORKER_HEALTH_PORT": str(asked_at.worker_health_port),
        },
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "email_sender_started" in line:
            break
    yield process
    process.terminate()
    process.communicate(timeout=60)


async def test_a_worker_is_live_and_ready_until_the_queue_is_held(
    worker: subprocess.Popen[str], http: httpx.AsyncClient, session: AsyncSession
):
    live = await http.get("/health/live")
    assert (live.status_code, live.json()) == (200, {"status": "live", "hung": []})
    assert (await http.get("/health/ready")).json() == {"status": "ready", "reasons": [], "held": False}

    await hold_queue(work_of(session), None)
    held = await http.get("/health/ready")
    assert (held.status_code, held.json()["reasons"]) == (503, ["queue_held"])
    assert (await http.get("/health/live")).status_code == 200

    await release_queue(work_of(session))
    assert (await http.get("/health/ready")).status_code == 200

    figures = (await http.get("/metrics")).text
    assert 'calldesk_loop_hung{loop="email_sender"} 0.0' in figures
    assert 'calldesk_email_attempts_total{outcome="sent",stage="accepted"} 0.0' in figures


async def test_a_loop_that_hangs_is_named(asked_at: Settings, http: httpx.AsyncClient, engine: AsyncEngine):
    now = [0.0]
    heartbeats = Heartbeats(lambda: now[0])
    heartbeats.of("email_sender").turn(within=30, part="lane 3")
    answering = asyncio.create_task(WorkerStatus(asked_at, heartbeats, engine).run())
    try:
        await eventually(lambda: _answers(http))
        assert (await http.get("/health/live")).status_code == 200
        now[0] = 31
        answer = await http.get("/health/live")
        assert (answer.status_code, answer.json()["hung"]) == (503, ["email_sender: lane 3"])
    finally:
        answering.cancel()


async def test_a_port_that_is_taken_is_named(asked_at: Settings, engine: AsyncEngine):
    with (
        socket.create_server(("127.0.0.1", asked_at.worker_health_port or 0)),
        pytest.raises(ConfigurationError, match=r"WORKER_HEALTH_PORT: Address already in use"),
    ):
        WorkerStatus(asked_at, Heartbeats(), engine)


async def _answers(http: httpx.AsyncClient) -> bool:
    try:
        await http.get("/health/live")
    except httpx.ConnectError:
        return False
    return True
