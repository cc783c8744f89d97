"""Makes sure that there is a Dovecot: `python -m tests.mailbox.ensure_dovecot`.

Takes one that is there, else the system's package, where this user may install one.
"""

import shutil
import sys

from tests.system_packages import install_package

ADVICE = """No Dovecot for the mailbox tests, and none could be installed. This helps:
  apt-get install dovecot-imapd   (as root)"""


def main() -> int:
    """Return 0 once Dovecot is there."""
    if _is_there():
        return 0
    print("Installing Dovecot for the mailbox tests ...", flush=True)
    if install_package("dovecot-imapd") and _is_there():
        return 0
    print(ADVICE, file=sys.stderr)
    return 1


def _is_there() -> bool:
    return shutil.which("dovecot", path="/usr/sbin:/usr/bin:/sbin:/bin") is not None


if __name__ == "__main__":
    sys.exit(main())
