"""A mailbox for demo and tests: real IMAP with IDLE, by pymap; what is in it lives as long as the server.

A restart is another mailbox to its readers, for its UIDVALIDITY is another.
"""

import asyncio
from argparse import ArgumentParser, Namespace

from proxyprotocol.result import ProxyResultLocal
from proxyprotocol.sock import SocketInfo
from pymap.backend.dict import DictBackend
from pymap.imap import IMAPServer, IMAPService
from pymap.parsing.message import AppendMessage
from pysasl.hashing import BuiltinHash

USERNAME = "desk"
PASSWORD = "mailbox-of-the-demo"  # noqa: S105
FOLDER = "INBOX"
CHEAP = BuiltinHash(rounds=1)
"""The password stands above for all to read; half a million rounds take longer than the server's start."""


class EmbeddedMailbox:
    """One account with an INBOX on this machine, on the running loop."""

    def __init__(self) -> None:
        self._server: asyncio.Server | None = None
        self._backend: DictBackend | None = None
        self._conversations: set[asyncio.StreamWriter] = set()

    @property
    def port(self) -> int:
        """Where it answers, without TLS."""
        assert self._server is not None
        return self._server.sockets[0].getsockname()[1]

    async def start(self, port: int = 0) -> None:
        """Answer on this machine's `port`; 0 takes a free one."""
        self._backend, config = await DictBackend.init(_arguments(), hash_context=CHEAP)
        config.apply_context()
        answer = IMAPServer(self._backend.login, config)

        async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._conversations.add(writer)
            try:
                await answer(reader, writer, SocketInfo.get(writer, ProxyResultLocal()))
            finally:
                self._conversations.discard(writer)

        self._server = await asyncio.start_server(converse, "127.0.0.1", port)

    async def deliver(self, *messages: bytes) -> None:
        """Put messages into the INBOX; whoever idles there is told."""
        assert self._backend is not None
        async with self._backend.login.demo_user_identity.new_session() as session:
            await session.append_messages(FOLDER, [AppendMessage(message) for message in messages])

    def stop(self) -> None:
        """Cut all connections and take no more; the mailbox is gone."""
        if self._server is not None:
            self._server.close()
        for writer in self._conversations:
            writer.transport.abort()


def _arguments() -> Namespace:
    parser = ArgumentParser()
    IMAPService.add_arguments(parser)
    DictBackend.add_subparser("dict", parser.add_subparsers())
    parser.set_defaults(debug=False, passlib_cfg=None)
    account = ["--demo-user", USERNAME, "--demo-password", PASSWORD]
    return parser.parse_args(["--no-tls", "dict", *account])
