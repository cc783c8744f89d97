"""What the image, the units and the wheel promise, without Docker and without a running systemd."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Generator
from pathlib import Path

import pytest
from sqlalchemy import URL

from tests.deployed.pooler import folder_for_servers
from tests.deployed.proxies import DEPLOY
from tests.deployed.test_pgbouncer import execute
from tests.e2e.app_process import free_port
from webapp.demo.servers.postgres import EmbeddedPostgres

ROOT = DEPLOY.parent
UNITS = sorted(DEPLOY.glob("systemd/*.service"))
MOST_EXPOSED = 1.5
"""Of ten, as `systemd-analyze security` counts: nothing but the network is left open."""


@pytest.fixture
def server() -> Generator[URL]:
    folder = folder_for_servers()
    port = str(free_port())
    server = EmbeddedPostgres(folder / "pg", {"fsync": "off", "listen_addresses": "127.0.0.1", "port": port})
    server.start()
    url = URL.create("postgresql", "postgres", host="127.0.0.1", port=int(port), database="postgres")
    asyncio.run(execute(url, "CREATE DATABASE calldesk"))
    yield url.set(database="calldesk")
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.timeout(600)
def test_a_plain_user_installs_it_from_the_lock_and_runs_it_on_a_read_only_system(server: URL):
    folder = folder_for_servers()
    environment = os.environ | {
        "DATABASE_URL": server.render_as_string(hide_password=False),
        "PORT": str(free_port()),
    }
    done = subprocess.run(
        [DEPLOY / "rehearse-install", folder], env=environment, capture_output=True, text=True, timeout=600
    )
    shutil.rmtree(folder, ignore_errors=True)
    print(done.stdout, done.stderr)
    assert done.returncode == 0
    assert "both processes ended with 0" in done.stdout


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_is_sound_and_lets_the_process_do_nothing_else(unit: Path):
    said = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True).stderr
    about_us = [line for line in said.splitlines() if unit.stem in line and "is not executable" not in line]
    assert about_us == []
    rated = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", unit], capture_output=True, text=True
    )
    exposure = re.search(r"exposure level for \S+ ([\d.]+)", rated.stdout)
    assert exposure
    assert float(exposure[1]) <= MOST_EXPOSED


def test_the_wheel_has_what_is_not_code_and_no_tests(tmp_path: Path):
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=100)
    [wheel] = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    packages = ("webapp/", "services/", "shared/", "migrations/")
    assert {name for name in tracked.splitlines() if name.startswith(packages)} <= names
    assert {name.split("/")[0] for name in names if not name.startswith(packages)} == {
        wheel.name.removesuffix("-py3-none-any.whl") + ".dist-info"
    }


def test_the_image_gets_what_the_dockerfile_copies():
    allowed = re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    copied = [
        part
        for line in re.findall(
            r"^COPY (?!--from)(.+) \S+$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE
        )
        for part in line.split()
    ]
    assert sorted(copied) == sorted(allowed)
    assert all((ROOT / part).exists() for part in copied)
