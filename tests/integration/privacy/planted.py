"""Words that may stand on pages, in the database and in mails, and nowhere else; and who speaks them."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from html import unescape
from urllib.parse import unquote_plus, urlsplit

SURNAME = "Quittenbaum"
NUMBER = "030 55512398"
ADDRESS = "ottokar@quittenbaum.example"
TEXT = "Marmeladentext"
ANSWER = "Kirschkernantwort"
NOTE = "Pflaumennotiz"
HINT = "Hagebuttenhinweis"
REASON = "Schlehengrund"
REFERENCE = "Brombeer-4711"
FILE = "Holunder.pdf"
SEARCH = "Sanddornsuche"
LOGIN = "Wacholderpasswort"
WRITTEN = re.compile(
    r"quittenbaum|ottokar|55512398|555\s?123|marmeladen|kirschkern|pflaumen|hagebutten|schlehen|brombeer"
    r"|holunder|sanddorn|wacholder",
    re.IGNORECASE,
)
"""Any of them, however it is written."""

LEADING = re.compile(
    r"\s(?:href|src|action|formaction|hx-(?:get|post|put|delete|push-url|replace-url)|content|data-[\w-]*"
    r'(?:url|href|path|live))="([^"]*)"'
)
DIALLED = ("tel:", "mailto:")
"""Addresses that are a number's or a person's own and are not asked for over HTTP."""

THERAPIST = {
    "anrede": "Herr",
    "vorname": "Ottokar",
    "nachname": SURNAME,
    "strasse": f"{SURNAME}weg 1",
    "ort": SURNAME,
    "telefon": NUMBER,
    "email": ADDRESS,
    "telefonische_erreichbarkeit": {"monday": [f"{TEXT} {NUMBER}"], "tuesday": ["09:00-12:00"]},
    "status": "aktiv",
}


def leaks(text: str) -> list[str]:
    """Return what of the words stands in a text, with a little around it."""
    return [text[max(0, found.start() - 60) : found.end() + 20] for found in WRITTEN.finditer(text)]


def addresses_on(page: str) -> Iterator[str]:
    """Yield where a page leads to, as it would be asked for."""
    for written in LEADING.findall(page):
        address = unquote_plus(unescape(written))
        if urlsplit(address).scheme + ":" not in DIALLED:
            yield address


@asynccontextmanager
async def therapist_service() -> AsyncGenerator[int]:
    """Run a Therapist Service: 1 is readable, 2 answers in no JSON, 3 as somebody else, 4 with an error."""
    bodies = {
        "/api/therapists/1": json.dumps({"id": 1, **THERAPIST}),
        "/api/therapists/2": f"{SURNAME} {NUMBER}",
        "/api/therapists/3": json.dumps({"id": 33, **THERAPIST}),
        "/api/therapists": json.dumps({"data": [{"id": 1, **THERAPIST}, {"id": SURNAME}, ADDRESS]}),
    }

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = head.split(" ")[1].partition("?")[0]
        body = bodies.get(path, ADDRESS).encode()
        status = "200 OK" if path in bodies else "500 Broken"
        writer.write(
            f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n".encode()
            + body
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
