"""Where a mail's text ends and its signature begins. Pure.

A greeting and the name under it belong to what a person says; the practice's address, phone numbers and
legal notices beneath do not. What begins with "PS" or speaks of "ich" is no signature, wherever it stands.
"""

import re
from collections.abc import Sequence

_DELIMITER = re.compile(r"\s?--\s?")
"""RFC 3676, 4.3, and what becomes of it on the way."""

_PROGRAM = re.compile(
    r"\s*(?:(?:diese (?:nachricht|e-?mail|mail) wurde )?(?:von|mit)\s(?:\S+\s){1,8}(?:gesendet|versendet"
    r"|verschickt)"
    r"|(?:diese (?:nachricht|e-?mail|mail) wurde )?gesendet\s(?:von|mit|aus|über)\s[^!?]{1,60}"
    r"|(?:sent|get)\s(?:from|with|via|outlook)\s[^!?]{1,60}|holen sie sich outlook\s.{1,60}"
    r"|\[outlook für .{1,80}|virenfrei\..{0,60}|diese e-?mail wurde von avast.{0,80})\.?\s*",
    re.IGNORECASE,
)
_GREETING = re.compile(
    r"\s*(?:(?:mit\s)?(?:\w{3,14},?\s){0,4}gr(?:ü|ue|u)(?:ß|ss)(?:e|en)?\b.{0,60}"
    r"|mfg\b|lg\b|vg\b|hochachtungsvoll|herzlichst|alles gute"
    r"|(?:(?:with\s)?(?:kind|best|warm)\s)?regards|sincerely|yours (?:sincerely|faithfully|truly)"
    r"|best wishes|all the best|many thanks)[,!.]?.{0,30}",
    re.IGNORECASE,
)
_NAME_LINES = 4
_STILL_TEXT = re.compile(
    r"\s*(?:PPS|P\.?\s?S\b|NB\b|Nachtrag)|.*\b(?:[Ii]ch|[Mm]ich|[Mm]ir|I|I'm)\b", re.DOTALL
)


def without_signature(lines: Sequence[str]) -> str:
    """Return the text that lines make up, without the signature at their end."""
    end = next((at for at, line in enumerate(lines) if at and _DELIMITER.fullmatch(line)), len(lines))
    kept = [line for line in lines[:end] if not _PROGRAM.fullmatch(line)]
    greetings = [at for at, line in enumerate(kept) if len(line) <= 120 and _GREETING.fullmatch(line)]
    if greetings:
        name_ends = _end_of_name(kept, greetings[-1] + 1)
        kept = kept[:name_ends] + _still_text(kept[name_ends:])
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()


def _end_of_name(lines: Sequence[str], at: int) -> int:
    """Return where the lines end that say who greets."""
    while at < len(lines) and not lines[at].strip():
        at += 1
    last = min(len(lines), at + _NAME_LINES)
    return next((line for line in range(at, last) if not lines[line].strip()), last)


def _still_text(lines: Sequence[str]) -> list[str]:
    """Return of what stands under a name the paragraphs that are no signature."""
    paragraphs = "\n".join(lines).strip("\n").split("\n\n")
    return [line for each in paragraphs if _STILL_TEXT.match(each) for line in ("", *each.split("\n"))]
