"""The documents of this repository, and what stands in them."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[3]
FOLDERS = ("", "docs/**/", "benchmarks/", "deploy/**/", "clients/**/")
DOCUMENTS = sorted({path for folder in FOLDERS for path in ROOT.glob(f"{folder}*.md")})

OURS = ("calldesk", "make")
SHELL = ("", "sh")
"""Fences that hold commands: those without a language whose first word is a program."""

_AFTER = frozenset((">", ">>", "|", "&&", ";", "&"))
_PROGRAM = re.compile(r"(?:\.venv/bin/)?[a-z][\w./-]*")
_parser = MarkdownIt("commonmark").enable("table")


@dataclass(frozen=True)
class Command:
    """A command that a document shows."""

    document: str
    program: str
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.document}: {shlex.join((self.program, *self.arguments))[:60]}"


@cache
def tokens(document: Path) -> tuple[Token, ...]:
    """Return the parts of a document, those within lines too."""
    found: list[Token] = []
    for token in _parser.parse(document.read_text(encoding="utf-8")):
        found += [token, *(token.children or ())]
    return tuple(found)


def fences(document: Path, *languages: str) -> list[str]:
    """Return the contents of a document's code blocks in one of these languages."""
    return [each.content for each in tokens(document) if each.type == "fence" and each.info in languages]


def spans(document: Path) -> list[str]:
    """Return what stands between backticks within a document's lines."""
    return [each.content for each in tokens(document) if each.type == "code_inline"]


def commands(document: Path) -> Iterator[Command]:
    """Yield the commands of a document: in blocks, and ours within lines too."""
    name = str(document.relative_to(ROOT))
    blocks = fences(document, *SHELL)
    ours = [span for span in spans(document) if span.split(" ")[0] in OURS]
    for text in [*blocks, *ours]:
        for line in _lines(text):
            words = shlex.split(line, comments=True)
            if words and _PROGRAM.fullmatch(words[0]) and not line.startswith(" "):
                end = next((n for n, word in enumerate(words) if word in _AFTER), len(words))
                program = words[0].removeprefix(".venv/bin/")
                yield Command(name, program, tuple(words[1:end]))


def _lines(text: str) -> Iterator[str]:
    """Yield the lines of a shell's input; one goes on while a quotation mark is open."""
    kept = ""
    for line in text.splitlines():
        kept += line
        try:
            shlex.split(kept, comments=True)
        except ValueError:
            kept += "\n"
            continue
        yield kept
        kept = ""
