"""Ten minutes of the demo under a mixed load: memory of every process, the slowest request, errors.

`python -m benchmarks.load [--quick] [--minutes N] [--streams N]`. The demo runs as `calldesk demo` does, with
its worker and embedded servers; services write and read over the API with several keys, people look at
pages and take calls in hand, and streams on `/live` stay open. Requests come at a steady rate, however long
the answers take. Not part of plain `make bench`.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import uvloop

from benchmarks.harness import percentiles, read_arguments
from benchmarks.load_traffic import Asked, Person, Traffic, keys, people
from benchmarks.verdict import report
from shared.config.settings import load_settings

START_SECONDS = 180
SAMPLES = 10
"""How often memory is looked at, the first time after a tenth of the run."""

CHILDREN = ("web", "worker")
OURS = ("web", "worker", "postgres")
"""The processes whose memory must not grow; the embedded mailbox and broker keep all they are sent."""


@contextmanager
def demo(folder: Path) -> Generator[tuple[int, int]]:
    """Run the demo over a folder; yields its process' id and its port once it answers."""
    with socket.socket() as free, socket.socket() as other:
        free.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        port, smtp = free.getsockname()[1], other.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "webapp.cli", "demo", "--port", str(port), "--data-dir", str(folder)],
        env=os.environ | {"SMTP_PORT": str(smtp)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("Stop with"):
                break
        else:
            raise RuntimeError("the demo did not start")
        yield process.pid, port
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


def memory(root: int) -> dict[str, float]:
    """Return the megabytes each kind of process below one has to itself."""
    found: defaultdict[str, float] = defaultdict(float)
    for pid, name in processes(root).items():
        found[name] += _own_megabytes(pid)
    return dict(found)


def processes(root: int) -> dict[int, str]:
    """Return a process and all below it, by their ids, and of what kind they are."""
    parents = {int(stat.parent.name): _parent(stat) for stat in Path("/proc").glob("[0-9]*/stat")}
    found: dict[int, str] = {}
    for pid in parents:
        above, ancestors = pid, set[int]()
        while above and above not in ancestors:
            ancestors.add(above)
            above = parents.get(above, 0)
        if root in ancestors:
            found[pid] = _name(pid)
    return found


def _parent(stat: Path) -> int:
    try:
        return int(stat.read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _name(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return "ended"
    if "postgres" in words.partition(" ")[0]:
        return "postgres"
    for module, name in (
        ("demo.child serve", "web"),
        ("demo.child worker", "worker"),
        ("webapp.cli", "demo"),
    ):
        if module in words:
            return name
    return words.rpartition("webapp.")[2].partition(" ")[0] or "other"


def _own_megabytes(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024


async def sample(root: int, seconds: float) -> list[dict[str, float]]:
    """Print the processes' memory at even times; returns all of it."""
    taken: list[dict[str, float]] = []
    for number in range(1, SAMPLES + 1):
        await asyncio.sleep(seconds / SAMPLES)
        taken.append(memory(root))
        each = ", ".join(f"{name} {size:.1f}" for name, size in sorted(taken[-1].items()))
        print(f"  {number * seconds / SAMPLES:4.0f} s, MB: {each}", flush=True)
    return taken


async def run(root: int, port: int, folder: Path, seconds: float, streams: int) -> None:
    config = load_settings(env_file=folder / "demo.env")
    staff: list[Person] = await people(config, max(10, -(-streams // 20)))
    async with Traffic(port, staff, await keys(config, 4), streams) as traffic:
        before = processes(root)
        taken = await sample(root, seconds)
        ended = [name for pid, name in before.items() if name in CHILDREN and pid not in processes(root)]
        listening = traffic.streams_open
    judge(traffic.asked, taken)
    report(f"streams on /live that stayed open, of {streams}", listening, at_least=streams, unit="")
    report(f"processes that ended{': ' if ended else ''}{', '.join(ended)}", len(ended), at_most=0, unit="")
    for name in ended:
        print((folder / f"{name}.log").read_text()[-3_000:])
    report("errors during the load", len(traffic.errors), at_most=0, unit="")
    for words, times in traffic.most_frequent_errors():
        print(f"  {times} x {words}")


def judge(asked: list[Asked], taken: list[dict[str, float]]) -> None:
    """Print what each kind of request took, and report the slowest and what memory grew by."""
    by_name: defaultdict[str, list[float]] = defaultdict(list)
    for one in asked:
        by_name[one.name].append(one.seconds)
    for name, seconds in sorted(by_name.items(), key=lambda item: -max(item[1])):
        cuts = percentiles([*seconds, seconds[-1]], 50, 99)
        print(f"  {name:28} {len(seconds):6,}, {cuts}, most {max(seconds) * 1e3:.0f} ms")
    slowest = max(asked, key=lambda one: one.seconds)
    report(f"the slowest of {len(asked):,} requests, {slowest.name}", slowest.seconds, at_most=1, unit=" s")
    middle = len(taken) // 2
    for name in OURS:
        sizes = [one.get(name, 0.0) for one in taken]
        report(
            f"memory of {name}, last half beside the first",
            median(sizes[middle:]) / median(sizes[1 : middle + 1]),
            at_most=1.05,
        )


def main() -> None:
    chosen = read_arguments(__doc__, minutes=(10, 1), streams=(200, 40))
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="calldesk-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        data = Path(folder) / "data"
        with demo(data) as (pid, port):
            print(f"the demo is up after {time.monotonic() - begun:.0f} s", flush=True)
            uvloop.run(run(pid, port, data, chosen.minutes * 60, chosen.streams))


if __name__ == "__main__":
    main()
