import ssl
from pathlib import Path

import pytest

from shared.config import Settings
from shared.config.settings import ConfigurationError, load_settings
from shared.kafka.connection import broker_count, client_options


def settings(**values: object) -> Settings:
    return load_settings(env_file=None, kafka_bootstrap_servers="a:9092,b:9092", **values)


def test_plain_connections_need_the_brokers_only():
    assert client_options(settings()) == {
        "bootstrap_servers": "a:9092,b:9092",
        "security_protocol": "PLAINTEXT",
    }
    assert broker_count(settings()) == 2


@pytest.mark.parametrize("protocol", ["SSL", "SASL_SSL"])
def test_tls_checks_the_brokers_name(protocol: str):
    options = client_options(
        settings(
            kafka_security_protocol=protocol, kafka_sasl_username="calldesk", kafka_sasl_password="secret"
        )
    )
    assert options["ssl_context"].verify_mode is ssl.CERT_REQUIRED
    assert options["ssl_context"].check_hostname


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_sasl_logs_in_with_the_configured_mechanism(mechanism: str):
    options = client_options(
        settings(
            kafka_security_protocol="SASL_PLAINTEXT",
            kafka_sasl_mechanism=mechanism,
            kafka_sasl_username="calldesk",
            kafka_sasl_password="secret",
        )
    )
    assert options["sasl_mechanism"] == mechanism
    assert options["sasl_plain_username"] == "calldesk"
    assert options["sasl_plain_password"] == "secret"


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"kafka_bootstrap_servers": ""}, "KAFKA_BOOTSTRAP_SERVERS"),
        ({"kafka_security_protocol": "SASL_PLAINTEXT"}, "KAFKA_SASL_USERNAME"),
        ({"kafka_security_protocol": "SSL", "kafka_ssl_cafile": Path("/nowhere/ca.pem")}, "KAFKA_SSL_CAFILE"),
    ],
)
def test_settings_that_cant_work_are_named(values: dict[str, object], named: str):
    with pytest.raises(ConfigurationError, match=named):
        client_options(settings().model_copy(update=values))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("", ""),
        ("kafka", "kafka"),
        (" a.example:9092, b_2:65535,", "a.example:9092,b_2:65535"),
        ("[::1]:9092", "[::1]:9092"),
    ],
)
def test_brokers_are_separated_by_commas(given: str, kept: str):
    assert load_settings(env_file=None, kafka_bootstrap_servers=given).kafka_bootstrap_servers == kept


@pytest.mark.parametrize(
    "given",
    ["kafka:abc", "kafka:", "kafka:0", "kafka:65536", "a:1:2", "kafka://a:9092", "a:9092 b:9092"],
)
def test_what_names_no_broker_is_refused(given: str):
    with pytest.raises(ConfigurationError, match=r"KAFKA_BOOTSTRAP_SERVERS: .* for example kafka:9092"):
        load_settings(env_file=None, kafka_bootstrap_servers=given)
