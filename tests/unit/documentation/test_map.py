import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LONGEST_README = 120

PACKAGES = [
    path
    for path in (ROOT / "services").iterdir()
    if (path / "__init__.py").exists() and path.name != "models"
]


def test_the_readme_is_read_in_one_go():
    assert len((ROOT / "README.md").read_text().splitlines()) < LONGEST_README


@pytest.mark.parametrize("folder", [ROOT / "services", *PACKAGES], ids=lambda path: path.name)
def test_the_map_of_the_code_names_every_module(folder: Path):
    words = set(re.findall(r"\w+", (ROOT / "docs/README.md").read_text()))
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert modules - words == set()


def test_the_index_leads_to_every_document():
    index = (ROOT / "docs/README.md").read_text()
    documents = [path for path in ROOT.glob("docs/**/*.md") if path.parent.name != "decisions"]
    assert [path.name for path in documents if f"]({path.relative_to(ROOT / 'docs')})" not in index] == [
        "README.md"
    ]


def test_the_list_of_decisions_leads_to_every_one():
    listed = set(re.findall(r"\]\((\d{4}-[^)]*)\)", (ROOT / "docs/decisions/README.md").read_text()))
    assert listed == {path.name for path in ROOT.glob("docs/decisions/0*.md")}
