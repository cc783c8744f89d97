"""Settings that can't work together, files that are not there, and names written a little wrong."""

from pathlib import Path

import pytest

from shared.config.names import misspelt, nearest
from shared.config.settings import ConfigurationError, Settings, load_settings

KNOWN = [name.upper() for name in Settings.model_fields]


def refusal(**values: object) -> str:
    with pytest.raises(ConfigurationError) as refused:
        load_settings(env_file=None, **values)
    return str(refused.value)


@pytest.mark.parametrize("setting", ["smtp_ca_file", "kafka_ssl_cafile"])
def test_certificates_to_trust_are_there_and_readable(setting: str, tmp_path: Path):
    assert refusal(**{setting: "/nowhere/ca.pem"}).startswith(
        f"{setting.upper()}: /nowhere/ca.pem can't be read"
    )
    assert "can't be read" in refusal(**{setting: str(tmp_path)})
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n")
    assert "holds no certificates" in refusal(**{setting: str(tmp_path / "ca.pem")})
    assert getattr(load_settings(env_file=None, **{setting: ""}), setting) is None


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            {"kafka_security_protocol": "SASL_SSL"},
            "KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD: SASL_SSL needs both",
        ),
        (
            {
                "kafka_security_protocol": "SASL_PLAINTEXT",
                "kafka_sasl_username": "",
                "kafka_sasl_password": "x",
            },
            "KAFKA_SASL_USERNAME",
        ),
        ({"smtp_username": "desk"}, "SMTP_USERNAME, SMTP_PASSWORD: a login needs both"),
        ({"smtp_password": "secret"}, "SMTP_USERNAME, SMTP_PASSWORD: a login needs both"),
        ({"smtp_host": "smtp://mail.example"}, "SMTP_HOST: name the host alone"),
        ({"smtp_host": "mail.example:25"}, "SMTP_HOST: name the host alone"),
        ({"db_host": "db:5432"}, "DB_HOST: name the host alone"),
        ({"communication_service_host": "http://0.0.0.0"}, "COMMUNICATION_SERVICE_HOST: name the host alone"),
        ({"smtp_host": ""}, "SMTP_HOST: name the host alone"),
        ({"smtp_deadline_seconds": "inf"}, "SMTP_DEADLINE_SECONDS: "),
        ({"email_lease_seconds": "1e300"}, "EMAIL_LEASE_SECONDS: "),
        ({"outbox_retention_days": 10**9}, "OUTBOX_RETENTION_DAYS: "),
        ({"therapist_service_url": "file:///therapists.json"}, "THERAPIST_SERVICE_URL: give an address"),
        ({"matching_service_url": "matching:8003"}, "MATCHING_SERVICE_URL: give an address"),
        ({"desk_hours": "08:00-08:04", "call_duration_minutes": 5}, "DESK_HOURS: no call"),
        ({"allow_insecure": "smpt"}, "ALLOW_INSECURE: name what may be readable on the way: smtp, kafka,"),
    ],
)
def test_what_can_not_work_is_named(values: dict[str, object], words: str):
    assert words in refusal(**values)


def test_all_that_can_not_work_is_named_at_once_one_a_line():
    lines = refusal(
        smtp_username="desk", therapist_service_url="x", kafka_security_protocol="SASL_SSL"
    ).split("\n")
    assert [line.partition(":")[0].partition(",")[0] for line in lines] == [
        "SMTP_USERNAME",
        "KAFKA_SASL_USERNAME",
        "THERAPIST_SERVICE_URL",
    ]


@pytest.mark.parametrize("host", ["mail.example", "192.0.2.1", "2001:db8::1", "[2001:db8::1]"])
def test_a_host_is_a_name_or_an_address(host: str):
    assert load_settings(env_file=None, smtp_host=host).smtp_host == host.strip("[]")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("SMTP_HOTS", "SMTP_HOST"),
        ("SMTP_USER", "SMTP_USERNAME"),
        ("KAFKA_BOOTSTRAP_SERVER", "KAFKA_BOOTSTRAP_SERVERS"),
        ("database_ulr", "DATABASE_URL"),
        ("SECRETKEY", "SECRET_KEY"),
        ("SMPT_PORT", "SMTP_PORT"),
    ],
)
def test_a_misspelt_name_is_found_wherever_it_stands(written: str, meant: str):
    assert misspelt(KNOWN, in_file=[], environment={written: "x"}) == {written: meant}
    assert misspelt(KNOWN, in_file=[written], environment={}) == {written: meant}


def test_other_programs_names_are_left_alone():
    others = {
        *("PATH", "HOME", "LANG", "LOGNAME", "TZ", "MAIL", "SHELL", "TERM", "HOSTNAME", "DEBUG", "PGHOST"),
        *("XDG_DATA_DIRS", "VIRTUAL_ENV", "SSL_CERT_FILE", "PIP_INDEX_URL", "POSTGRES_USER", "http_proxy"),
        *("KUBERNETES_SERVICE_HOST", "KUBERNETES_PORT_443_TCP_ADDR", "KAFKA_SERVICE_HOST"),
        *("KAFKA_PORT_9092_TCP", "THERAPIST_SERVICE_SERVICE_HOST", "SMTP_PORT_25_TCP_PROTO"),
        "COMMUNICATION_SERVICE_SERVICE_PORT",
    }
    assert misspelt(KNOWN, in_file=[], environment=dict.fromkeys(others, "x")) == {}
    assert misspelt(KNOWN, in_file=[], environment={"KAFKA_PORT": "tcp://10.0.0.1:9092"}) == {}


def test_settings_themselves_are_not_misspelt():
    assert misspelt(KNOWN, in_file=map(str.lower, KNOWN), environment=dict.fromkeys(KNOWN, "x")) == {}
    assert nearest("SOMETHING_ELSE", KNOWN) is None


@pytest.mark.parametrize(
    ("written", "meant"),
    [("", ""), ("/", ""), ("pult", "/pult"), ("//pult/", "/pult"), ("/a/b.c", "/a/b.c")],
)
def test_a_path_to_stand_below_begins_with_a_slash(written: str, meant: str):
    assert load_settings(env_file=None, root_path=written).root_path == meant


@pytest.mark.parametrize("written", ["/pult?x", "/a//b", "/../x", "/Büro", "/a b", 'x"y'])
def test_what_can_not_stand_in_an_address_as_it_is_is_no_path_to_stand_below(written: str):
    assert refusal(root_path=written).startswith("ROOT_PATH: give the path")


def test_proxies_are_addresses_and_networks():
    written = "10.0.0.5, 172.16.0.0/12,2001:db8::/32"
    assert load_settings(env_file=None, trusted_proxies=written).trusted_proxies == written.replace(" ", "")
    for wrong in ("proxy", "10.0.0.1/8", "10.0.0.5;10.0.0.6", "*,10.0.0.5"):
        assert refusal(trusted_proxies=wrong).startswith("TRUSTED_PROXIES: name addresses or networks (CIDR)")
