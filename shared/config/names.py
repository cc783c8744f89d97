"""Names that are written a little wrong, and what was probably meant."""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

OTHERS = re.compile(r"_SERVICE_(HOST|PORT)$|_PORT_\d+_(TCP|UDP)")
"""What Kubernetes and Docker put into the environment of every container about the services around it."""

IN_A_FILE = 0.7
IN_THE_ENVIRONMENT = 0.8
"""How alike, of 1, two names must be: the environment is full of other programs' names."""


def nearest(name: str, known: Iterable[str], alike: float = IN_A_FILE) -> str | None:
    """Return the known name most like `name`, if one is alike enough."""
    return next(iter(get_close_matches(name, list(known), 1, alike)), None)


def misspelt(
    known: Iterable[str], *, in_file: Iterable[str], environment: Mapping[str, str]
) -> dict[str, str]:
    """Return the names that look like a setting but are none, with the setting that was probably meant.

    Args:
        known: the settings' names, in capitals.
        in_file: names in the `.env` file; more of them are taken for settings.
        environment: the process's.
    """
    known = set(known)
    written = {
        name: IN_THE_ENVIRONMENT
        for name, value in environment.items()
        if not OTHERS.search(name) and not value.startswith("tcp://")
    }
    written |= dict.fromkeys(in_file, IN_A_FILE)
    found: dict[str, str] = {}
    for name, alike in written.items():
        if name.upper() not in known and (likely := nearest(name.upper(), known, alike)):
            found[name] = likely
    return found
