"""How long until the demo answers: again, over an empty data directory, with `--cold` in a fresh clone."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from benchmarks.harness import read_arguments
from benchmarks.verdict import report

ROOT = Path(__file__).parents[1]
DEMO = (sys.executable, "-m", "webapp.cli", "demo")
"""What `make run` does once all is installed."""

NOT_OURS = ("PYTHONDONTWRITEBYTECODE", "MAKEFLAGS", "MAKELEVEL")
"""What this process may have inherited and `make run` in a terminal has not."""

LONGEST_SECONDS = 300
LOOK_SECONDS = 0.01


@dataclass(frozen=True)
class Start:
    """Seconds until the first answer, and of processor until all had ended again."""

    seconds: float
    processor: float


def main() -> None:
    arguments = read_arguments(__doc__, "cold", rounds=(3, 1))
    with tempfile.TemporaryDirectory(prefix="calldesk-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        first, again = [], []
        for number in range(arguments.rounds):
            data = {"DATA_DIR": str(folder / f"data-{number}")}
            first.append(start(DEMO, data))
            again.append(start(DEMO, data))
        tell("warm start until it answers", again, 3)
        tell("first start of an empty data directory", first, 5)
        if arguments.cold:
            tell("make run in a fresh clone, empty caches", [start_from_a_clone(folder)], 25)


def tell(what: str, starts: Sequence[Start], aim: float) -> None:
    seconds = ", ".join(f"{start.seconds:.1f}" for start in starts)
    print(f"{what}: {seconds} s; processor {median(start.processor for start in starts):.1f} s", flush=True)
    report(what, median(start.seconds for start in starts), at_most=aim, unit=" s")


def start_from_a_clone(folder: Path) -> Start:
    clone = folder / "clone"
    subprocess.run(["git", "clone", "-q", ROOT, clone], check=True)
    caches = {
        name: str(folder / "caches" / name) for name in ("XDG_CACHE_HOME", "UV_CACHE_DIR", "PIP_CACHE_DIR")
    }
    return start(("make", "run"), caches | {"DATA_DIR": str(clone / ".data")}, clone)


def start(command: Sequence[str], settings: Mapping[str, str], folder: Path = ROOT) -> Start:
    """Start the demo in a process group of its own, wait for its first answer and end it with Ctrl-C."""
    port = _free_port()
    ours = {name: value for name, value in os.environ.items() if name not in NOT_OURS}
    environment = ours | settings | {"COMMUNICATION_SERVICE_PORT": str(port)}
    began = time.monotonic()
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        while not _answers(port):
            if process.poll() is not None or time.monotonic() - began > LONGEST_SECONDS:
                raise RuntimeError(f"{' '.join(command)} does not answer")
            time.sleep(LOOK_SECONDS)
        seconds = time.monotonic() - began
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
    _, _, used = os.wait4(process.pid, 0)
    return Start(seconds, used.ru_utime + used.ru_stime)


def _answers(port: int) -> bool:
    try:
        with build_opener(ProxyHandler({})).open(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return answer.status == 200
    except (URLError, OSError):
        return False


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


if __name__ == "__main__":
    main()
