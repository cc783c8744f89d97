"""A process of the demo: `python -m webapp.demo.child serve` or `worker`.

It loads its code, waits for its settings, one line of JSON on standard input, and ends with its parent, also
while it loads.
"""

import json
import os
import sys
from collections.abc import Callable
from queue import SimpleQueue

from webapp.demo.loading import loading
from webapp.demo.parent_watch import end_with_parent


def main() -> None:
    """Run the process named in the arguments."""
    settings = SimpleQueue[bytes]()
    end_with_parent(settings.put)
    with loading():
        run = _COMMANDS[sys.argv[1]]()
    if given := settings.get():
        os.environ.update(json.loads(given))
        run()


def _web() -> Callable[[], None]:
    from shared.config import get_config
    from webapp.server import serve

    return lambda: serve(get_config())


def _worker() -> Callable[[], None]:
    from services.worker import run_worker
    from shared.config import get_config
    from webapp.logs import configure_logging
    from webapp.worker_status import WorkerStatus

    def work() -> None:
        configure_logging(get_config())
        run_worker(get_config(), WorkerStatus)

    return work


_COMMANDS = {"serve": _web, "worker": _worker}


if __name__ == "__main__":
    main()
