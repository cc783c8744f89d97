"""Processes that end with their parent, also when it is killed: their standard input closes then.

Run as `python -m webapp.demo.child COMMAND` it is that `calldesk` command, imported while it waits for its
settings: one line of JSON on standard input.
"""

import importlib
import json
import os
import signal
import sys
import threading
import time

LAST_WARNING_SECONDS = 10
COMMANDS = {"serve": "webapp.server", "worker": "services.worker"}


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


def main() -> None:
    """Run the command named in the arguments."""
    from webapp.cli import main as calldesk

    importlib.import_module(COMMANDS[sys.argv[1]])
    settings = sys.stdin.buffer.readline()
    if not settings:
        return
    os.environ.update(json.loads(settings))
    end_with_parent()
    calldesk()


if __name__ == "__main__":
    main()
