"""What browsers load beside the pages: styles, scripts, pictures, all read at the start.

Their addresses carry a version made of all their contents, `/static/<version>/js/main.js`: browsers may keep
them for ever, and what a script imports by a relative path is of the same version.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "static"
STYLESHEET = "app.css"
"""The files of `css/`, one for each component, as one: a page waits for one request only."""

# fmt: off
STYLES = (
    "tokens", "elements", "words", "buttons", "chips", "badges", "banners", "panels", "forms", "topbar",
    "dialogs", "status", "live-notice", "login", "account", "figures", "charts", "week", "system", "finder",
    "due-call-backs", "band", "call-list", "queue-filter", "call", "matters", "history", "outcome", "today",
    "shifts", "list-head", "email-list", "email", "message", "delivery", "follow-up", "reply", "hours",
    "therapist", "timeline", "compose", "inbox", "guide",
)
# fmt: on
"""In this order: what the others build on, then what belongs to single screens."""


@dataclass(frozen=True, slots=True)
class StaticFiles:
    """The contents by name, and their common version."""

    version: str
    contents: dict[str, bytes]


@cache
def static_files() -> StaticFiles:
    """Read all static files, once."""
    paths = sorted(path for path in FOLDER.rglob("*") if path.is_file())
    contents = {
        path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in paths if path.parent.name != "css"
    }
    contents[STYLESHEET] = b"".join((FOLDER / "css" / f"{name}.css").read_bytes() for name in STYLES)
    digest = hashlib.sha256()
    for name, content in contents.items():
        digest.update(f"{name} {len(content)} ".encode() + content)
    return StaticFiles(digest.hexdigest()[:12], contents)


def static_url(name: str) -> str:
    """Return the address of a static file."""
    return f"/static/{static_files().version}/{name}"


def script_modules() -> list[str]:
    """Return the names of all modules, for a page to ask for them at once instead of import by import."""
    return [name for name in static_files().contents if name.startswith("js/")]
