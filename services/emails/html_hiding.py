"""Which parts of an HTML body its reader doesn't see, as inline styles say it."""

import re
from collections.abc import Mapping
from typing import NamedTuple

_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_ZERO = re.compile(r"(?:0+(?:\.0+)?|\.0+)(?:[a-z]+|%)?")
_SIZE = re.compile(
    r"(?:^|\s)((?:\d+(?:\.\d+)?|\.\d+)(?:px|pt|pc|cm|mm|in|vw|r?em|ex|ch|%)|0+(?:\.0+)?)(?=[\s/]|$)"
)
_RELATIVE_SIZE = re.compile(r".*(?:(?<!r)em|ex|ch|%)|inherit|unset|smaller|larger")
_FAR_OUT = re.compile(r"-\d{3,}(?:\.\d+)?px")


class Sight(NamedTuple):
    """What is seen of an element's own text and pictures; both pass on to what is inside it."""

    visible: bool = True
    letters: bool = True
    """Whether letters have a size."""

    def inside(self, style: Mapping[str, str]) -> "Sight":
        """Return what is seen inside an element of this style."""
        visibility = style.get("visibility")
        visible = self.visible if visibility is None else visibility not in ("hidden", "collapse")
        return Sight(visible, _letters(style, self.letters))


def read_style(style: str) -> dict[str, str]:
    """Return the properties an inline style sets, in lower case."""
    declarations = _COMMENT.sub("", style.lower()).split(";")
    pairs = (declaration.partition(":") for declaration in declarations)
    return {name.strip(): value.partition("!")[0].strip() for name, _, value in pairs}


def is_hidden(tag: str, attributes: Mapping[str, str], style: Mapping[str, str]) -> bool:
    """Whether neither an element nor anything inside it is seen.

    `mso-hide` hides from Outlook alone. It marks preheaders, but also links that Outlook shows as a drawn
    button, and those are to be read.
    """
    return (
        "hidden" in attributes
        or style.get("display") == "none"
        or _is_zero(style, "opacity")
        or (style.get("mso-hide") == "all" and tag != "a")
        or _is_clipped(style)
        or any(_FAR_OUT.fullmatch(style.get(name, "")) for name in ("left", "top", "text-indent"))
    )


def _is_clipped(style: Mapping[str, str]) -> bool:
    hides = any(style.get(name) in ("hidden", "clip") for name in ("overflow", "overflow-x", "overflow-y"))
    return hides and any(_is_zero(style, name) for name in ("max-height", "height", "max-width", "width"))


def _letters(style: Mapping[str, str], inherited: bool) -> bool:
    for name in ("font-size", "font"):
        value = style.get(name)
        if value is None:
            continue
        size = _SIZE.search(value)
        if size and _ZERO.fullmatch(size[1]):
            return False
        return inherited if _RELATIVE_SIZE.fullmatch(size[1] if size else value) else True
    return inherited


def _is_zero(style: Mapping[str, str], name: str) -> bool:
    return _ZERO.fullmatch(style.get(name, "")) is not None
