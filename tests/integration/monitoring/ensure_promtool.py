"""Installs `promtool` with the system's package of Prometheus, if it isn't there."""

import shutil
import sys

from tests.system_packages import install_package


def main() -> None:
    if not shutil.which("promtool") and not install_package("prometheus"):
        sys.exit("promtool is missing: install Prometheus, which brings it along")


if __name__ == "__main__":
    main()
