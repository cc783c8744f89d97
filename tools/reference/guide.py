"""The guide for staff as a template of the screens, from the Markdown it is written in."""

import re
import struct
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
PICTURES = "../webapp/static/"
"""Where the documents find pictures that the screens show too."""

MADE = "{# Made from {source} by `make docs`; don't edit. #}\n"
CONTENTS = '<nav class="guide-contents" aria-label="{{ _(\'Contents\') }}"><ul>\n'


def guide(source: str) -> str:
    """Return the template: after the opening a list of the chapters, then these.

    Args:
        source: the document's path in the repository.
    """
    parser = MarkdownIt("commonmark").enable("table")
    tokens = parser.parse((ROOT / source).read_text(encoding="utf-8"))
    chapters = _chapters(tokens)
    for token in tokens:
        for child in token.children or ():
            if child.type == "image":
                _place(child)
    first = next((n for n, token in enumerate(tokens) if _is_chapter(token)), len(tokens))
    render = parser.renderer.render
    opening, rest = (render(part, parser.options, {}) for part in (tokens[:first], tokens[first:]))
    return MADE.replace("{source}", source) + opening + _contents(chapters) + rest


def _is_chapter(token: Token) -> bool:
    return token.type == "heading_open" and token.tag == "h2"


def _chapters(tokens: list[Token]) -> dict[str, str]:
    """Give every chapter an address of its own; return them with their titles."""
    found: dict[str, str] = {}
    for token, title in pairwise(tokens):
        if _is_chapter(token):
            name = re.sub(r"[^\w ]", "", title.content.lower()).replace(" ", "-")
            token.attrSet("id", name)
            found[name] = title.content
    return found


def _contents(chapters: dict[str, str]) -> str:
    links = "".join(f'<li><a href="#{name}">{title}</a></li>\n' for name, title in chapters.items())
    return f"{CONTENTS}{links}</ul></nav>\n" if links else ""


def _place(picture: Token) -> None:
    name = str(picture.attrs["src"]).removeprefix(PICTURES)
    content = (ROOT / "webapp/static" / name).read_bytes()
    width, height = struct.unpack(">II", content[16:24])  # of a PNG's first chunk
    picture.attrs = {
        "src": f"{{{{ static_url('{name}') }}}}",
        "alt": "",
        "width": width,
        "height": height,
        "loading": "lazy",
    }
