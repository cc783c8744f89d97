"""A person's own words, apart from what they quote and from their signature. Pure.

Written for what German and English mail programs write: lines with `>`, "Am ... schrieb ...:", a block of
"Von: / Gesendet: / An: / Betreff:", "-----Ursprüngliche Nachricht-----". Answers may stand above, below and
between. Every rule looks at a line and a few beneath it, so time grows with the text and with nothing else.
"""

import re
from collections.abc import Sequence

from services.receiving.signature import without_signature

_QUOTED = re.compile(r"\s{0,3}>")
_RULE = re.compile(r"\s*[_=*-]{5,}\s*")
_LABEL = re.compile(r"\s{0,8}\*{0,2}([A-Za-z]{2,12})\s?:\*{0,2}(?:\s|$)")
_SENDER = frozenset(("von", "from"))
_LABELS = frozenset(
    ("gesendet", "datum", "an", "cc", "kopie", "betreff", "sent", "date", "to", "subject", "thema")
) | _SENDER  # fmt: skip
_BLOCK_LINES = 8
_DIVIDER = re.compile(
    r"\s*[-_=*]{0,20}\s{0,3}(?:begin forwarded message:?|anfang der weitergeleiteten (?:nachricht|e-mail):?"
    r"|(?:ursprüngliche|urspruengliche|original|weitergeleitete|forwarded)[\s-]{0,3}"
    r"(?:nachricht|message|e-?mail|mail)(?:\s(?:von|from):?\s.{0,80})?)"
    r"\s{0,3}[-_=*]{0,20}\s*",
    re.IGNORECASE,
)
_ATTRIBUTION_LINES = 5
_LONGEST_ATTRIBUTION = 500
_ATTRIBUTION_BEGINS = re.compile(
    r"\s{0,3}(?:am|on|den|\d{4}-\d\d-\d\d|\d{1,2}\.\s?\d{1,2}\.\s?\d{2,4})\b"
    r"|[^\n]{0,200}\b(?:schrieb|geschrieben|wrote|writes)\b|\s{0,3}(?:zitat von|quoting)\s",
    re.IGNORECASE,
)
_ATTRIBUTION = re.compile(
    r"(?:.*\bschrieb\b.*|.*\b(?:wrote|writes)\b.*@.*|.*\b(?:geschrieben|wrote|writes)\s?"
    r"|\s*(?:zitat von|quoting)\s.*"
    r"|\s*\d{4}-\d\d-\d\d.*<[^<>]+@[^<>]+>.*):\s*",
    re.IGNORECASE | re.DOTALL,
)
_CERTAIN = re.compile(r"\d{1,2}[:.]\d{2}|\d{4}|@")
"""A clock time, a year or an address: an attribution even where what follows isn't marked."""


def own_words(text: str) -> str:
    """Return what a mail's author wrote themselves; empty where that can't be told from what they quote."""
    return without_signature(_without_quotations(text.split("\n")))


def _without_quotations(lines: Sequence[str]) -> list[str]:
    own: list[str] = []
    at = 0
    while at < len(lines):
        if _QUOTED.match(lines[at]):
            at += 1
        elif _DIVIDER.fullmatch(lines[at]) or _is_header_block(lines, at):
            break
        elif length := _attribution(lines, at):
            if not _quotes_next(lines, at + length):
                break
            at += length
        else:
            own.append(lines[at].rstrip())
            at += 1
    while own and (not own[-1] or _RULE.fullmatch(own[-1])):
        own.pop()
    return own


def _is_header_block(lines: Sequence[str], at: int) -> bool:
    """Whether the header of a quoted message begins here, as Outlook, GMX and others put it."""
    if not _label(lines[at]):
        return False
    labels = {_label(line) for line in lines[at : at + _BLOCK_LINES]} - {""}
    return len(labels) >= 3 and bool(labels & _SENDER)


def _label(line: str) -> str:
    match = _LABEL.match(line)
    label = match[1].lower() if match else ""
    return label if label in _LABELS else ""


def _attribution(lines: Sequence[str], at: int) -> int:
    """Return over how many lines a sentence like "Am ... schrieb ...:" goes that begins here, else 0."""
    if not _ATTRIBUTION_BEGINS.match(lines[at][:_LONGEST_ATTRIBUTION]):
        return 0
    for length in range(1, _ATTRIBUTION_LINES + 1):
        last = lines[at + length - 1 : at + length]
        if not last or not last[0].strip() or _QUOTED.match(last[0]):
            return 0
        if last[0].rstrip().endswith(":"):
            sentence = " ".join(lines[at : at + length])
            known = len(sentence) <= _LONGEST_ATTRIBUTION and _ATTRIBUTION.fullmatch(sentence)
            marked = _CERTAIN.search(sentence) or _quotes_next(lines, at + length)
            return length if known and marked else 0
    return 0


def _quotes_next(lines: Sequence[str], at: int) -> bool:
    """Whether the next line that isn't blank is marked as quoted."""
    following = (line for line in lines[at : at + 4] if line.strip())
    return bool(_QUOTED.match(next(following, "")))
