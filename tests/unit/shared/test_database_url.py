"""A database address that can't work is refused at start, with what would be right and no password."""

from pathlib import Path

import pytest
import trustme

from shared.config.settings import ConfigurationError, load_settings
from shared.postgresql import connect_arguments, is_pooled

BEFORE = "postgresql://placement:s3cret-word@db.example:5432/name"


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("ssl=require", "ssl is not read; is sslmode meant?"),
        ("sslmod=require", "sslmod is not read; is sslmode meant?"),
        ("options=-c%20jit%3Doff", "options is not read; these are: application_name, "),
        ("sslmode", "sslmode is empty"),
        ("sslmode=", "sslmode is empty"),
        ("sslmode=on", "sslmode is one of disable, allow, prefer, require, verify-ca, verify-full"),
        ("sslmode=require&sslmode=disable", "sslmode is given twice"),
        ("sslmode=verify-full&sslrootcert=/nowhere/ca.pem", "/nowhere/ca.pem can't be read"),
        ("sslmode=require&sslrootcert=system", "sslrootcert=system goes with sslmode=verify-full only"),
        ("sslcert=/nowhere/client.pem", "give sslcert and sslkey, or neither"),
        ("sslcert=/nowhere/a.pem&sslkey=/nowhere/a.key", "/nowhere/a.pem or /nowhere/a.key can't be read"),
        ("connect_timeout=soon", "connect_timeout is a whole number of seconds from 1 to 60"),
        ("connect_timeout=0", "connect_timeout is a whole number of seconds from 1 to 60"),
        ("port=99999", "the port is a number from 1 to 65535"),
    ],
)
def test_what_can_not_work_is_named(query: str, words: str):
    with pytest.raises(ConfigurationError) as refused:
        load_settings(env_file=None, database_url=f"{BEFORE}?{query}")
    assert str(refused.value).startswith("DATABASE_URL: ")
    assert words in str(refused.value)
    assert "s3cret-word" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://s3cret-word@host/name",
        "postgresql://u:s3cret-word@host:port/name",
        "postgresql://u:s3cret-word@one:5432,two:5432/name",
        "postgresql://u:s3cret-word?@host/name",
    ],
)
def test_what_is_no_address_is_refused_without_a_word_of_it(url: str):
    with pytest.raises(ConfigurationError, match=r"^DATABASE_URL: ") as refused:
        load_settings(env_file=None, database_url=url)
    assert "s3cret-word" not in str(refused.value)


def test_verifying_needs_to_know_whom_to_trust(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ConfigurationError, match="sslmode=verify-full needs sslrootcert"):
        load_settings(env_file=None, database_url=f"{BEFORE}?sslmode=verify-full")
    (tmp_path / ".postgresql").mkdir()
    trustme.CA().cert_pem.write_to_path(tmp_path / ".postgresql/root.crt")
    assert load_settings(env_file=None, database_url=f"{BEFORE}?sslmode=verify-full").database_url


def test_a_file_without_certificates_is_refused(tmp_path: Path):
    (tmp_path / "ca.pem").write_text("none\n")
    with pytest.raises(ConfigurationError, match="holds no certificates in PEM format"):
        load_settings(env_file=None, database_url=f"{BEFORE}?sslmode=require&sslrootcert={tmp_path}/ca.pem")


def test_the_time_to_connect_is_the_addresss_or_ours():
    def timeout(query: str) -> float:
        config = load_settings(env_file=None, database_url=f"{BEFORE}?{query}")
        return connect_arguments(config.get_database_url(), {})["timeout"]

    assert (timeout(""), timeout("connect_timeout=7")) == (5.0, 7.0)


def test_an_empty_address_leaves_it_to_the_single_settings():
    config = load_settings(env_file=None, database_url="", db_host="db", db_name="x", db_user="u")
    assert config.get_database_url().render_as_string() == "postgresql+asyncpg://u@db:5432/x"


def test_a_host_may_be_a_folder_with_a_socket():
    config = load_settings(env_file=None, db_host="/run/postgresql", db_port=5433)
    assert dict(config.get_database_url().query) == {"host": "/run/postgresql", "port": "5433"}


def test_beside_a_pooler_the_database_itself_is_named():
    with pytest.raises(ConfigurationError, match="DATABASE_URL: DATABASE_DIRECT_URL goes with"):
        load_settings(env_file=None, database_direct_url=BEFORE)
    config = load_settings(
        env_file=None, database_url="postgresql://u@pooler:6432/x", database_direct_url=BEFORE
    )
    assert is_pooled(config.get_database_url())
    assert not is_pooled(config.get_direct_url())
    alone = load_settings(env_file=None, database_url=BEFORE)
    assert alone.get_direct_url() == alone.get_database_url()
    assert not is_pooled(alone.get_database_url())
