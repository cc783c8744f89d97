"""The two bodies of an e-mail, one made from the other where only one is given, and its Message-ID."""

import asyncio
import re
from collections.abc import Callable
from html import escape
from typing import TypeVar
from uuid import uuid4

from services.checks import REQUIRED, SHOWS_NOTHING, check_body, is_blank
from services.emails.addresses import ascii_domain
from services.emails.html_text import read_html, shows_something
from services.errors import FieldError, InvalidInput

Result = TypeVar("Result")
LARGE_HTML = 32 * 1024
_PARAGRAPHS = re.compile(r"\n[ \t]*\n\s*")


def new_message_id(sender: str) -> str:
    """Return a Message-ID of its own, in the domain of a valid sender address (RFC 5322, 3.6.4)."""
    return f"<{uuid4().hex}@{ascii_domain(sender)}>"


def html_from_text(text: str) -> str:
    """Return plain text as HTML that shows the same: paragraphs and line breaks, everything else escaped."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    paragraphs = (escape(paragraph).replace("\n", "<br>\n") for paragraph in _PARAGRAPHS.split(lines))
    return "\n".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)


async def both_bodies(body_html: str | None, body_text: str | None) -> tuple[str, str]:
    """Return HTML and text body, the missing or blank one derived; both show something.

    A large HTML body is read in a thread, so that it holds nobody else up.

    Raises:
        InvalidInput: names the body that shows nothing, or of which the derived one is too large.
    """
    if body_html is None or not body_html.strip():
        if body_text is None or is_blank(body_text):
            raise InvalidInput(FieldError("body_text", REQUIRED))
        return _fitting("body_text", html_from_text(body_text)), body_text
    if body_text is None or is_blank(body_text):
        body_text, shown = await _read(read_html, body_html)
        body_text = _fitting("body_html", body_text)
    else:
        shown = await _read(shows_something, body_html)
    if not shown:
        raise InvalidInput(FieldError("body_html", SHOWS_NOTHING))
    return body_html, body_text


async def _read(reader: Callable[[str], Result], html: str) -> Result:
    return await asyncio.to_thread(reader, html) if len(html) > LARGE_HTML else reader(html)


def _fitting(given: str, derived: str) -> str:
    """Return a body derived from the one given.

    Raises:
        InvalidInput: it is larger than a body may be; names the one given.
    """
    if errors := check_body(given, derived):
        raise InvalidInput(*errors)
    return derived
