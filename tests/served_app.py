"""The web process over a test's own database, as callers meet it, and a Therapist Service."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import uvicorn

from services.accounts.api_keys import create_key
from shared.config import Settings
from shared.database import SessionFactory
from tests.factories import NOW
from tests.work import work_of
from webapp.demo.application import Application, wait_until_healthy
from webapp.demo.servers.therapists import create_therapist_service


@dataclass(frozen=True)
class ServedApp:
    """Where it is, and an API key for it."""

    port: int
    key: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def therapist_service(therapists: list[dict[str, object]]) -> AsyncGenerator[str]:
    """Serve a Therapist Service that knows these on a port of its own; give its address."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(create_therapist_service(therapists), log_config=None, lifespan="off")
    )
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving


@asynccontextmanager
async def served_app(
    config: Settings, sessions: SessionFactory, folder: Path, **settings: str
) -> AsyncGenerator[ServedApp]:
    """Serve from `NOW` on, with further settings; the log goes to `folder`."""
    async with sessions() as session:
        key = await create_key(work_of(session, now=NOW), "test")
    app = ServedApp(_free_port(), key)
    web = Application("serve", folder / "web.log")
    try:
        web.start(
            {
                "APP_ENV": "testing",
                "DATABASE_URL": str(config.database_url),
                "COMMUNICATION_SERVICE_PORT": str(app.port),
                "CLOCK_OFFSET_SECONDS": str(round((NOW - datetime.now(UTC)).total_seconds())),
                **settings,
            }
        )
        healthy = await asyncio.to_thread(wait_until_healthy, web, app.url)
        assert healthy, web.log_file.read_text()
        yield app
    finally:
        await asyncio.to_thread(web.stop)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
