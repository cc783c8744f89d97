import itertools
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.unit.documentation.documents import DOCUMENTS, ROOT, tokens


def targets(document: Path) -> list[str]:
    found = [token.attrGet("href") or token.attrGet("src") for token in tokens(document)]
    return [str(target) for target in found if target and not urlsplit(str(target)).scheme]


def anchors(document: Path) -> set[str]:
    """The anchors GitHub gives headings."""
    found = list(tokens(document))
    headings = [after.content for before, after in itertools.pairwise(found) if before.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path):
    lost = []
    for target in targets(document):
        path, _, anchor = unquote(target).partition("#")
        to = (document.parent / path).resolve() if path else document
        if not to.exists() or (anchor and to.suffix == ".md" and anchor not in anchors(to)):
            lost.append(target)
    assert lost == []


def test_links_are_found():
    assert len(DOCUMENTS) > 20
    assert "docs/README.md" in targets(ROOT / "README.md")
    assert "health-and-figures" in anchors(ROOT / "docs/how-to/operations.md")
