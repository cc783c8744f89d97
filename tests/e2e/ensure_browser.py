"""Makes sure that there is a Chromium for the end-to-end tests: `python -m tests.e2e.ensure_browser`.

Takes one that is there; else Playwright's own; else the system's package, where this user may install one.
"""

import sys

from tests.e2e.browser import find_browser
from tests.system_packages import install_package, succeeds

DOWNLOAD_SECONDS = 240

ADVICE = """No Chromium for the end-to-end tests, and none could be installed. Either of these helps:
  .venv/bin/python -m playwright install --with-deps --only-shell chromium
  apt-get install chromium   (as root)"""


def main() -> int:
    """Return 0 once a browser is there."""
    if find_browser():
        return 0
    print("Installing Chromium for the end-to-end tests ...", flush=True)
    if _download() and find_browser():
        return 0
    if any(install_package(name) and find_browser() for name in ("chromium-headless-shell", "chromium")):
        return 0
    print(ADVICE, file=sys.stderr)
    return 1


def _download() -> bool:
    return succeeds(
        [sys.executable, "-m", "playwright", "install", "--only-shell", "chromium"], DOWNLOAD_SECONDS
    )


if __name__ == "__main__":
    sys.exit(main())
