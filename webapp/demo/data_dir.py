"""One demo at a time over a data directory, also after a crash."""

import fcntl
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

LEFTOVER_SECONDS = 20


class DemoError(Exception):
    """The demo can't run; the message is one line that says why and what helps."""


@contextmanager
def only_demo_over(data_dir: Path) -> Generator[int]:
    """Hold the data directory; yield the descriptor that children inherit and so hold with their lives.

    Children of a killed demo end by themselves: they are waited for here.

    Raises:
        DemoError: another demo runs over the same directory, or the last one's processes don't end.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    demo = os.open(data_dir / "demo.lock", os.O_RDWR | os.O_CREAT)
    children = os.open(data_dir / "children.lock", os.O_RDWR | os.O_CREAT)
    try:
        if not _try_lock(demo):
            raise DemoError(f"a demo is already running over {data_dir}: stop it there with Ctrl-C")
        _wait_for_leftovers(children, data_dir)
        yield children
    finally:
        os.close(children)
        os.close(demo)


def _wait_for_leftovers(children: int, data_dir: Path) -> None:
    deadline = time.monotonic() + LEFTOVER_SECONDS
    while not _try_lock(children):
        if time.monotonic() > deadline:
            raise DemoError(f"processes of the last demo over {data_dir} don't end: end them by hand")
        time.sleep(0.1)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
