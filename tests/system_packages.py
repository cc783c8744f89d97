"""Installing what tests need from the system's packages, where this user may."""

import os
import shutil
import subprocess

PACKAGE_SECONDS = 600


def install_package(name: str) -> bool:
    """Install a package with apt-get; say whether that worked."""
    if not shutil.which("apt-get"):
        return False
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if as_root and not shutil.which("sudo"):
        return False
    apt = [*as_root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    return succeeds([*apt, "update", "-q"], PACKAGE_SECONDS) and succeeds(
        [*apt, "install", "-q", "-y", "--no-install-recommends", name], PACKAGE_SECONDS
    )


def succeeds(command: list[str], seconds: float) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=seconds).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
