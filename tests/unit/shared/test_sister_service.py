"""A service of the platform that has a `shared` of its own, or a `shared.config`, uses ours as well."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
GOES_ON_LOOKING = "from pkgutil import extend_path\n\n__path__ = extend_path(__path__, __name__)\n"
OWN_CONFIG = """
from types import SimpleNamespace

Settings = SimpleNamespace

class ConfigurationError(Exception):
    pass

def get_config():
    return Settings(
        kafka_bootstrap_servers="127.0.0.1:1", kafka_security_protocol="PLAINTEXT",
        kafka_sasl_mechanism="PLAIN", kafka_sasl_username=None, kafka_sasl_password=None,
        kafka_ssl_cafile=None,
    )
"""
SERVICE = """
import asyncio
from datetime import UTC, datetime

from shared import matching
from shared.config import get_config
from shared.kafka.consumer import EventConsumer
from shared.kafka.robust_producer import EventNotSent, RobustKafkaProducer

async def main():
    EventConsumer("communication-events", group_id="matching-service")
    async with RobustKafkaProducer(service_name="matching-service", send_seconds=0.1) as producer:
        event = producer.new_event("matching.bundle_created", {"bundle_id": 7}, timestamp=datetime.now(UTC))
        try:
            await producer.send("matching-events", event, key="bundle:7")
        except EventNotSent:
            print(matching.NAME, get_config.__module__, event.producer)

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("own", "config"),
    [({}, "shared.config.settings"), ({"config.py": OWN_CONFIG}, "shared.config")],
    ids=["other modules", "a config"],
)
def test_both_are_found(tmp_path: Path, own: dict[str, str], config: str):
    (tmp_path / "shared").mkdir()
    files = {"__init__.py": GOES_ON_LOOKING, "matching.py": "NAME = 'matching'\n", **own}
    for name, source in files.items():
        (tmp_path / "shared" / name).write_text(source)
    (tmp_path / "service.py").write_text(SERVICE)
    done = subprocess.run(
        [sys.executable, "service.py"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    said = done.stdout.splitlines()[-1:]
    assert said == [f"matching {config} matching-service"], done.stderr


def test_the_documents_say_the_same():
    assert all(line in (ROOT / "docs/how-to/events.md").read_text() for line in GOES_ON_LOOKING.splitlines())
