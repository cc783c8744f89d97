"""Counts what a function does, so that a test can say how that grows, whatever the machine is busy with."""

import sys
from collections.abc import Callable
from types import FrameType


def work_done(function: Callable[[], object]) -> int:
    """Return how many functions, written in Python or not, were called on the way."""
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        function()
    finally:
        sys.setprofile(before)
    return calls
