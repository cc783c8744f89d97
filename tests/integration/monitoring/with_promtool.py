"""Prometheus' own judgement of the figures and the alarms; `make test-real` runs it."""

import subprocess
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.api_keys import KeyTerms, create_key
from tests.clock import FakeClock
from tests.integration.conftest import Client
from tests.work import work_of

DEPLOY = Path(__file__).parents[3] / "deploy"


def promtool(*arguments: str, stdin: str = "") -> None:
    said = subprocess.run(
        ["promtool", *arguments], input=stdin, capture_output=True, text=True, cwd=DEPLOY, timeout=60
    )
    assert said.returncode == 0, said.stdout + said.stderr


async def test_names_and_units_keep_the_convention(client: Client, session: AsyncSession, clock: FakeClock):
    key = await create_key(work_of(session, now=clock()), "prometheus", KeyTerms(scopes=["metrics"]))
    await client.get("/health")
    figures = await client.get("/metrics", headers={"Authorization": f"Bearer {key}"})
    promtool("check", "metrics", stdin=figures.text)


def test_the_alarms_are_well_formed_and_fire():
    promtool("check", "rules", "alerts.yaml")
    promtool("test", "rules", "alerts.test.yaml")
