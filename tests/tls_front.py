"""TLS before a PostgreSQL that was built without: answers the client's SSLRequest, then forwards each byte.

The exchange is that of PostgreSQL's documentation, 54.2.10 SSL Session Encryption.
"""

import asyncio
import ssl
from contextlib import suppress
from typing import Any, Self

import trustme
from sqlalchemy import URL

SSL_REQUEST = bytes.fromhex("0000000804d2162f")
OLD_SERVER_HELLO = bytes.fromhex("520000000800000000") + b"S\0\0\0\x18server_version\x0013.4\0Z\0\0\0\x05I"


class TlsFront:
    """Listens on a free port of 127.0.0.1, its certificate says so and names nothing else.

    Args:
        socket: the Unix socket of the PostgreSQL behind it.
        authority: who has signed its certificate, and must have signed a client's if there is one.
    """

    def __init__(self, socket: str, authority: trustme.CA) -> None:
        self._socket = socket
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(self._tls)
        authority.configure_trust(self._tls)
        self._tls.verify_mode = ssl.CERT_OPTIONAL
        self._server: asyncio.Server | None = None
        self.port = 0
        self.encrypted: list[bool] = []
        """Of each connection so far, whether it was."""

        self.client_names: set[str] = set()
        """Whose certificates were shown."""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_error: object) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            begin = await reader.readexactly(len(SSL_REQUEST))
            if encrypted := begin == SSL_REQUEST:
                writer.write(b"S")
                await writer.start_tls(self._tls)
                self._note_client(writer)
                begin = b""
            self.encrypted.append(encrypted)
            behind, to_server = await asyncio.open_unix_connection(self._socket)
            to_server.write(begin)
            async with asyncio.TaskGroup() as both:
                both.create_task(_forward(reader, to_server))
                both.create_task(_forward(behind, writer))

    def _note_client(self, writer: asyncio.StreamWriter) -> None:
        certificate: Any = writer.get_extra_info("peercert")
        for ((name, value),) in (certificate or {}).get("subject", ()):
            if name == "commonName":
                self.client_names.add(value)


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


def socket_of(url: URL) -> str:
    """Return the socket an embedded server listens on."""
    return f"{url.query['host']}/.s.PGSQL.5432"


async def serve_old_postgresql() -> asyncio.Server:
    """Listen as a PostgreSQL 13 does, as far as letting everybody in."""

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            if await reader.readexactly(len(SSL_REQUEST)) == SSL_REQUEST:
                writer.write(b"N")
                await reader.read(1024)
            writer.write(OLD_SERVER_HELLO)
            await reader.read()
        writer.close()

    return await asyncio.start_server(greet, "127.0.0.1", 0)
