"""A proxy of the surroundings: for a service elsewhere, never for one on this machine."""

import asyncio

import pytest

from services.therapists.client import TherapistClient, create_client
from shared.config.settings import load_settings

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n" + b'{"id":1}'


@pytest.fixture
async def server():
    """Answers everything with therapist 1 and keeps the request lines."""
    lines: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines.append(await reader.readline())
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ANSWER)
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield listening.sockets[0].getsockname()[1], lines
    listening.close()


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
async def test_a_service_on_this_machine_is_asked_directly(
    server: tuple[int, list[bytes]], name: str, monkeypatch: pytest.MonkeyPatch
):
    port, lines = server
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    config = load_settings(env_file=None, therapist_service_url=f"http://{name}:{port}")
    async with create_client(config) as client:
        assert await TherapistClient(config, client).fetch(1)
    assert lines == [b"GET /api/therapists/1 HTTP/1.1\r\n"]


async def test_a_service_elsewhere_is_asked_through_the_proxy(
    server: tuple[int, list[bytes]], monkeypatch: pytest.MonkeyPatch
):
    port, lines = server
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
    config = load_settings(env_file=None, therapist_service_url="http://therapists.example")
    async with create_client(config) as client:
        assert await TherapistClient(config, client).fetch(1)
    assert lines == [b"GET http://therapists.example/api/therapists/1 HTTP/1.1\r\n"]
