"""What a report that is written for people only says, and the headers it returns in its text. Pure."""

import re
from collections.abc import Iterator
from email.parser import HeaderParser
from itertools import islice

from services.receiving.headers import Headers, addresses_in, read_headers
from services.receiving.refusals import ENHANCED

LONGEST_DIAGNOSTIC = 500
_MOST_LINES = 2_000
_MOST_MENTIONS = 10
_BLOCK_LINES = 40
_FIELD = re.compile(
    r"[>|\s]{0,6}(return-path|received|from|to|cc|subject|date|message-id|mime-version|content-type"
    r"|dkim-signature"
    r"|reply-to)\s?:",
    re.IGNORECASE,
)
_OF_A_MESSAGE = frozenset(("return-path", "received", "message-id", "mime-version", "dkim-signature"))
_PREFIX = re.compile(r"[>|\s]{0,6}")
_REASON = re.compile(
    r"\s*[(>]{0,2}(?:grund|reason|fehler|fehlermeldung|error|diagnostic(?:-code)?|antwort|server said"
    r"|remote server (?:said|returned)|technical details[^:]{0,60})\s?:\s*(.+)",
    re.IGNORECASE,
)
_RULE = re.compile(r"[\s|]{0,4}[-=_*]{3}")
_REPLY_CODE = re.compile(r"(?<![\d.])[45]\d\d[\s-]")


def split_returned(text: str) -> tuple[str, Headers | None]:
    """Return the notice in a text, and the headers of the message that is returned beneath it."""
    lines = text.split("\n")[:_MOST_LINES]
    for at, line in enumerate(lines):
        if _FIELD.match(line) and _is_head(lines[at : at + _BLOCK_LINES]):
            head = "\n".join(_unquoted(lines, at))
            return "\n".join(lines[:at]), read_headers(HeaderParser().parsestr(head))
    return "\n".join(lines), None


def _is_head(lines: list[str]) -> bool:
    names: set[str] = set()
    for line in lines:
        if not _PREFIX.sub("", line, count=1).strip():
            break
        if match := _FIELD.match(line):
            names.add(match[1].lower())
    return len(names) >= 2 and bool(names & _OF_A_MESSAGE)


def _unquoted(lines: list[str], at: int) -> list[str]:
    """Return the lines of a head without what the notice puts before them."""
    prefix = len(lines[at]) - len(_PREFIX.sub("", lines[at], count=1))
    head: list[str] = []
    for line in lines[at:]:
        if not (field := line[prefix:]).strip():
            break
        head.append(field)
    return head


def failed_addresses(notice: str, returned: Headers | None, ours: frozenset[str]) -> tuple[str, ...]:
    """Return the addresses a notice says could not be reached, without ours."""
    named = [address for address in addresses_in(notice) if address not in ours]
    written_to = returned.addresses("to", "cc") if returned else ()
    both = tuple(address for address in dict.fromkeys(named) if address in written_to)
    return both or tuple(named[:1]) or tuple(address for address in written_to if address not in ours)


def words_about(notice: str, address: str) -> str:
    """Return what a notice says of an address: the server's words where they can be found."""
    lines = notice.split("\n")[:_MOST_LINES]
    said = list(islice(_said_of(lines, address), _MOST_MENTIONS)) if address else []
    coded = (each for each in [*said, *lines] if _REPLY_CODE.search(each) or ENHANCED.search(each))
    return _reason(next(coded, next(iter(said), "")).strip())


def _said_of(lines: list[str], address: str) -> Iterator[str]:
    """Yield what stands behind and under each mention of an address."""
    for at, line in enumerate(lines):
        if address in line.lower():
            beside = line[line.lower().index(address) + len(address) :].lstrip(" >:)")
            said = _paragraph([beside, *lines[at + 1 : at + _BLOCK_LINES]])
            if any(character.isalpha() for character in said):
                yield said


def _paragraph(lines: list[str]) -> str:
    """Return the lines up to a blank one or a rule, the first blank ones skipped."""
    said: list[str] = []
    for line in lines:
        if said and (not line.strip() or _RULE.match(line)):
            break
        if line.strip():
            said.append(line.strip())
    return " ".join(said)


def _reason(said: str) -> str:
    match = _REASON.match(said)
    return (match[1] if match else said).strip(" ()")[:LONGEST_DIAGNOSTIC]
