"""Which pages there are."""

from pathlib import Path

from services.events.contract import document
from tools.reference.commands import commands_page
from tools.reference.events import events_page
from tools.reference.guide import guide
from tools.reference.metrics import metrics_page
from tools.reference.settings import settings_page

ROOT = Path(__file__).parents[2]

MADE = "<!-- Made from the code by `make docs`; don't edit. -->\n\n"


def pages() -> dict[str, str]:
    """Return what each of them should hold, by its path in the repository."""
    written = {
        "settings": settings_page(),
        "commands": commands_page(),
        "metrics": metrics_page(),
        "events": events_page(),
    }
    made = {f"docs/reference/{name}.md": MADE + text for name, text in written.items()}
    screens = {f"webapp/views/help/{name}.html": guide(f"docs/{name}.md") for name in ("anleitung", "guide")}
    return made | screens | {"docs/reference/asyncapi.yaml": document()}
