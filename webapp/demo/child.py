"""Processes that end with their parent, also when it is killed: their standard input closes then.

Run as `python -m webapp.demo.child COMMAND ...` it is the `calldesk` command line with that promise.
"""

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


if __name__ == "__main__":
    from webapp.cli import main

    end_with_parent()
    main()
