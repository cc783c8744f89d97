"""Two web processes behind nginx are restarted one after the other, under load: no request fails."""

import asyncio
import ssl
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest

from tests.deployed.load import Load
from tests.deployed.proxies import Nginx
from tests.e2e.app_process import RunningApp, free_port
from webapp.demo.application import Application, wait_until_healthy

ROUNDS = 3
BETWEEN = 150
"""Requests between two restarts."""


class TwoProcesses(RunningApp):
    """The application with a second web process."""

    def start(self) -> None:
        super().start()
        self.second_port = free_port()
        self.second = Application("serve", self.folder / "web-2.log")
        self.start_second()

    def start_second(self) -> None:
        self.second.start(self.settings | {"COMMUNICATION_SERVICE_PORT": str(self.second_port)})
        assert wait_until_healthy(self.second, f"http://127.0.0.1:{self.second_port}")

    def restart_both(self) -> None:
        self.restart_web()
        self.second.stop()
        self.start_second()

    def stop(self) -> None:
        self.second.stop()
        super().stop()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Generator[TwoProcesses]:
    app = TwoProcesses(tmp_path_factory.mktemp("app"))
    app.start()
    yield app
    app.stop()


@pytest.mark.timeout(300)
async def test_no_request_fails(app: TwoProcesses, tmp_path: Path):
    with Nginx(tmp_path, [app.port, app.second_port]) as nginx:
        tls = ssl.create_default_context(cafile=nginx.ca_file)
        load = Load(lambda: httpx.AsyncClient(base_url=nginx.base_url, verify=tls, timeout=30), app.api_key)
        async with load:
            for _ in range(ROUNDS):
                await load.until(BETWEEN)
                await asyncio.to_thread(app.restart_both)
            await load.until(BETWEEN)
        said = (nginx.folder / "error.log").read_text()
    print(
        f"{2 * ROUNDS} restarts, {load.answers.total()} answers {dict(load.answers)}, failed: {load.failed}"
    )
    assert load.failed == [], said[-2000:]
    async with app.api() as api:
        stored = [(await api.get(f"/api/emails/{email_id}")).status_code for email_id in load.made]
    assert set(stored) == {200}
