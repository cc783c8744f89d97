"""Makes sure that there is a Chromium for the end-to-end tests: `python -m tests.e2e.ensure_browser`.

Takes one that is there; else Playwright's own; else the system's package, where this user may install one.
"""

import os
import shutil
import subprocess
import sys

from tests.e2e.browser import find_browser

DOWNLOAD_SECONDS = 240
PACKAGE_SECONDS = 600

ADVICE = """No Chromium for the end-to-end tests, and none could be installed. Either of these helps:
  .venv/bin/python -m playwright install --with-deps chromium
  apt-get install chromium   (as root)"""


def main() -> int:
    """Return 0 once a browser is there."""
    if find_browser():
        return 0
    print("Installing Chromium for the end-to-end tests ...", flush=True)
    if _download() and find_browser():
        return 0
    if _install_package() and find_browser():
        return 0
    print(ADVICE, file=sys.stderr)
    return 1


def _download() -> bool:
    return _succeeds([sys.executable, "-m", "playwright", "install", "chromium"], DOWNLOAD_SECONDS)


def _install_package() -> bool:
    if not shutil.which("apt-get"):
        return False
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if as_root and not shutil.which("sudo"):
        return False
    environment = ["env", "DEBIAN_FRONTEND=noninteractive"]
    return _succeeds([*as_root, *environment, "apt-get", "update", "-q"], PACKAGE_SECONDS) and _succeeds(
        [*as_root, *environment, "apt-get", "install", "-q", "-y", "--no-install-recommends", "chromium"],
        PACKAGE_SECONDS,
    )


def _succeeds(command: list[str], seconds: float) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=seconds).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


if __name__ == "__main__":
    sys.exit(main())
