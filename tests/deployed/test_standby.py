"""What `synchronous_standby_names` promises, kept through the standby's and the primary's end."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from tests.deployed.pooler import folder_for_servers
from tests.deployed.proxies import DEPLOY
from tests.deployed.standby import Address, Server, wait_for_the_standby
from tests.deployed.test_pgbouncer import execute, migrate
from tests.e2e.app_process import RunningApp
from tests.eventually import eventually
from tests.integration.api.test_emails import NEW

LONGER_THAN_A_COMMIT = 45
PROMISED_BEFORE = 40
WAITING = """
    SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name = 'calldesk-health'
"""

KEPT = """
    SELECT betreff, status, anspruch_bis FROM communication_service.emails WHERE betreff LIKE 'Zusage %'
"""


class FollowedApp(RunningApp):
    """The application over a primary that a standby follows."""

    def __init__(self, folder: Path, address: Address) -> None:
        super().__init__(folder)
        self.address = address
        self.primary = Server(folder / "primary")
        self.standby = Server(folder / "standby", of=self.primary)

    def prepare_settings(self, settings: dict[str, str]) -> dict[str, str]:
        self.primary.start()
        asyncio.run(execute(self.primary.address.set(database="postgres"), "CREATE DATABASE calldesk"))
        asyncio.run(execute(self.primary.address, (DEPLOY / "postgresql/roles.sql").read_text()))
        self.standby.start()
        asyncio.run(wait_for_the_standby(self.primary))
        owner = self.primary.address.set(username="calldesk_owner")
        migrate(owner.render_as_string(hide_password=False))
        self.address.target = self.primary.port
        url = self.primary.address.set(username="calldesk", port=self.address.port)
        return settings | {"DATABASE_URL": url.render_as_string(hide_password=False)}

    async def calldesk(self, *command: str) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "webapp.cli", *command],
            env=os.environ | self.settings,
            capture_output=True,
            text=True,
            timeout=60,
        )

    async def found(self, probe: str) -> dict[str, object]:
        told = json.loads((await self.calldesk("doctor", "--json")).stdout)
        [finding] = [each for each in told["findings"] if each["probe"] == probe]
        return finding

    def stop(self) -> None:
        super().stop()
        self.primary.stop()
        self.standby.stop()


@pytest.fixture
async def app() -> AsyncGenerator[FollowedApp]:
    folder = folder_for_servers()
    async with Address(0) as address:
        app = FollowedApp(folder, address)
        await asyncio.to_thread(app.start)
        yield app
        await asyncio.to_thread(app.stop)
    shutil.rmtree(folder, ignore_errors=True)


async def ask(api: httpx.AsyncClient, subject: str, key: str) -> httpx.Response:
    return await api.post("/api/emails", json=NEW | {"betreff": subject}, headers={"Idempotency-Key": key})


def copies(app: FollowedApp) -> Counter[str]:
    return Counter(str(mail["subject"]) for mail in app.mails())


@pytest.mark.timeout(400)
async def test_what_was_promised_outlives_the_primary_and_no_mail_goes_out_twice(app: FollowedApp):
    async with httpx.AsyncClient(base_url=app.base_url, timeout=LONGER_THAN_A_COMMIT) as api:
        api.headers["Authorization"] = f"Bearer {app.api_key}"
        await check_that_nothing_is_promised_without_the_standby(app, api)
        promised = await check_the_failover(app, api)
        await check_that_nothing_is_lost_or_doubled(app, promised)


async def check_that_nothing_is_promised_without_the_standby(
    app: FollowedApp, api: httpx.AsyncClient
) -> None:
    assert (await ask(api, "Zusage vorher", str(uuid4()))).status_code == 201
    well = await app.found("commits")
    assert (well["ok"], well["found"]) == (True, "on the disk, and at a standby (standby)")

    app.standby.kill()
    key = str(uuid4())
    refused = await ask(api, "Zusage ohne Standby", key)
    assert refused.status_code == 503, refused.text
    assert refused.headers["content-type"].startswith("application/problem+json")
    assert "retry-after" in refused.headers
    ready = await api.get("/health/ready")
    assert (ready.status_code, ready.json()["reasons"]) == (503, ["commits_wait"])
    trouble = await app.found("commits")
    assert (trouble["ok"], "it waits for a standby (standby)" in str(trouble["found"])) == (False, True)
    print(f"doctor: {trouble['found']} -> {trouble['todo']}")
    again = await ask(api, "Zusage ohne Standby", key)
    assert again.status_code == 503, "it is on the primary alone, and so not promised"
    for _ in range(4):
        await api.get("/health/ready")
    left = await execute(app.primary.address, WAITING)
    assert len(left) <= 1, "who has given up leaves no session behind that waits on"

    await asyncio.to_thread(app.standby.start)

    async def is_ready() -> bool:
        return (await api.get("/health/ready")).status_code == 200

    await eventually(is_ready, within=60)
    back = await ask(api, "Zusage ohne Standby", key)
    assert back.is_success, back.text

    async def has_gone_out() -> bool:
        return copies(app)["Zusage ohne Standby"] == 1

    await eventually(has_gone_out, within=60)


async def check_the_failover(app: FollowedApp, api: httpx.AsyncClient) -> dict[str, int]:
    """Kill the primary amid requests, promote the standby, hold, go on; return what was answered with 201."""
    promised: dict[str, int] = {}
    keys = {f"Zusage {number}": str(uuid4()) for number in range(200)}
    stop = asyncio.Event()

    async def request(subjects: list[str]) -> None:
        for subject in subjects:
            if stop.is_set():
                return
            with suppress(httpx.HTTPError):
                answer = await ask(api, subject, keys[subject])
                if answer.status_code == 201:
                    promised[subject] = answer.json()["id"]

    subjects = list(keys)
    requests = [asyncio.create_task(request(subjects[first::4])) for first in range(4)]

    async def enough() -> bool:
        return len(promised) >= PROMISED_BEFORE

    await eventually(enough, within=60)
    app.primary.kill()
    stop.set()
    app.address.cut()
    app.address.target = app.standby.port
    await asyncio.gather(*requests)
    await execute(app.standby.address, "SELECT pg_promote()")
    held = await app.calldesk("queue", "hold", "--reason", "promoted")
    assert held.returncode == 0, held.stderr
    kept = {row["betreff"] for row in await execute(app.standby.address, KEPT)}
    print(f"{len(promised)} promised, {len(kept)} kept, {len(copies(app))} had gone out at the promotion")
    assert set(promised) <= kept

    async def is_ready() -> bool:
        return (await api.get("/health/ready")).status_code == 200

    await eventually(is_ready, within=60)
    for subject in list(promised)[:20]:
        answer = await ask(api, subject, keys[subject])
        assert (answer.is_success, answer.json()["id"]) == (True, promised[subject])
    return promised


async def check_that_nothing_is_lost_or_doubled(app: FollowedApp, promised: dict[str, int]) -> None:
    released = await app.calldesk("queue", "release")
    assert released.returncode == 0, released.stderr

    async def all_is_decided() -> bool:
        rows = await execute(app.standby.address, KEPT)
        return all(row["status"] == "SENT" or unclear(row) for row in rows)

    await eventually(all_is_decided, within=60)
    sent = copies(app)
    rows = await execute(app.standby.address, KEPT)
    print(f"{len(rows)} e-mails: {Counter(row['status'] for row in rows)}, unclear {sum(map(unclear, rows))}")
    assert set(promised) <= {row["betreff"] for row in rows}
    assert {subject: count for subject, count in sent.items() if count > 1} == {}
    assert [row["betreff"] for row in rows if row["status"] == "SENT" and sent[row["betreff"]] != 1] == []


def unclear(row) -> bool:
    return row["status"] == "SENDING" and row["anspruch_bis"] is None
