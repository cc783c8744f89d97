"""What this service speaks to besides mail servers."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr

from shared.config.database_url import DatabaseUrl
from shared.config.files import CertificateFile
from shared.config.sections.section import Section
from shared.config.values import Brokers, HostOrFolder, Port, Seconds


class Database(Section):
    """The database."""

    database_url: DatabaseUrl = None
    """`postgresql://user:password@host:5432/name`; goes before the `DB_` settings. After a `?` libpq's
    `sslmode`, `sslrootcert`, `sslcert`, `sslkey`, `application_name`, `connect_timeout`; other names are
    refused."""

    database_direct_url: DatabaseUrl = None
    """Past a pooler in transaction mode (PgBouncer) that `DATABASE_URL` names: the server itself, for LISTEN
    and locks."""

    db_user: str = "postgres"
    """Whom the database knows this process as."""

    db_password: SecretStr = SecretStr("")
    """Their password."""

    db_host: HostOrFolder = "localhost"
    """Where the database is: a host, or the folder of its socket."""

    db_port: Port = 5432
    """Its port."""

    db_name: str = "therapy_platform"
    """Its name."""

    db_pool_size: Annotated[int, Field(ge=2, le=200)] = 10
    """Connections a process keeps at most, besides a handful of its own for listening and sending."""


class Kafka(Section):
    """Kafka."""

    kafka_bootstrap_servers: Brokers = ""
    """`host:port,host:port`; empty: events wait in the outbox."""

    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """`PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`."""

    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    """`PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`."""

    kafka_sasl_username: str | None = None
    """Login at the brokers, with `SASL_` protocols."""

    kafka_sasl_password: SecretStr | None = None
    """The password for it."""

    kafka_ssl_cafile: CertificateFile = None
    """Certificates to trust instead of the system's."""

    outbox_retention_days: Annotated[int, Field(ge=1, le=3_650)] = 14
    """Published events stay for so long."""

    outbox_max_attempts: Annotated[int, Field(ge=1, le=1_000)] = 10
    """An event refused so often is set aside."""


class Services(Section):
    """The platform's services."""

    patient_service_url: str | None = None
    """The address of the Patient Service; by default `http://patient-service:8001`."""

    therapist_service_url: str | None = None
    """Of the Therapist Service, which is asked for therapists; by default `http://therapist-service:8002`."""

    matching_service_url: str | None = None
    """Of the Matching Service; by default `http://matching-service:8003`."""

    communication_service_url: str | None = None
    """This service's own; by default `http://communication-service:` and its port."""

    geocoding_service_url: str | None = None
    """Of the Geocoding Service; by default `http://geocoding-service:8005`."""

    therapist_ttl_minutes: Annotated[int, Field(ge=1, le=525_600)] = 60
    """Age at which the local copy of a therapist is asked for again."""

    therapist_deadline_seconds: Seconds = 3
    """For one request to the Therapist Service."""
