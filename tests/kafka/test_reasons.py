"""What is logged when no broker can be used: its words, once, whatever aiokafka makes of them."""

import asyncio
import ssl
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import structlog
import trustme

from shared.config.settings import load_settings
from shared.kafka.consumer import EventConsumer
from shared.kafka.robust_producer import RobustKafkaProducer

CORRELATION = slice(4, 8)
API_VERSIONS, HANDSHAKE, AUTHENTICATE = 18, 17, 36
VERSIONS = bytes.fromhex("0000 00000003 001200000000 001100000001 002400000000")


def _string(text: str) -> bytes:
    return len(text).to_bytes(2, "big") + text.encode()


class _Broker:
    """Speaks as much of the protocol as a login takes; offers SCRAM-SHA-256 and lets nobody in."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                request = await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big"))
                answer = request[CORRELATION] + self._answer(int.from_bytes(request[:2], "big"), request)
                writer.write(len(answer).to_bytes(4, "big") + answer)
        except (OSError, asyncio.IncompleteReadError):
            writer.close()

    def _answer(self, kind: int, request: bytes) -> bytes:
        if kind == API_VERSIONS:
            return VERSIONS
        if kind == HANDSHAKE:
            known = request.endswith(_string("SCRAM-SHA-256"))
            return (b"\0\0" if known else b"\0\x21") + b"\0\0\0\x01" + _string("SCRAM-SHA-256")
        return b"\0\x3a" + _string("invalid credentials") + b"\0\0\0\0"


@pytest.fixture
async def port() -> AsyncGenerator[int]:
    server = await asyncio.start_server(_Broker().serve, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


def settings(port: int, **values: object):
    return load_settings(env_file=None, kafka_bootstrap_servers=f"127.0.0.1:{port}", **values)


async def reasons(config) -> list[str]:
    """Return what producer and consumer log during several tries."""
    with structlog.testing.capture_logs() as lines:
        async with RobustKafkaProducer(service_name="test", config=config, request_seconds=2) as producer:
            assert not await producer.wait_connected(2)
        async with EventConsumer("communication-events", config=config) as consumer:
            for _ in range(2):
                assert await consumer.receive(0.1) == []
    return [line["reason"] for line in lines if line["event"] in ("kafka_unreachable", "events_not_read")]


def login(mechanism: str) -> dict[str, object]:
    return {
        "kafka_security_protocol": "SASL_PLAINTEXT",
        "kafka_sasl_mechanism": mechanism,
        "kafka_sasl_username": "desk",
        "kafka_sasl_password": "s3cret-word",
    }


async def test_nobody_listens():
    said = await reasons(settings(1))
    assert len(said) == 2
    assert all("ConnectionRefusedError" in reason and "('127.0.0.1', 1)" in reason for reason in said)


async def test_a_mechanism_the_broker_does_not_offer(port: int):
    said = await reasons(settings(port, **login("PLAIN")))
    assert len(said) == 2
    assert all("UnsupportedSaslMechanism" in reason for reason in said)


async def test_a_login_that_is_refused(port: int):
    said = await reasons(settings(port, **login("SCRAM-SHA-256")))
    assert len(said) == 2
    assert all("invalid credentials" in reason and "s3cret-word" not in reason for reason in said)


async def test_a_certificate_of_somebody_unknown(tmp_path: Path):
    known, unknown = trustme.CA(), trustme.CA()
    known.cert_pem.write_to_path(tmp_path / "ca.pem")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    unknown.issue_cert("127.0.0.1").configure_cert(tls)
    server = await asyncio.start_server(_Broker().serve, "127.0.0.1", 0, ssl=tls)
    config = settings(
        server.sockets[0].getsockname()[1],
        kafka_security_protocol="SSL",
        kafka_ssl_cafile=str(tmp_path / "ca.pem"),
    )
    said = await reasons(config)
    server.close()
    assert len(said) == 2
    assert all("certificate verify failed" in reason for reason in said)
