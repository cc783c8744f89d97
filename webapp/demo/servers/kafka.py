"""An embedded Kafka for demo and tests: librdkafka's mock cluster, real protocol, records in memory only.

It runs in a process of its own, so that it can be killed, and ends when the process that started it ends.
"""

import select
import signal
import subprocess
import sys
from types import FrameType

from confluent_kafka.admin import AdminClient

START_SECONDS = 20
STOP_SECONDS = 5


class EmbeddedKafka:
    """One broker on a free port of this machine; a restart is a new, empty broker on another port."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._address = ""

    @property
    def bootstrap_servers(self) -> str:
        """The running broker's address, as `KAFKA_BOOTSTRAP_SERVERS` takes it."""
        if not self._address:
            raise RuntimeError("the broker is not running")
        return self._address

    def start(self) -> None:
        """Start and wait until the broker answers.

        Raises:
            RuntimeError: it did not answer in time.
        """
        self._process = subprocess.Popen(
            [sys.executable, "-m", "webapp.demo.servers.kafka"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], START_SECONDS)
        self._address = self._process.stdout.readline().strip() if ready else ""
        if not self._address:
            self.kill()
            raise RuntimeError("the embedded Kafka did not start")

    def stop(self) -> None:
        """End the broker; its records are gone."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the broker as a power cut would."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        process, self._process, self._address = self._process, None, ""
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def main() -> None:
    """Serve until stdin ends or SIGTERM comes, with the address as the one line of output."""
    signal.signal(signal.SIGTERM, _exit)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cluster = AdminClient({"test.mock.num.brokers": 1, "log_level": 0})
    broker = next(iter(cluster.list_topics(timeout=START_SECONDS).brokers.values()))
    sys.stdout.write(f"{broker.host}:{broker.port}\n")
    sys.stdout.flush()
    sys.stdin.read()


def _exit(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    main()
