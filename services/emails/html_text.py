"""What an HTML body says as plain text.

The parser reports tags and text one after the other and this writes them down as they come: no tree, no
layout. So time, memory and the length of the text grow with the body and with nothing else, whatever a
body is made of, and its nesting may be of any depth.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol, cast

from lxml.etree import HTMLParser  # pyright: ignore[reportUnknownVariableType]

from services.checks import is_blank
from services.emails.html_hiding import Sight, is_hidden, read_style

FIRST_PIECE = 256
_NEW_PARAGRAPH = frozenset(
    (
        "article", "aside", "blockquote", "dl", "fieldset", "figure", "form", "h1", "h2", "h3", "h4", "h5",
        "h6", "hr", "ol", "p", "pre", "section", "table", "ul",
    )
)  # fmt: skip
_NEW_LINE = frozenset(
    (
        "address", "caption", "center", "dd", "div", "dt", "figcaption", "footer", "header", "legend", "li",
        "option", "tr",
    )
)  # fmt: skip
_NEVER_SHOWN = frozenset(("script", "style", "template", "title", "xml"))
_CELLS = frozenset(("td", "th"))
_LISTS = frozenset(("ol", "ul"))
_DEEPEST_INDENT = 4

_NO_BORDER = re.compile(r"border\s*:\s*(?:none|0)", re.IGNORECASE)
_OPENING_WORDS = re.compile(
    r"(?:\s|<(?:!DOCTYPE html|html|body|center|div|p|h[1-6]|b|strong)>)*(?P<words>[^<&]+)"
)
_SPACES = re.compile(r"[ \t\r\n\f]+")
_BLANK_LINES = re.compile(r"\n{3,}")
_BLANK = " \xa0\u2000-\u200a\u202f\u205f"
_PADDING = re.compile(
    rf"(?<![{_BLANK}])[{_BLANK}]*(?:[\xad\u034f\u180e\u200b-\u200f\u2060-\u2064\ufeff][{_BLANK}]*){{3,}}"
)
"""Letters nobody sees, in a row: they keep a mail's text out of its preview. One by itself has a meaning."""


class SeenHtml(NamedTuple):
    """What HTML says as plain text, and whether it shows anything at all: a word or a picture."""

    text: str
    shows_something: bool


def read_html(html: str, *, mark_quotations: bool = False) -> SeenHtml:
    """Return what HTML says, with the targets of its links; of pictures their `alt`.

    Where asked for, lines of a quotation begin with `> `.
    """
    writer = _Writer(mark_quotations=mark_quotations)
    parser = _parser(writer)
    parser.feed(html.encode())
    parser.close()
    return SeenHtml(writer.text(), writer.shows())


def text_from_html(html: str, *, mark_quotations: bool = False) -> str:
    """Return what HTML says as plain text, as `read_html` does."""
    return read_html(html, mark_quotations=mark_quotations).text


def shows_something(html: str) -> bool:
    """Whether HTML shows a word or a picture. Reads hardly further than to the first."""
    opening = _OPENING_WORDS.match(html)
    if opening and not is_blank(opening["words"]):
        return True
    writer = _Writer()
    parser = _parser(writer)
    body = html.encode()
    start, end = 0, FIRST_PIECE
    while start < len(body):
        parser.feed(body[start:end])
        if writer.shows():
            return True
        start, end = end, 2 * end
    parser.feed(b"")
    parser.close()
    return writer.shows()


class _Parser(Protocol):
    def feed(self, data: bytes) -> None: ...
    def close(self) -> object: ...


def _parser(writer: "_Writer") -> _Parser:
    return cast("Any", HTMLParser)(target=writer, encoding="utf-8", huge_tree=True)


class _Writer:
    """Writes down what the parser reports: text in pieces as small as one letter, every tag with its end."""

    def __init__(self, *, mark_quotations: bool = False) -> None:
        self._shows = False
        self._heard: list[str] = []
        """Text since the last tag."""
        self.data = self._heard.append
        self._parts: list[str] = []
        self._breaks = 0
        """Line breaks due before the next word."""
        self._gap = ""
        """Space due before the next word of the same line."""
        self._bullet = ""
        self._lists: list[int | None] = []
        """Of each open list the number of its next item; None where they have bullets."""
        self._hidden = 0
        """How many elements are open from the outermost hidden one on."""
        self._sights = [Sight()]
        """What is seen inside each open element that is not hidden."""
        self._preformatted = 0
        self._target: str | None = None
        """Where the open link leads."""
        self._label_from: int | None = None
        self._pictured = False
        """Whether the link has a picture."""
        self._mark_quotations = mark_quotations
        self._block_quotes: list[bool] = []
        """Of each open block quote whether it is a quotation."""
        self._quoted = 0
        """How many quotations are open."""

    def text(self) -> str:
        """Return what has been written, no line ending in blanks, no two blank lines together."""
        self._take_down()
        lines = "\n".join(line.rstrip() for line in "".join(self._parts).splitlines())
        return _BLANK_LINES.sub("\n\n", lines).strip("\n")

    def shows(self) -> bool:
        """Return whether any of it can be seen: a word or a picture."""
        self._take_down()
        return self._shows

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._take_down()
        style = read_style(attributes["style"]) if "style" in attributes else {}
        if self._hidden or tag in _NEVER_SHOWN or is_hidden(tag, attributes, style):
            self._hidden += 1
            return
        self._sights.append(self._sights[-1].inside(style) if style else self._sights[-1])
        if tag in _LISTS:
            self._lists.append(_first_number(attributes) if tag == "ol" else None)
        self._break_around(tag)
        if tag == "br":
            self._breaks = min(self._breaks + 1, 2)
        elif tag in _CELLS:
            self._gap = "  "
        elif tag == "li":
            self._bullet = self._next_bullet()
        elif tag == "pre":
            self._preformatted += 1
        elif tag == "blockquote":
            self._block_quotes.append(_is_quotation(attributes))
            self._quoted += self._block_quotes[-1]
        elif tag == "img" and self._sights[-1].visible:
            self._shows = self._pictured = True
            self._write(attributes.get("alt", ""))
        elif tag == "a" and self._target is None:
            self._target = " ".join(attributes.get("href", "").split()) or None
            self._pictured = False

    def end(self, tag: str) -> None:
        self._take_down()
        if self._hidden:
            self._hidden -= 1
            return
        self._sights.pop()
        self._break_around(tag)
        if tag in _LISTS and self._lists:
            self._lists.pop()
        elif tag == "li":
            self._bullet = ""
        elif tag == "pre":
            self._preformatted = max(self._preformatted - 1, 0)
        elif tag == "blockquote" and self._block_quotes:
            self._quoted -= self._block_quotes.pop()
        elif tag == "a":
            self._end_link()

    def _take_down(self) -> None:
        """Write down the text heard since the last tag."""
        if not self._heard:
            return
        text = "".join(self._heard)
        self._heard.clear()
        if not self._hidden and all(self._sights[-1]):
            self._write(text)

    def _write(self, text: str) -> None:
        if self._preformatted:
            first, *others = text.split("\n")
            self._say(first)
            for line in others:
                self._breaks = min(self._breaks + 1, 2)
                self._say(line)
            return
        text = _PADDING.sub(" ", _SPACES.sub(" ", text))
        if text.startswith(" "):
            self._gap = self._gap or " "
        if words := text.strip(" "):
            self._say(words)
            self._gap = " " if text.endswith(" ") else ""

    def close(self) -> None:
        """Do nothing: the parser asks for it."""

    def _say(self, words: str) -> None:
        if not words:
            return
        self._shows = self._shows or not is_blank(words)
        begins = bool(self._breaks) or not self._parts
        if self._parts:
            self._parts.append("\n" * self._breaks or self._gap)
        if begins and self._mark_quotations:
            self._parts.append("> " * min(self._quoted, _DEEPEST_INDENT))
        if self._target and self._label_from is None:
            self._label_from = len(self._parts)
        self._parts.append(self._bullet + words)
        self._breaks, self._gap, self._bullet = 0, "", ""

    def _break_around(self, tag: str) -> None:
        """Begin a new line or paragraph before and after an element that stands by itself."""
        nested_list = tag in _LISTS and len(self._lists) > 1
        if tag in _NEW_PARAGRAPH and not nested_list:
            self._breaks = 2
        elif tag in _NEW_LINE or nested_list:
            self._breaks = max(self._breaks, 1)

    def _next_bullet(self) -> str:
        indent = "  " * min(len(self._lists), _DEEPEST_INDENT)
        if not self._lists or (number := self._lists[-1]) is None:
            return indent + "* "
        self._lists[-1] = number + 1
        return f"{indent}{number}. "

    def _end_link(self) -> None:
        """Give the target of a link after its words, unless they are the target."""
        target, start = self._target, self._label_from
        self._target = self._label_from = None
        if target is None:
            return
        if start is None:
            self._say(target if self._pictured else "")
            return
        label = "".join(self._parts[start:]).strip()
        if target not in (label, f"mailto:{label}", f"tel:{label}"):
            self._parts[start] = "[" + self._parts[start]
            self._parts.append(f"]({target})")


def _is_quotation(attributes: Mapping[str, str]) -> bool:
    """Whether a block quote is one: mail programs indent with it as well."""
    style = attributes.get("style", "")
    return "border-left" in style.lower() or not _NO_BORDER.search(style)


def _first_number(attributes: Mapping[str, str]) -> int:
    start = attributes.get("start", "")
    return int(start) if re.fullmatch("[0-9]{1,6}", start) else 1
