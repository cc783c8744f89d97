import pytest
from litestar.datastructures import Headers

from shared.config import Settings
from shared.config.settings import ConfigurationError, load_settings
from webapp.auth import is_open_api
from webapp.foreign import is_foreign, is_known_host


def settings(**values: object) -> Settings:
    return load_settings(env_file=None, **values)


PRODUCTION = {
    "app_env": "production",
    "secret_key": "0123456789abcdefghijklmnopqrstuvwxyz",
    "email_sender": "kontakt@praxis.de",
    "allow_insecure": "smtp,therapists",
}
OWN = [
    "localhost",
    "LOCALHOST:8004",
    "localhost.",
    "127.0.0.1:8004",
    "[::1]:8004",
    "communication-service:8004",
]
FOREIGN = [
    "evil.example",
    "localhost.evil.example",
    "127.0.0.1.evil.example:8004",
    "",
    "[::1",
    "169.254.1.1",
    "a@localhost.de",
]


@pytest.mark.parametrize("host", OWN)
def test_development_answers_to_loopback_names_and_the_platforms_own(host: str):
    assert is_known_host(host, settings())
    assert is_known_host(host, settings(allowed_hosts="desk.example.de"))


@pytest.mark.parametrize("host", FOREIGN)
def test_and_to_no_other_name(host: str):
    assert not is_known_host(host, settings())
    assert not is_known_host(host, settings(**PRODUCTION, allowed_hosts="desk.example.de"))


def test_production_answers_to_any_name_until_some_are_listed():
    assert is_known_host("desk.example.de", settings(**PRODUCTION))
    listed = settings(**PRODUCTION, allowed_hosts=" Desk.example.de, desk ")
    assert is_known_host("desk.example.de:443", listed)
    assert is_known_host("DESK", listed)
    assert not is_known_host("other.example.de", listed)
    assert is_known_host("anything", settings(allowed_hosts="*"))


@pytest.mark.parametrize("value", ["https://desk.example.de", "desk.example.de:443", "desk/", "a b"])
def test_hosts_are_names_alone(value: str):
    with pytest.raises(ConfigurationError, match=r"^ALLOWED_HOSTS: "):
        settings(allowed_hosts=value)


@pytest.mark.parametrize("value", ["desk.example.de", "https://desk.example.de/", "*", "null", "https://"])
def test_origins_are_whole(value: str):
    with pytest.raises(ConfigurationError, match=r"^CORS_ORIGINS: "):
        settings(cors_origins=value)


@pytest.mark.parametrize(
    ("host", "open_"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("::", False)],
)
def test_the_api_is_open_in_development_on_loopback_only(host: str, open_: bool):
    assert is_open_api(settings(communication_service_host=host)) is open_
    assert not is_open_api(settings(**PRODUCTION, communication_service_host=host))


@pytest.mark.parametrize(
    ("headers", "foreign"),
    [
        ({}, False),
        ({"sec-fetch-site": "same-origin"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"sec-fetch-site": "cross-site"}, True),
        ({"sec-fetch-site": "same-site"}, True),
        ({"origin": "http://desk:8004"}, False),
        ({"origin": "http://desk:3000"}, True),
        ({"origin": "https://evil.example"}, True),
        ({"origin": "null"}, True),
        ({"origin": "https://app.example.de", "sec-fetch-site": "cross-site"}, False),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_the_api_is_not_for_pages_of_other_sites(headers: dict[str, str], foreign: bool, method: str):
    config = settings(cors_origins="https://app.example.de")
    sent = Headers({"host": "desk:8004", **headers})
    assert is_foreign(sent, "/api/emails", method, config) is foreign
    assert is_foreign(sent, "/metrics", method, config) is foreign


def test_other_sites_may_link_to_pages_but_not_send_them_forms():
    sent = Headers({"host": "desk", "sec-fetch-site": "cross-site"})
    assert not is_foreign(sent, "/emails/1", "GET", settings())
    assert is_foreign(sent, "/login", "POST", settings(cors_origins="https://app.example.de"))
