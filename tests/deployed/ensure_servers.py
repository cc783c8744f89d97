"""Makes sure that there is what stands around the application: `python -m tests.deployed.ensure_servers`.

Takes what is there, else the system's packages, where this user may install some.
"""

import os
import shutil
import sys
from pathlib import Path

from tests.deployed.proxies import SYSTEM_PATH
from tests.system_packages import install_package

PACKAGES = {"nginx": "nginx-light", "caddy": "caddy", "pgbouncer": "pgbouncer", "doveconf": "dovecot-imapd"}
POSTGRESQL = Path("/usr/lib/postgresql")


def main() -> int:
    """Return 0 once everything is there."""
    missing = [package for program, package in PACKAGES.items() if not _is_there(program)]
    if not POSTGRESQL.exists():
        missing.append("postgresql")
    for package in missing:
        print(f"Installing {package} ...", flush=True)
        if not install_package(package):
            print(f"This helps: apt-get install {' '.join(missing)}   (as root)", file=sys.stderr)
            return 1
    return 0


def _is_there(program: str) -> bool:
    return shutil.which(program, path=f"{os.environ['PATH']}:{SYSTEM_PATH}") is not None


if __name__ == "__main__":
    sys.exit(main())
