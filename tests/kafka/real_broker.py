"""Apache Kafka itself: fetched with Maven, one KRaft node, killed and restarted at will."""

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

HERE = Path(__file__).parent
CACHE = HERE.parent.parent / ".kafka"
START_SECONDS = 90
BETWEEN_LOOKS_SECONDS = 0.1
FETCH_SECONDS = 900

PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{broker}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
num.partitions=4
auto.create.topics.enable=true
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
message.max.bytes=200000
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
"""
JVM = ["-Xms256m", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]


def fetch() -> Path:
    """Return the folder of Kafka's jars, fetched once per version."""
    pom = HERE / "pom.xml"
    libraries = CACHE / "libs"
    stamp = libraries / "pom.xml"
    if not stamp.exists() or stamp.read_text() != pom.read_text():
        shutil.rmtree(libraries, ignore_errors=True)
        libraries.mkdir(parents=True)
        subprocess.run(
            ["mvn", "-q", "-B", "-f", pom, "dependency:copy-dependencies", f"-DoutputDirectory={libraries}"],
            check=True,
            timeout=FETCH_SECONDS,
        )
        shutil.copy(pom, stamp)
    return libraries


class RealKafka:
    """One broker over one data directory; it keeps its port and its records over restarts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._classpath = f"{fetch()}/*"
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap_servers(self) -> str:
        return f"127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start and wait until the broker has opened its port."""
        settings = self._folder / "server.properties"
        if not settings.exists():
            self._format(settings)
        with (self._folder / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._java("kafka.Kafka", str(settings)), stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + START_SECONDS
        while not _open(self._port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"Kafka did not start; see {self._folder / 'broker.log'}")
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(BETWEEN_LOOKS_SECONDS)

    def kill(self) -> None:
        """End the broker with -9."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    stop = kill

    def _format(self, settings: Path) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        data = self._folder / "data"
        settings.write_text(PROPERTIES.format(broker=self._port, controller=_free_port(), data=data))
        subprocess.run(
            self._java("kafka.tools.StorageTool", "format", "-t", str(uuid4()), "-c", str(settings)),
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=START_SECONDS,
        )

    def _java(self, main: str, *arguments: str) -> list[str]:
        return ["java", *JVM, "-cp", self._classpath, main, *arguments]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
