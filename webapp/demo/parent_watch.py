"""Ends a process with its parent, also when that is killed: its standard input closes then."""

import os
import signal
import sys
import threading
import time

LAST_WARNING_SECONDS = 10


def end_with_parent() -> None:
    """Watch standard input, which the parent holds open: at its end terminate, at the latest by force."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_watch, name="parent-watch", daemon=True).start()


def _watch() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(LAST_WARNING_SECONDS)
    os._exit(1)
