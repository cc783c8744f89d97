"""What a benchmark came to, beside its aim; `python -m benchmarks` prints all rows at its end."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

FILE = "BENCH_VERDICTS"
"""The variable that names the file to which the runner has the rows written."""

Bound = Literal["at most", "at least"]


@dataclass(frozen=True)
class Verdict:
    """One row of the closing table."""

    what: str
    measured: float
    bound: Bound
    aim: float
    unit: str

    @property
    def met(self) -> bool:
        return self.measured <= self.aim if self.bound == "at most" else self.measured >= self.aim

    def in_words(self) -> tuple[str, str, str, str]:
        """Return what, measured, aim, and whether it is met."""
        return (
            self.what,
            f"{self.measured:,.2f}{self.unit}",
            f"{self.bound} {self.aim:g}{self.unit}",
            "met" if self.met else "NOT MET",
        )


def report(
    what: str,
    measured: float,
    *,
    at_most: float | None = None,
    at_least: float | None = None,
    unit: str = " x",
) -> None:
    """Print a row, and hand it to the runner if one has started this; exactly one aim is given.

    Args:
        what: what was measured, beside what.
        measured: what it came to, a ratio unless there is a unit.
        at_most: the aim, when less is better.
        at_least: the aim, when more is better.
        unit: follows both numbers, with a blank where one belongs: " ms".
    """
    if at_most is not None:
        row = Verdict(what, measured, "at most", at_most, unit)
    elif at_least is not None:
        row = Verdict(what, measured, "at least", at_least, unit)
    else:
        raise ValueError(f"{what}: no aim")
    said, *rest = row.in_words()
    print(f"{said}: {', '.join(rest)}", flush=True)
    if path := os.environ.get(FILE):
        with Path(path).open("a", encoding="utf-8") as rows:
            rows.write(json.dumps(asdict(row)) + "\n")


def read_rows(path: Path) -> list[Verdict]:
    """Return what has been reported."""
    return [Verdict(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def table(rows: Sequence[Verdict], silent: Sequence[str]) -> str:
    """Return the closing table; `silent` are benchmarks that reported nothing, and why."""
    lines = [("what", "measured", "aim", ""), *(row.in_words() for row in rows)]
    wide = [max(len(line[column]) for line in lines) for column in range(3)]
    words = [
        f"{what:{wide[0]}}  {measured:>{wide[1]}}  {aim:{wide[2]}}  {met}".rstrip()
        for what, measured, aim, met in lines
    ]
    met = sum(row.met for row in rows)
    return "\n".join([*words, *silent, f"{met} of {len(rows)} met"])
