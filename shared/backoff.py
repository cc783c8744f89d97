"""How long to wait before something that failed is tried again."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Self


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits that double up to a cap; jitter takes off up to half, so that not all come back together."""

    base: timedelta
    cap: timedelta

    @classmethod
    def of_seconds(cls, base: float, cap: float) -> Self:
        """Return a back-off whose base and cap are given in seconds."""
        return cls(timedelta(seconds=base), timedelta(seconds=cap))

    def wait(self, failures: int, jitter: float = 0) -> timedelta:
        """Return how long to wait after the given number of failures (from 1); `jitter` is in [0, 1)."""
        doublings = min(max(failures, 1) - 1, 30)
        return min(self.base * 2**doublings, self.cap) * (1 - jitter / 2)

    def seconds(self, failures: int, jitter: float = 0) -> float:
        """Return `wait` in seconds."""
        return self.wait(failures, jitter).total_seconds()
