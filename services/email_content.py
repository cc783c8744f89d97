"""The two bodies of an e-mail, one made from the other where only one is given, and its Message-ID."""

import asyncio
import re
from html import escape
from textwrap import dedent
from uuid import uuid4

from inscriptis import get_text  # pyright: ignore[reportMissingTypeStubs]
from inscriptis.model.config import ParserConfig  # pyright: ignore[reportMissingTypeStubs]

from services.email_validation import ascii_domain

LARGE_HTML = 32 * 1024
_WITH_LINKS = ParserConfig(display_links=True)
_LINK_TO_ITSELF = re.compile(r"\[([^\[\]\s]{1,2048})\]\((?:mailto:|tel:)?\1\)")
_PARAGRAPHS = re.compile(r"\n[ \t]*\n\s*")
_BLANK_LINES = re.compile(r"\n{3,}")


def new_message_id(sender: str) -> str:
    """Return a Message-ID of its own, in the domain of a valid sender address (RFC 5322, 3.6.4)."""
    return f"<{uuid4().hex}@{ascii_domain(sender)}>"


def html_from_text(text: str) -> str:
    """Return plain text as HTML that shows the same: paragraphs and line breaks, everything else escaped."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    paragraphs = (escape(paragraph).replace("\n", "<br>\n") for paragraph in _PARAGRAPHS.split(lines))
    return "\n".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)


def text_from_html(html: str) -> str:
    """Return what an HTML body says as plain text, with the targets of its links."""
    text = _LINK_TO_ITSELF.sub(r"\1", get_text(html, _WITH_LINKS))
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    return dedent(_BLANK_LINES.sub("\n\n", lines)).strip("\n")


async def both_bodies(body_html: str | None, body_text: str | None) -> tuple[str, str]:
    """Return HTML and text body, the missing or blank one derived; at least one says something.

    A large HTML body is read in a thread, so that it holds nobody else up.
    """
    if body_html and body_html.strip() and body_text and body_text.strip():
        return body_html, body_text
    if not body_html or not body_html.strip():
        return html_from_text(body_text or ""), body_text or ""
    if len(body_html) > LARGE_HTML:
        return body_html, await asyncio.to_thread(text_from_html, body_html)
    return body_html, text_from_html(body_html)
