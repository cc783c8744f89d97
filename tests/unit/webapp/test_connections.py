"""Connections over real sockets that don't go on: cut in time, one log line, streams left alone."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
import uvicorn
from structlog.testing import capture_logs

from tests.eventually import eventually
from webapp import connections
from webapp.connections import bounded

PATIENCE = 10
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
STREAM = b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n"
LARGE = b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n"

pytestmark = pytest.mark.asyncio(loop_scope="function")
"""What a connection's end has set off for later ends with its test's loop."""

Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


class App:
    """Answers at once, with a stream that goes on until it is told, or with more than a socket holds."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.ended = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            body = b""
            while True:
                message = await receive()
                body += message.get("body", b"")
                if not message.get("more_body"):
                    break
            await send({"type": "http.response.start", "status": 200, "headers": []})
            if scope["path"] == "/stream":
                await send({"type": "http.response.body", "body": b"first", "more_body": True})
                await self.go_on.wait()
            if scope["path"] == "/large":
                for _ in range(200):
                    await send({"type": "http.response.body", "body": b"x" * 1_000_000, "more_body": True})
            await send({"type": "http.response.body", "body": b"last" + body})
        finally:
            self.ended.set()


@pytest.fixture
def app() -> App:
    return App()


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HEAD_SECONDS", "BODY_SECONDS", "READ_SECONDS", "LOG_SECONDS"):
        monkeypatch.setattr(connections, name, 0.3)


@pytest_asyncio.fixture(loop_scope="function")
async def connect(app: App) -> AsyncGenerator[Connect]:
    """A server that holds three connections; opens one to it."""
    listening = socket.create_server(("127.0.0.1", 0))
    settings = uvicorn.Config(app, http=bounded(3), lifespan="off", log_config=None, timeout_keep_alive=60)
    server = uvicorn.Server(settings)
    server.install_signal_handlers = lambda: None  # pyright: ignore[reportAttributeAccessIssue]
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    writers: list[asyncio.StreamWriter] = []

    async def open_one() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        writers.append(writer)
        return reader, writer

    yield open_one
    app.go_on.set()
    for writer in writers:
        writer.close()
    server.should_exit = True
    await serving


async def until_cut(reader: asyncio.StreamReader) -> bytes:
    """Return what comes until the other side ends the connection."""
    async with asyncio.timeout(PATIENCE):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""


async def logged(logs: list[Any]) -> bool:
    return bool(logs)


async def answered(reader: asyncio.StreamReader, end: bytes = b"last") -> bytes:
    async with asyncio.timeout(PATIENCE):
        return await reader.readuntil(end)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"G",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf",
    ],
)
async def test_a_client_that_does_not_go_on_is_cut(connect: Connect, sent: bytes):
    reader, writer = await connect()
    writer.write(sent)
    assert await until_cut(reader) == b""


@pytest.mark.parametrize("sent", [b"\r\n", b"GET /", GET[:-2]])
async def test_so_is_one_that_begins_another_request_and_does_not_go_on(connect: Connect, sent: bytes):
    reader, writer = await connect()
    writer.write(GET)
    await answered(reader)
    writer.write(sent)
    assert await until_cut(reader) in (b"", b"\r\n0\r\n\r\n")


async def test_dripping_bytes_does_not_help(connect: Connect):
    reader, writer = await connect()
    dripping = asyncio.create_task(drip(writer))
    assert await until_cut(reader) == b""
    dripping.cancel()


async def drip(writer: asyncio.StreamWriter) -> None:
    writer.write(b"GET / HTTP/1.1\r\nX: ")
    while not writer.is_closing():
        writer.write(b"y")
        await asyncio.sleep(0.02)


async def test_a_body_in_parts_is_read_to_its_end(connect: Connect):
    reader, writer = await connect()
    writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n")
    writer.write(b"ab")
    await writer.drain()
    writer.write(b"cd")
    assert b"lastabcd" in await answered(reader, b"abcd")


async def test_a_stream_lasts_longer_than_any_patience(connect: Connect, app: App):
    reader, writer = await connect()
    writer.write(STREAM)
    await answered(reader, b"first")
    silent, _ = await connect()
    assert await until_cut(silent) == b""
    silent, _ = await connect()
    assert await until_cut(silent) == b""
    app.go_on.set()
    assert await answered(reader)


async def test_a_client_that_does_not_take_its_answer_is_cut(connect: Connect, app: App):
    _, writer = await connect()
    transport = writer.transport
    assert isinstance(transport, asyncio.ReadTransport)
    transport.pause_reading()
    writer.write(LARGE)
    async with asyncio.timeout(PATIENCE):
        await app.ended.wait()


async def test_where_there_is_no_room_the_longest_silent_makes_it(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(connections, "HEAD_SECONDS", 60)
    with capture_logs() as logs:
        silent = [await connect() for _ in range(3)]
        for number in range(5):
            reader, writer = await connect()
            writer.write(GET)
            assert await answered(reader)
            if number == 0:
                assert await until_cut(silent[0][0]) == b""
        await eventually(lambda: logged(logs))
    assert (logs[0]["event"], logs[0]["most"]) == ("connections_cut", 3)
    assert logs[0]["made_room"] > 0


async def test_where_all_are_being_served_a_newcomer_is_refused(connect: Connect, app: App):
    for _ in range(3):
        reader, writer = await connect()
        writer.write(STREAM)
        await answered(reader, b"first")
    reader, _ = await connect()
    assert (await until_cut(reader)).startswith(b"HTTP/1.1 503 ")
    app.go_on.set()
