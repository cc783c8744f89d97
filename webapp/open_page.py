"""Which open page asks: it is not told of what it did itself where the answer has shown that already."""

import re
from collections.abc import Sequence
from typing import Any

from litestar.connection import ASGIConnection

PAGE_HEADER = "x-page"
"""Holds what the page calls itself, a new name each time it is loaded (`static/js/stream.js`)."""

BRINGS_HEADER = "X-Brings"
"""Names the lists that are in an answer, by their ids (`static/js/lists.js`)."""

NAME = re.compile("[0-9a-f]{16}")


def page_of(request: ASGIConnection[Any, Any, Any, Any]) -> str:
    """Return what the page that asks calls itself; empty where it does not say."""
    return named(request.headers.get(PAGE_HEADER, ""))


def named(page: str) -> str:
    """Return the name of a page; empty for anything else."""
    return page if NAME.fullmatch(page) else ""


def bringing(lists: Sequence[str]) -> dict[str, str]:
    """Return the header that says which lists an answer brings."""
    return {BRINGS_HEADER: " ".join(lists)}
