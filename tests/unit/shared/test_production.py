"""Production names all that is not safe at once, and starts only without it or with it allowed by name."""

import secrets

import pytest

from shared.config.settings import ConfigurationError, load_settings

SAFE: dict[str, object] = {
    "app_env": "production",
    "secret_key": secrets.token_hex(),
    "database_url": "postgresql://desk:secret@db.internal/name?sslmode=require",
    "smtp_host": "mail.praxis.de",
    "smtp_port": 587,
    "smtp_use_tls": "starttls",
    "smtp_username": "desk",
    "smtp_password": "secret",
    "email_sender": "kontakt@praxis.de",
    "kafka_bootstrap_servers": "kafka:9093",
    "kafka_security_protocol": "SASL_SSL",
    "kafka_sasl_username": "desk",
    "kafka_sasl_password": "secret",
    "therapist_service_url": "https://therapist-service:8002",
}


def dangers(**values: object) -> list[str]:
    """Return the settings named in the refusal."""
    try:
        load_settings(env_file=None, **SAFE | values)
    except ConfigurationError as refused:
        return [line.partition(":")[0] for line in str(refused).splitlines()]
    return []


def test_a_safe_configuration_starts():
    assert dangers() == []


def test_everything_unsafe_is_named_at_once():
    unsafe = {
        "secret_key": "x" * 32,
        "database_url": "postgresql://desk:secret@db.internal/name",
        "smtp_host": "localhost",
        "smtp_port": 1025,
        "smtp_use_tls": "none",
        "email_sender": "kontakt@therapieplatz.example",
        "kafka_security_protocol": "SASL_PLAINTEXT",
        "therapist_service_url": "http://therapist-service:8002",
    }
    assert dangers(**unsafe) == [
        "SECRET_KEY",
        "EMAIL_SENDER",
        "SMTP_HOST, SMTP_PORT",
        "SMTP_USE_TLS",
        "KAFKA_SECURITY_PROTOCOL",
        "THERAPIST_SERVICE_URL",
        "DATABASE_URL",
    ]


@pytest.mark.parametrize(
    ("part", "values", "named"),
    [
        ("smtp", {"smtp_use_tls": "false"}, "SMTP_USE_TLS"),
        ("smtp", {"smtp_use_tls": "none", "smtp_username": None, "smtp_password": None}, "SMTP_USE_TLS"),
        ("smtp", {"smtp_host": "127.0.0.1", "smtp_port": 1025}, "SMTP_HOST, SMTP_PORT"),
        ("kafka", {"kafka_security_protocol": "SASL_PLAINTEXT"}, "KAFKA_SECURITY_PROTOCOL"),
        ("kafka", {"kafka_security_protocol": "PLAINTEXT"}, "KAFKA_SECURITY_PROTOCOL"),
        ("therapists", {"therapist_service_url": "http://therapist-service:8002"}, "THERAPIST_SERVICE_URL"),
        ("therapists", {"therapist_service_url": None}, "THERAPIST_SERVICE_URL"),
        ("database", {"database_url": "postgresql://u:p@db/x?sslmode=prefer"}, "DATABASE_URL"),
        ("database", {"database_url": None, "db_host": "db"}, "DATABASE_URL"),
    ],
)
def test_a_closed_network_is_allowed_part_by_part(part: str, values: dict[str, object], named: str):
    assert dangers(**values) == [named]
    others = ",".join({"smtp", "kafka", "therapists", "database"} - {part})
    assert dangers(**values, allow_insecure=others) == [named]
    assert dangers(**values, allow_insecure=f" {part.upper()} ,{others}") == []


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "short",
        "x" * 64,
        "ab" * 32,
        "changeme" * 4,
        "0123456789abcdef" * 2,
        "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbc",
        "12345678901234567890123456789012",
        "password-password-password-password",
        "development-only-secret-never-use-it-in-production",
    ],
)
def test_a_secret_that_can_be_guessed_is_never_accepted(secret: str):
    assert dangers(secret_key=secret, allow_insecure="smtp,kafka,therapists,database") == ["SECRET_KEY"]


@pytest.mark.parametrize(
    "sender",
    ["a@therapieplatz.example", "a@example.com", "a@mail.example.org", "a@praxis.test", "a@praxis.invalid"],
)
def test_a_sender_nobody_can_answer_is_never_accepted(sender: str):
    assert dangers(email_sender=sender, allow_insecure="smtp,kafka,therapists,database") == ["EMAIL_SENDER"]


@pytest.mark.parametrize(
    "values",
    [
        {"smtp_host": "localhost", "smtp_port": 25, "smtp_use_tls": "none", "smtp_username": None}
        | {"smtp_password": None},
        {"kafka_security_protocol": "PLAINTEXT", "kafka_bootstrap_servers": "127.0.0.1:9092,[::1]:9092"},
        {"kafka_security_protocol": "PLAINTEXT", "kafka_bootstrap_servers": ""},
        {"therapist_service_url": "http://127.0.0.1:8002"},
        {"database_url": "postgresql://u@/x?host=/run/postgresql"},
        {"database_url": "postgresql://u:p@localhost/x"},
    ],
)
def test_what_stays_on_this_machine_needs_no_encryption(values: dict[str, object]):
    assert dangers(**values) == []


def test_elsewhere_nothing_of_this_is_asked():
    assert load_settings(env_file=None, app_env="development").smtp_port == 1025
