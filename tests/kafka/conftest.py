"""The same Kafka tests on any broker: `make test` takes the embedded one, `make test-kafka` Apache Kafka.

`TEST_KAFKA_BOOTSTRAP=127.0.0.1:port` takes one that is running already.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from shared.config import Settings
from shared.config.settings import load_settings
from tests.kafka.real_broker import RealKafka
from tests.tcp_proxy import KafkaProxy
from webapp.demo.servers.kafka import EmbeddedKafka


@dataclass(frozen=True)
class RunningKafka:
    """A broker somebody else started and keeps running."""

    bootstrap_servers: str

    def start(self) -> None: ...

    def stop(self) -> None: ...


@dataclass
class Broker:
    """The broker as a client sees it, through a proxy."""

    server: EmbeddedKafka | RealKafka | RunningKafka
    network: KafkaProxy

    @property
    def bootstrap_servers(self) -> str:
        return self.network.bootstrap_servers

    async def crash(self) -> None:
        """Kill it with -9 where it would come back with its records, else cut all its connections."""
        await self.network.gone()
        if isinstance(self.server, RealKafka):
            await asyncio.to_thread(self.server.kill)

    async def recover(self) -> None:
        """Bring it back on the same address."""
        if isinstance(self.server, RealKafka):
            await asyncio.to_thread(self.server.start)
        await self.network.back()


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Generator[EmbeddedKafka | RealKafka | RunningKafka]:
    server: EmbeddedKafka | RealKafka | RunningKafka
    if os.environ.get("TEST_KAFKA") == "real":
        server = RealKafka(Path(tmp_path_factory.mktemp("kafka")) / "node")
    elif address := os.environ.get("TEST_KAFKA_BOOTSTRAP"):
        server = RunningKafka(address)
    else:
        server = EmbeddedKafka()
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def broker(kafka: EmbeddedKafka | RealKafka | RunningKafka) -> AsyncGenerator[Broker]:
    async with KafkaProxy(kafka.bootstrap_servers) as network:
        yield Broker(kafka, network)


@pytest.fixture
def topic() -> str:
    """A topic nobody else writes to."""
    return f"events-{uuid4().hex[:12]}"


@pytest.fixture
def through_proxy(config: Settings, broker: Broker) -> Settings:
    """Settings of the system under test: its own database, and the broker behind the proxy."""
    return config.model_copy(
        update={"kafka_bootstrap_servers": broker.bootstrap_servers, "worker_poll_seconds": 0.2}
    )


@pytest.fixture
def kafka_only(broker: Broker) -> Settings:
    """Settings of a service without a database, and the broker behind the proxy."""
    return load_settings(env_file=None, app_env="testing", kafka_bootstrap_servers=broker.bootstrap_servers)


@pytest.fixture
def direct(kafka: EmbeddedKafka | RealKafka | RunningKafka) -> Settings:
    """Settings of an observer whom the proxy's faults don't touch."""
    return load_settings(env_file=None, app_env="testing", kafka_bootstrap_servers=kafka.bootstrap_servers)
