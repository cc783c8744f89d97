"""`deploy/compose.yaml` holds together: nothing in it waits for, speaks to or mounts what is not there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import yaml

from shared.config import Settings
from tests.deployed.proxies import DEPLOY, SYSTEM_PATH, wait_for
from tests.e2e.app_process import free_port

COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "calldesk"}
HOST = re.compile(r"^(?:[a-z]+://)?(?:[^@/]*@)?([a-z-]+)")


def test_our_processes_are_hardened():
    assert set(OURS) == {"migrate", "web", "worker", "therapists"}
    for service in OURS.values():
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).is_file()


def test_images_of_others_are_of_a_version():
    assert all(re.search(r":v?\d", s["image"]) for name, s in SERVICES.items() if name not in OURS)


def test_whoever_is_waited_for_is_there_and_says_when_it_is_ready():
    for service in SERVICES.values():
        for other, when in service.get("depends_on", {}).items():
            match when["condition"]:
                case "service_healthy":
                    assert SERVICES[other]["healthcheck"]["test"]
                case "service_completed_successfully":
                    assert SERVICES[other].get("restart", "no") == "no"


def test_every_server_named_in_the_settings_is_a_service():
    for service in OURS.values():
        settings = service["environment"]
        assert set(settings) <= {name.upper() for name in Settings.model_fields}
        named = [settings[name] for name in settings if name.endswith(("_URL", "_HOST", "_SERVERS"))]
        defaults = [re.sub(r"^\$\{\w+:-(.*)\}$", r"\1", value) for value in named]
        hosts = {HOST.match(value)[1] for value in defaults}
        assert hosts == {"postgres", "mailpit", "dovecot", "kafka", "therapists"}
        assert hosts <= set(SERVICES)


def test_what_is_mounted_is_there():
    mounted = [volume for service in SERVICES.values() for volume in service.get("volumes", [])]
    for source in (volume.split(":")[0] for volume in mounted):
        assert (DEPLOY / source).is_file() if source.startswith(".") else source in COMPOSE["volumes"]


def test_only_this_machine_reaches_what_is_published():
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_the_therapists_answer_as_the_service_runs_them(tmp_path: Path):
    *command, port = SERVICES["therapists"]["command"]
    assert port == "8002"
    port = free_port()
    log = tmp_path / "log"
    with log.open("wb") as written:
        process = subprocess.Popen([sys.executable, *command[1:], str(port)], stdout=written, stderr=written)
    try:
        wait_for(port, process, log)
        assert httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200
        assert httpx.get(f"http://127.0.0.1:{port}/api/therapists").json()["total"] > 0
    finally:
        process.terminate()
        process.wait()


def test_dovecot_reads_its_configuration(tmp_path: Path):
    doveconf = shutil.which("doveconf", path=f"{os.environ['PATH']}:{SYSTEM_PATH}")
    assert doveconf, "python -m tests.mailbox.ensure_dovecot"
    done = subprocess.run(
        [doveconf, "-n", "-P", "-c", DEPLOY / "dovecot.conf"], capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    for said in ("mail_location = maildir:~/Maildir", "args = password=desk", "protocols = imap", "ssl = no"):
        assert said in done.stdout
