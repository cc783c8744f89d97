"""The real application as tests meet it: web and worker processes over embedded servers, at a fixed time."""

import asyncio
import json
import socket
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, TypeVar

import httpx
from aiokafka import AIOKafkaConsumer
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.api_keys import create_key
from services.events.types import TOPIC
from shared.config import Settings
from shared.config.settings import load_settings
from shared.database import create_engine, create_session_factory
from tests.clock import BERLIN
from tests.work import work_of
from webapp.demo.application import Application, wait_until_healthy
from webapp.demo.database import prepare_database
from webapp.demo.servers.peers import Peers

T = TypeVar("T")

NOW = datetime(2026, 10, 14, 10, 42, tzinfo=BERLIN)
"""Wednesday morning: when every run of these tests begins."""


class RunningApp:
    """Serve and worker processes with everything they talk to; a sample day is loaded."""

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self._own_settings = settings or {}
        self._peers = Peers(folder)
        self.web = Application("serve", folder / "web.log")
        self.worker = Application("worker", folder / "worker.log")
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.config: Settings
        self.api_key = ""
        self.settings: dict[str, str] = {}

    def start(self) -> None:
        """Start everything and wait until the web process answers."""
        self._peers.start(around=NOW, disposable=True)
        self.web.prepare()
        self.worker.prepare()
        self.settings = self._peers.addresses().settings() | {
            "APP_ENV": "testing",
            "CLOCK_OFFSET_SECONDS": str(round((NOW - datetime.now(UTC)).total_seconds())),
            "COMMUNICATION_SERVICE_HOST": "127.0.0.1",
            "COMMUNICATION_SERVICE_PORT": str(self.port),
            "DATA_DIR": str(self.folder),
            **self._own_settings,
        }
        self.settings = self.prepare_settings(self.settings)
        prepare_database(self.settings, sample_data=True)
        self.config = load_settings(
            env_file=None, **{name.lower(): value for name, value in self.settings.items()}
        )
        self.api_key = self.run(lambda session: create_key(work_of(session, now=NOW), "Matching Service"))
        self.web.start(self.settings)
        self.worker.start(self.settings)
        self.wait_until_healthy()

    def prepare_settings(self, settings: dict[str, str]) -> dict[str, str]:
        """Return the processes' settings, once the servers they talk to are up."""
        return settings

    def stop(self) -> None:
        """End everything."""
        self.web.terminate()
        self.worker.terminate()
        self.web.stop()
        self.worker.stop()
        self._peers.stop()

    def restart_web(self) -> None:
        """End the web process as a deployment does, and start it again on the same port."""
        self.web.stop()
        self.web.start(self.settings)
        self.wait_until_healthy()

    def wait_until_healthy(self) -> None:
        if not wait_until_healthy(self.web, self.base_url):
            raise RuntimeError(f"the web process did not start:\n{self.web.log_file.read_text()[-3000:]}")

    def api(self) -> httpx.AsyncClient:
        """Return a client of the JSON API with a key of its own."""
        return httpx.AsyncClient(
            base_url=self.base_url, headers={"Authorization": f"Bearer {self.api_key}"}, timeout=30
        )

    def run(self, use_case: Callable[[AsyncSession], Awaitable[T]]) -> T:
        """Carry out a use case of the domain from outside any event loop."""
        return asyncio.run(self.execute(use_case))

    async def execute(self, use_case: Callable[[AsyncSession], Awaitable[T]]) -> T:
        """Carry out a use case of the domain over the application's database."""
        engine = create_engine(self.config, application_name="e2e")
        try:
            async with create_session_factory(engine)() as session:
                return await use_case(session)
        finally:
            await engine.dispose()

    def mails(self) -> list[EmailMessage]:
        """Return what the mail catcher has received, oldest first."""
        files = sorted((self.folder / "mails").glob("*.eml"))
        return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]

    async def events(self, key: str) -> list[dict[str, Any]]:
        """Return the events on the topic about one e-mail or call (`email:7`), in order."""
        consumer = AIOKafkaConsumer(
            TOPIC,
            bootstrap_servers=self.config.kafka_bootstrap_servers,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
        await consumer.start()
        try:
            partitions = list(consumer.assignment())
            ends = await consumer.end_offsets(partitions)
            found: list[Any] = []
            for partition in partitions:
                while await consumer.position(partition) < ends[partition]:
                    batch = await consumer.getmany(partition, timeout_ms=500)
                    found += [record for records in batch.values() for record in records]
            return [json.loads(record.value) for record in found if record.key == key.encode()]
        finally:
            await consumer.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def running_app(folder: Path | None = None, settings: Mapping[str, str] | None = None) -> RunningApp:
    """Return an application that is up, its data in a folder of its own; `settings` go before others."""
    app = RunningApp(folder or Path(tempfile.mkdtemp(prefix="calldesk-e2e-")), settings)
    app.start()
    return app
