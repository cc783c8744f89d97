"""Clients that generators make compile strictly and speak to the service; `make check-api` runs this."""

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from shared.config import Settings
from shared.database import SessionFactory
from tests.contracts.node import installed, run, tool
from tests.factories import make_therapist
from tests.served_app import ServedApp, served_app, therapist_service
from tests.therapist_service import therapist_json

pytestmark = pytest.mark.timeout(600)

PROGRAMS = Path(__file__).parent / "programs"
JAR = Path(".data/openapi-generator/openapi_generator_cli/openapi-generator.jar").absolute()
"""Where `make check-api` puts what `openapi-generator.lock` names."""

OPENAPI_TYPESCRIPT = "openapi-typescript/bin/cli.js"
COMPILER = "typescript/bin/tsc"
COMPILER_OPTIONS = {
    "strict": True,
    "noEmitOnError": True,
    "target": "es2022",
    "lib": ["es2022", "dom", "dom.iterable"],
    "module": "nodenext",
    "types": [],
    "outDir": "compiled",
}
GENERATE_SECONDS = 400
THERAPIST = 123

SAID = {
    "email": [1, "QUEUED", "Grüße"],
    "listed": [[1, "Anfrage für drei Patientinnen", None]],
    "refused": [422, ["after"]],
    "call": ["scheduled", "2026-10-15", "10:00"],
    "ended": [True, "canceled"],
}
"""What each program says of an e-mail created and listed, a bad request, a call planned and cancelled."""


@pytest.fixture
async def app(config: Settings, sessions: SessionFactory, tmp_path: Path) -> AsyncGenerator[ServedApp]:
    async with sessions() as session, session.begin():
        session.add(make_therapist(id=THERAPIST))
    async with (
        therapist_service([therapist_json(THERAPIST)]) as directory,
        served_app(config, sessions, tmp_path, THERAPIST_SERVICE_URL=directory) as app,
    ):
        yield app


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project in TypeScript that finds the packages of `package.json`."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "package.json").write_text(json.dumps({"type": "module"}))
    (folder / "node_modules").symlink_to(installed() / "node_modules")
    return folder


async def test_openapi_typescript(app: ServedApp, document: Path, folder: Path):
    await asyncio.to_thread(tool, OPENAPI_TYPESCRIPT, document, "-o", "client.ts", folder=folder)
    assert await said_by("openapi_typescript", app, folder) == SAID


async def test_openapi_generator(app: ServedApp, document: Path, folder: Path):
    await asyncio.to_thread(generate_with_java, document, folder)
    assert await said_by("openapi_generator", app, folder) == SAID


def generate_with_java(document: Path, folder: Path) -> None:
    """Write a client for `fetch` to `client`."""
    done = subprocess.run(
        ["java", "-jar", JAR, "generate", "-g", "typescript-fetch", "-i", document, "-o", "client",
         "--additional-properties=importFileExtension=.js"],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=GENERATE_SECONDS,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout.decode()


async def said_by(program: str, app: ServedApp, folder: Path) -> object:
    """Compile a program with the client beside it; return what it says of the running service."""
    shutil.copy(PROGRAMS / f"{program}.ts", folder)
    settings = {"compilerOptions": COMPILER_OPTIONS, "files": [f"{program}.ts"]}
    (folder / "tsconfig.json").write_text(json.dumps(settings))
    await asyncio.to_thread(tool, COMPILER, folder=folder)
    compiled = folder / "compiled" / f"{program}.js"
    return json.loads(await asyncio.to_thread(run, compiled, app.url, app.key, folder=folder))
