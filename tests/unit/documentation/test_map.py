import re
from datetime import time
from pathlib import Path

import pytest
from pydantic import SecretStr

from shared.config import Settings

ROW = re.compile(r"^\| `([A-Z0-9_]+)` \| (.*?) \| (.*?) \|$", re.MULTILINE)
LINK = re.compile(r"\]\((?!http)([^)#]+)")
ROOT = Path(__file__).parents[3]
README = ROOT / "README.md"


def _written(default: object) -> str:
    if default is None or default == "" or isinstance(default, SecretStr):
        return ""
    if isinstance(default, tuple):
        opening, closing = default
        assert isinstance(opening, time)
        return f"`{opening:%H:%M}-{closing:%H:%M}`"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def test_configuration_table_lists_every_setting_with_its_default():
    table = {name: default for name, default, _ in ROW.findall(README.read_text())}
    settings = {name.upper(): _written(field.default) for name, field in Settings.model_fields.items()}
    assert table == settings


def test_every_file_the_documents_point_to_exists():
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")]
    links = [(document, link) for document in documents for link in LINK.findall(document.read_text())]
    assert links
    assert [link for document, link in links if not (document.parent / link).exists()] == []


PACKAGES = [
    path
    for path in (ROOT / "services").iterdir()
    if (path / "__init__.py").exists() and path.name != "models"
]


@pytest.mark.parametrize("folder", [ROOT / "services", *PACKAGES], ids=lambda path: path.name)
def test_the_map_of_the_code_names_every_module(folder: Path):
    words = set(re.findall(r"\w+", (ROOT / "docs/README.md").read_text()))
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert modules - words == set()
