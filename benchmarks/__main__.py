"""Runs the benchmarks one after the other: `python -m benchmarks [--quick] [name ...]`, or `--list`."""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import verdict

BENCHMARKS = {
    "pages": "every page: server time and SQL statements",
    "before": "pages and bookings beside the commit before (BEFORE=b0be21f)",
    "growth": "each page and step with 1, 10 and 100 times the data",
    "today": "Today beside a bare handler for the same rows, and by how many calls are open",
    "scheduling": "find the next free slot and book it, by how much is booked",
    "api_calls": "POST /api/phone-calls: bursts, 1 and 16 clients",
    "api_emails": "POST /api/emails beside a bare INSERT",
    "api_broker_down": "both POSTs with the Kafka broker up and down",
    "mail_drain": "the worker empties a queue, beside bare aiosmtplib",
    "mail_latency": "one e-mail from the API's answer to the mail server",
    "incoming": "an answer from the mailbox to open pages, and a stream of them",
    "reach": "waiting for a better hour: people reached, given up and waiting, simulated",
    "relay": "the outbox to Kafka, beside bare aiokafka",
    "starts": "the demo until it answers: again, over an empty data directory",
    "load": "ten minutes of mixed load with 200 open streams: memory, slowest request, errors",
}

ON_REQUEST = ("load",)
"""Those that run only when they are named."""

ELSEWHERE = (
    "make run in a fresh clone, empty caches, at most 25 s: python -m benchmarks.starts --cold",
    "processor of make test in a fresh clone, at most 300 s: time make test",
)
"""What has an aim and needs more than this machine, or more time than all the others."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes: whether all of it runs")
    parser.add_argument("--list", action="store_true", help="say what there is and stop")
    parser.add_argument(
        "names", nargs="*", metavar="name", help=f"by default all but {', '.join(ON_REQUEST)}"
    )
    chosen = parser.parse_args()
    if unknown := set(chosen.names) - BENCHMARKS.keys():
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    if chosen.list:
        print("\n".join(f"{name}: {says}" for name, says in BENCHMARKS.items()))
        return
    names = chosen.names or [name for name in BENCHMARKS if name not in ON_REQUEST]
    with tempfile.TemporaryDirectory(prefix="calldesk-bench-") as folder:
        rows = Path(folder) / "rows"
        rows.touch()
        failed = [name for name in names if not run(name, rows, quick=chosen.quick)]
        silent = [f"{name}: failed" for name in failed]
        silent += [f"{name}: make bench ONLY={name}" for name in ON_REQUEST if name not in names]
        silent += () if chosen.names else ELSEWHERE
        print(verdict.table(verdict.read_rows(rows), silent))
    if chosen.quick:
        print("Small sizes: the figures say little.")
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


def run(name: str, rows: Path, *, quick: bool) -> bool:
    """Run one benchmark, which appends its rows; return whether it ended well."""
    print(f"{name}: {BENCHMARKS[name]}", flush=True)
    start = time.monotonic()
    command = [sys.executable, "-W", "ignore", "-m", f"benchmarks.{name}", *(["--quick"] if quick else [])]
    ended = subprocess.run(command, check=False, env=os.environ | {verdict.FILE: str(rows)})
    print(f"({time.monotonic() - start:.0f} s)\n", flush=True)
    return ended.returncode == 0


if __name__ == "__main__":
    main()
