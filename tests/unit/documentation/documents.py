"""The documents of this repository, and what stands in them."""

from collections.abc import Iterator
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[3]
FOLDERS = ("", "docs/**/", "benchmarks/", "deploy/**/", "clients/**/")
DOCUMENTS = sorted({path for folder in FOLDERS for path in ROOT.glob(f"{folder}*.md")})

_parser = MarkdownIt("gfm-like", {"linkify": False})


def tokens(document: Path) -> Iterator[Token]:
    """Yield the parts of a document, those within lines too."""
    for token in _parser.parse(document.read_text(encoding="utf-8")):
        yield token
        yield from token.children or ()
