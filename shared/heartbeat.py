"""Whether loops still turn.

A loop says at each turn by when the next one is due; one that is late hangs, and no exception will ever tell.
Waiting for work that may never come has no bound, so a loop with nothing to do is not late.
"""

import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import NamedTuple

TURN_SECONDS = 180.0
"""Longer than a turn takes by the deadlines of all it waits for, besides what is counted on top of it."""


class _Turn(NamedTuple):
    at: float
    due: float | None


class Pulse:
    """The heartbeat of one loop, and of the parts it is made of."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._turns: dict[str, _Turn] = {}

    def turn(self, within: float | None, part: str = "") -> None:
        """Note a turn; the next of this part comes within so many seconds, None: when there is work."""
        now = self._monotonic()
        self._turns[part] = _Turn(now, None if within is None else now + within)

    def begin(self, within: float) -> None:
        """Note that the loop is started anew: what its parts had said no longer counts."""
        self._turns.clear()
        self.turn(within)

    @property
    def last(self) -> float:
        """When any part turned last, on the monotonic clock."""
        return max(turn.at for turn in self._turns.values())

    @property
    def late_parts(self) -> list[str]:
        """The parts whose turn is overdue; the loop itself is the part without a name."""
        now = self._monotonic()
        return sorted(part for part, turn in self._turns.items() if turn.due is not None and turn.due < now)


class Heartbeats:
    """The heartbeats of a process' loops.

    Args:
        monotonic: seconds that only go forward.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._pulses: dict[str, Pulse] = {}

    def of(self, loop: str) -> Pulse:
        """Return the heartbeat of a loop, which begins to be watched with its first turn."""
        return self._pulses.setdefault(loop, Pulse(self._monotonic))

    def hung(self) -> list[str]:
        """Return the loops that are late, with the part where it is known: `email_sender: lane 3`."""
        return [
            f"{loop}: {part}" if part else loop
            for loop, pulse in sorted(self._pulses.items())
            for part in pulse.late_parts
        ]

    def ages(self) -> Mapping[str, float]:
        """Return how many seconds ago each loop turned last."""
        now = self._monotonic()
        return {loop: now - pulse.last for loop, pulse in self._pulses.items()}


_current: ContextVar[Pulse | None] = ContextVar("pulse", default=None)


def carry(pulse: Pulse | None) -> None:
    """Let `turned` mean this heartbeat, in the running task and those it starts."""
    _current.set(pulse)


def turned(within: float | None = TURN_SECONDS, part: str = "") -> None:
    """Note a turn of the loop this runs in, as `Pulse.turn`; outside of one nothing is noted."""
    if pulse := _current.get():
        pulse.turn(within, part)
