"""Ends a process with its parent, also when that is killed: its standard input closes then."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable

LAST_WARNING_SECONDS = 10


def end_with_parent(take_first_line: Callable[[bytes], None] | None = None) -> None:
    """Watch standard input, which the parent holds open: at its end terminate, at the latest by force.

    Args:
        take_first_line: is given what the parent writes first, in another thread; empty when it ends before.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_watch, args=[take_first_line], name="parent-watch", daemon=True).start()


def _watch(take_first_line: Callable[[bytes], None] | None) -> None:
    if take_first_line:
        take_first_line(sys.stdin.buffer.readline())
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(LAST_WARNING_SECONDS)
    os._exit(1)
