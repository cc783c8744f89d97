"""What the OpenAPI document promises, tried by Schemathesis with valid and invalid requests of its making."""

import asyncio
import sys
from pathlib import Path

import pytest

from shared.config import Settings
from shared.database import SessionFactory
from tests.factories import make_call, make_email, make_therapist
from tests.served_app import served_app, therapist_service
from tests.therapist_service import therapist_json

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
EXAMPLE = 123
"""The therapist of the document's examples."""

RULES = """
[checks.positive_data_acceptance]
# Fields, each right by itself, can contradict each other, and no schema says so: 422 may answer any body.
expected-statuses = ["2xx", "401", "403", "404", "409", "422", "429"]
"""


@pytest.mark.timeout(600)
async def test_schemathesis_finds_nothing(config: Settings, sessions: SessionFactory, tmp_path: Path):
    (tmp_path / "schemathesis.toml").write_text(RULES)
    async with sessions() as session, session.begin():
        session.add_all([make_therapist(id=1), make_therapist(id=EXAMPLE), make_email()])
        await session.flush()
        session.add(make_call())
    async with (
        therapist_service([therapist_json(1), therapist_json(EXAMPLE)]) as directory,
        served_app(config, sessions, tmp_path, THERAPIST_SERVICE_URL=directory) as app,
    ):
        process = await asyncio.create_subprocess_exec(
            SCHEMATHESIS, "run", f"{app.url}/api/docs/openapi.json",
            "--header", f"Authorization: Bearer {app.key}",
            "--max-examples", "10",
            "--generation-deterministic",
            "--no-color", "--output-truncate", "false",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=tmp_path,
        )  # fmt: skip
        said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
