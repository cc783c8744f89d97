"""How any Kafka client of the platform reaches the cluster."""

# pyright: reportMissingTypeStubs=false
import asyncio
from typing import Any, cast

from aiokafka import conn as aiokafka_conn
from aiokafka.errors import KafkaConnectionError, KafkaError
from aiokafka.helpers import create_ssl_context

from shared.backoff import Backoff
from shared.config import ConfigurationError, Settings

RECONNECT = Backoff.of_seconds(0.2, 5)
CLUSTER_UNREACHABLE = (KafkaError, OSError, TimeoutError)
PROBE_SECONDS = 5


def client_options(config: Settings) -> dict[str, Any]:
    """Return aiokafka's connection arguments.

    Raises:
        ConfigurationError: no broker is named, or the CA file can't be read.
    """
    if not config.kafka_bootstrap_servers:
        raise ConfigurationError("KAFKA_BOOTSTRAP_SERVERS: name at least one broker, for example kafka:9092")
    options: dict[str, Any] = {
        "bootstrap_servers": config.kafka_bootstrap_servers,
        "security_protocol": config.kafka_security_protocol,
    }
    if config.kafka_security_protocol.endswith("SSL"):
        options["ssl_context"] = _tls(config)
    if config.kafka_security_protocol.startswith("SASL"):
        options |= _sasl(config)
    return options


def _tls(config: Settings) -> object:
    cafile = str(config.kafka_ssl_cafile) if config.kafka_ssl_cafile else None
    try:
        return create_ssl_context(cafile=cafile)
    except OSError as error:
        raise ConfigurationError(f"KAFKA_SSL_CAFILE: can't be read ({error})") from None


def _sasl(config: Settings) -> dict[str, str]:
    if not config.kafka_sasl_username or config.kafka_sasl_password is None:
        raise ConfigurationError("KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD: SASL needs both")
    return {
        "sasl_mechanism": config.kafka_sasl_mechanism,
        "sasl_plain_username": config.kafka_sasl_username,
        "sasl_plain_password": config.kafka_sasl_password.get_secret_value(),
    }


async def cause_of(error: Exception, config: Settings) -> Exception:
    """Return why no broker can be used, by asking the first one again: aiokafka tells only its log."""
    if not isinstance(error, KafkaConnectionError):
        return error
    options, kafka = client_options(config), cast(Any, aiokafka_conn)
    host, port, _family = kafka.collect_hosts(options.pop("bootstrap_servers"), randomize=False)[0]
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            connection = await kafka.create_conn(
                host, port, request_timeout_ms=PROBE_SECONDS * 1000, **options
            )
    except CLUSTER_UNREACHABLE as cause:
        return cause
    connection.close()
    return error


def broker_count(config: Settings) -> int:
    """Return how many bootstrap brokers are named."""
    return config.kafka_bootstrap_servers.count(",") + 1
