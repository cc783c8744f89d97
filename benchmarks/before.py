"""Pages and bookings of this commit beside those of one before it, in turns, over the same data.

`python -m benchmarks.before [--quick] [--emails N] [--requests N] [--rounds N] [--bookings N]`. `BEFORE`
names the commit (`b0be21f`); its files are put beside this one's and taken away again. Each commit has a
database of its own, with its own schema: the newer is a copy of the older, migrated.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import uvloop
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import URL

from benchmarks.busy_desk import Size, fill, tidy
from benchmarks.harness import copy, empty_database, migrate, percentiles, read_arguments
from benchmarks.verdict import report

COMMIT = os.environ.get("BEFORE", "b0be21f")
HERE = Path(__file__).parents[1]
PAGES = {
    "Week": "/week",
    "A word that stands in all e-mails": "/emails?q=anfrage",
    "Statistics, 90 days": "/statistics?days=90",
    "System": "/system",
}
"""All of them are to take at most half of what they took."""

BOOKED = re.compile(r"find and book, 50,000 booked, +(\d+) clients +([\d,]+)/s")


@dataclass(frozen=True)
class Side:
    """A commit whose application runs and waits for its turn."""

    process: subprocess.Popen[str]

    def take_turn(self, path: str, requests: int) -> dict[str, Any]:
        """Return what came of so many requests."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"path": path, "requests": requests}) + "\n")
        self.process.stdin.flush()
        return self.answer()

    def answer(self) -> Any:
        assert self.process.stdout is not None
        if line := self.process.stdout.readline():
            return json.loads(line)
        raise RuntimeError("one of the applications has ended")


@contextmanager
def files_of(commit: str) -> Generator[Path]:
    """Yield a folder with a commit's files."""
    with tempfile.TemporaryDirectory(prefix="calldesk-before-") as folder:
        tree = Path(folder) / "tree"
        git = ("git", "-C", str(HERE), "worktree")
        subprocess.run([*git, "add", "--quiet", "--detach", str(tree), commit], check=True)
        try:
            yield tree
        finally:
            subprocess.run([*git, "remove", "--force", str(tree)], check=True)


@contextmanager
def side(tree: Path, url: URL) -> Generator[Side]:
    """Run a commit's application; yields it when it can be asked."""
    script, address = HERE / "benchmarks" / "before_side.py", url.render_as_string(hide_password=False)
    process = subprocess.Popen(
        [sys.executable, "-P", "-W", "ignore", str(script), address],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(tree)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        asked = Side(process)
        asked.answer()
        yield asked
    finally:
        process.terminate()
        process.communicate(timeout=20)


def head_of(tree: Path) -> str:
    """Return the last migration there is in a folder."""
    alembic = Config(tree / "alembic.ini")
    alembic.set_main_option("script_location", str(tree / "migrations"))
    head = ScriptDirectory.from_config(alembic).get_current_head()
    assert head is not None
    return head


async def fill_both(before: URL, now: URL, size: Size) -> None:
    """Fill the older database and copy it; the copy has the older schema still."""
    await fill(before, size, learnt=False)
    await copy(before, now)


def compare_pages(sides: dict[str, Side], requests: int, rounds: int) -> None:
    """Let both take turns at every page and report how the newer compares."""
    for name, path in PAGES.items():
        seconds: dict[str, list[float]] = {which: [] for which in sides}
        processor = dict.fromkeys(sides, 0.0)
        for number in range(rounds + 1):
            for which, asked in sides.items():
                done = asked.take_turn(path, requests)
                if number:
                    seconds[which] += done["seconds"]
                    processor[which] += done["processor"]
        for which, taken in seconds.items():
            each = processor[which] / len(taken) * 1e3
            print(f"  {name}, {which}: {percentiles(taken, 50, 95)}, {each:.1f} ms of processor")
        before, now = (median(taken) for taken in seconds.values())
        report(f"{name}, beside {COMMIT}", now / before, at_most=0.5)


def bookings_a_second(tree: Path, bookings: int) -> dict[int, float]:
    """Return what a commit's own benchmark says, by how many clients there are."""
    said = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "benchmarks.scheduling", "--repetitions", str(bookings)],
        cwd=tree,
        env={name: value for name, value in os.environ.items() if name != "BENCH_VERDICTS"}
        | {"PYTHONPATH": str(tree)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    return {int(clients): float(rate.replace(",", "")) for clients, rate in BOOKED.findall(said)}


def compare_bookings(before: Path, bookings: int) -> None:
    """Report how many times as many calls are booked in a second."""
    then, now = bookings_a_second(before, bookings), bookings_a_second(HERE, bookings)
    for clients, rate in now.items():
        print(f"  find and book, {clients} clients: {then[clients]:.0f}/s before, {rate:.0f}/s now")
        report(
            f"find and book, 50,000 booked, {clients} clients, beside {COMMIT}",
            rate / then[clients],
            at_least=10,
        )


def main() -> None:
    chosen = read_arguments(
        __doc__, emails=(100_000, 10_000), requests=(5, 2), rounds=(6, 2), bookings=(200, 50)
    )
    with files_of(COMMIT) as tree:
        with empty_database() as before, ExitStack() as stack:
            now = before.set(database="now")
            migrate(before, head_of(tree))
            uvloop.run(fill_both(before, now, Size.of(chosen.emails)))
            migrate(now)
            uvloop.run(tidy(now))
            sides = {
                COMMIT: stack.enter_context(side(tree, before)),
                "now": stack.enter_context(side(HERE, now)),
            }
            compare_pages(sides, chosen.requests, chosen.rounds)
        if chosen.bookings:
            compare_bookings(tree, chosen.bookings)


if __name__ == "__main__":
    main()
