"""The database over TLS: what libpq's names ask for, over every kind of connection there is."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import trustme
from sqlalchemy import URL, text

from shared.config import Settings
from shared.config.settings import load_settings
from shared.database import create_engine
from shared.direct_connection import DatabaseUnreachable, DirectPool
from shared.notifications import Listener, Notifier
from tests.tls_front import TlsFront, socket_of

VERIFIED = "sslmode=verify-full&sslrootcert={folder}/ca.pem"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, authority: trustme.CA) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    trustme.CA().cert_pem.write_to_path(folder / "other-ca.pem")
    client = authority.issue_cert("client.example", common_name="placement")
    client.cert_chain_pems[0].write_to_path(folder / "client.pem")
    client.private_key_pem.write_to_path(folder / "client.key")
    return folder


@pytest.fixture
async def front(database: URL, authority: trustme.CA) -> AsyncGenerator[TlsFront]:
    async with TlsFront(socket_of(database), authority) as front:
        yield front


def settings(front: TlsFront, folder: Path, query: str, host: str = "127.0.0.1") -> Settings:
    url = f"postgresql://postgres@{host}:{front.port}/calldesk_test?{query.format(folder=folder)}"
    return load_settings(env_file=None, app_env="testing", database_url=url)


async def ask(config: Settings) -> None:
    """Ask over both kinds of connection."""
    engine = create_engine(config, application_name="test")
    statements = DirectPool(config.get_database_url(), application_name="test", size=1)
    try:
        await statements.fetch("SELECT 1")
        async with engine.connect() as connection:
            assert await connection.scalar(text("SELECT 1")) == 1
    finally:
        await statements.close()
        await engine.dispose()


@pytest.mark.parametrize(
    ("query", "host", "encrypted"),
    [
        ("", "127.0.0.1", True),
        ("sslmode=disable", "127.0.0.1", False),
        ("sslmode=allow", "127.0.0.1", False),
        ("sslmode=prefer", "127.0.0.1", True),
        ("sslmode=require", "localhost", True),
        ("sslmode=verify-ca&sslrootcert={folder}/ca.pem", "localhost", True),
        (VERIFIED, "127.0.0.1", True),
        (f"{VERIFIED}&application_name=x&connect_timeout=7", "127.0.0.1", True),
    ],
)
async def test_each_mode_is_what_libpq_makes_of_it(
    front: TlsFront, folder: Path, query: str, host: str, encrypted: bool
):
    await ask(settings(front, folder, query, host))
    assert front.encrypted == [encrypted, encrypted]


@pytest.mark.parametrize(
    ("query", "host", "words"),
    [
        (VERIFIED, "localhost", "Hostname mismatch"),
        ("sslmode=verify-full&sslrootcert={folder}/other-ca.pem", "127.0.0.1", "certificate verify failed"),
        ("sslmode=verify-ca&sslrootcert={folder}/other-ca.pem", "127.0.0.1", "certificate verify failed"),
        ("sslmode=require&sslrootcert={folder}/other-ca.pem", "127.0.0.1", "certificate verify failed"),
        ("sslmode=verify-full&sslrootcert=system", "127.0.0.1", "certificate verify failed"),
    ],
)
async def test_a_server_that_can_not_prove_itself_is_told_nothing(
    front: TlsFront, folder: Path, query: str, host: str, words: str
):
    with pytest.raises(DatabaseUnreachable, match=words):
        await ask(settings(front, folder, query, host))
    assert front.encrypted == []


async def test_a_clients_certificate_is_shown(front: TlsFront, folder: Path):
    await ask(settings(front, folder, f"{VERIFIED}&sslcert={folder}/client.pem&sslkey={folder}/client.key"))
    assert front.client_names == {"placement"}


async def test_hints_go_the_same_way(front: TlsFront, folder: Path):
    url = settings(front, folder, VERIFIED).get_database_url()
    notifier, listener = Notifier(url), Listener(url)
    subscription = listener.subscribe("email_queue")
    running = [asyncio.create_task(part.run()) for part in (notifier, listener)]
    try:
        assert await subscription.next(10) == {"email_queue"}
        notifier.send(["email_queue"])
        assert await subscription.next(10) == {"email_queue"}
        assert front.encrypted == [True, True]
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def test_the_name_in_the_address_is_the_one_that_shows(database: URL):
    named = database.update_query_dict({"application_name": "placement"})
    statements = DirectPool(named, application_name="calldesk-web", size=1)
    assert await statements.fetch("SHOW application_name") == [("placement",)]
    await statements.close()
