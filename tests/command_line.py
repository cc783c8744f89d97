"""`calldesk` in processes of its own, forked from one that has loaded it, which takes longer than the rest.

`python -m tests.command_line` runs a command for each line of input, and prints how it has ended.
"""

import gc
import json
import os
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from subprocess import CompletedProcess
from typing import Self

from sqlalchemy import URL

from webapp.cli import main

LOADED = (
    "migrations.upgrade",
    "services.ids",
    "services.privacy.export",
    "services.privacy.retention",
    "services.sending.hold",
    "webapp.commands.keys",
    "webapp.commands.privacy",
    "webapp.commands.queue",
    "webapp.commands.staff",
    "webapp.server",
    "webapp.worker_status",
)
STREAMS = ("stdin", "stdout", "stderr")


def started(*arguments: str, database: URL, **environment: str) -> CompletedProcess[str]:
    """Run a command as an operator does, where it matters how the process itself begins."""
    return subprocess.run(
        [sys.executable, "-m", "webapp.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment_of(database) | environment,
    )


def environment_of(database: URL) -> dict[str, str]:
    address = database.render_as_string(hide_password=False)
    return {"APP_ENV": "testing", "DATABASE_URL": address, "PATH": ""}


class CommandLine:
    """Runs commands, one after the other."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.command_line"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.communicate()

    def run(
        self, *arguments: str, database: URL, stdin: str = "", **environment: str
    ) -> CompletedProcess[str]:
        """Run one command and return how it ended and what it said."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with tempfile.TemporaryDirectory() as folder:
            files = {name: Path(folder) / name for name in STREAMS}
            files["stdin"].write_text(stdin)
            json.dump([folder, arguments, environment_of(database) | environment], self._process.stdin)
            print(file=self._process.stdin, flush=True)
            code = int(self._process.stdout.readline())
            said = (files[name].read_text() for name in STREAMS[1:])
            return CompletedProcess(arguments, code, *said)


def fork_for_each_line() -> tuple[str, list[str], dict[str, str]]:
    """Return, in a new process for each, what the lines of input ask for; end when there are no more."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            return json.loads(line)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
    sys.exit()


def become(folder: str, arguments: list[str], environment: dict[str, str]) -> None:
    """Be the process somebody would have started: its arguments, environment and standard streams."""
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["calldesk", *arguments]
    for number, (name, mode) in enumerate(zip(STREAMS, "rww", strict=True)):
        file = (Path(folder) / name).open(mode)
        os.dup2(file.fileno(), number)
        setattr(sys, name, file)


if __name__ == "__main__":
    for module in LOADED:
        import_module(module)
    gc.freeze()
    become(*fork_for_each_line())
    main()
