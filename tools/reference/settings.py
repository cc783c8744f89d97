"""`docs/reference/settings.md`, from `shared.config.sections`."""

import ast
import re
from datetime import time
from inspect import cleandoc, getsource
from itertools import pairwise
from typing import Any

from pydantic import SecretStr

from shared.config.sections import SECTIONS, Section
from tools.reference.tables import table

DOCUMENT = re.compile(r"docs/(\S+/(\S+)\.md)")

OPENING = """# Settings

From the environment or a `.env` file. A value that can't work is named at the start, with what
would be right, and so is a name that is probably misspelt. Production names everything that is not
safe at once and does not start.
"""


def settings_page() -> str:
    """Return every setting with its default and what it means, by section."""
    return "\n".join([OPENING, *map(_section, SECTIONS)])


def meanings(section: type[Section]) -> dict[str, str]:
    """Return by setting the text that stands below it."""
    [body] = [node.body for node in ast.parse(getsource(section)).body if isinstance(node, ast.ClassDef)]
    return {
        field.target.id: " ".join(text.value.value.split())
        for field, text in pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }


def _section(section: type[Section]) -> str:
    said = meanings(section)
    rows = [
        (f"`{name.upper()}`", _default(field.default), DOCUMENT.sub(r"[\2](../\1)", said[name]))
        for name, field in section.model_fields.items()
    ]
    title = cleandoc(section.__doc__ or "").rstrip(".")
    return f"## {title}\n\n" + table(("Setting", "Default", "Meaning"), rows)


def _default(value: Any) -> str:
    if value is None or value == "" or isinstance(value, SecretStr):
        return ""
    if isinstance(value, tuple):
        opening, closing = value
        assert isinstance(opening, time)
        return f"`{opening:%H:%M}-{closing:%H:%M}`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
