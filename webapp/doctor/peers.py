"""Probes of the servers beside the database: mail server, mailbox, Kafka, Therapist Service."""

# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError

from services.errors import DomainError
from services.events.types import TOPIC
from services.models import AttemptStage, Ending
from services.receiving.mailbox import Mailbox, MailboxOptions, MailboxTrouble
from services.sending.options import SmtpOptions
from services.sending.smtp import SmtpConnection
from services.therapists.client import TherapistClient, UnreadableAnswer, create_client
from shared.config import Settings
from shared.kafka.connection import CLUSTER_UNREACHABLE, cause_of, client_options
from shared.kafka.delivery import dispose
from shared.reasons import reason_of
from webapp.doctor.findings import Trouble

SMTP_TODO = {
    AttemptStage.TLS: "SMTP_USE_TLS, SMTP_CA_FILE: does the server offer this, and is its certificate known?",
    AttemptStage.LOGIN: "SMTP_USERNAME, SMTP_PASSWORD: do they let you in?",
}
SMTP_REACH = "SMTP_HOST, SMTP_PORT: is the server there, and does it let this machine in?"
CLOSE_SECONDS = 2


async def mail_server(config: Settings) -> str:
    """Whether the mail server lets us in, up to the login; nothing is sent."""
    options = SmtpOptions.from_settings(config)
    connection = SmtpConnection(options)
    try:
        result = await connection.knock()
    finally:
        await connection.close()
    if result.ending is not Ending.REPLY or result.code is not None:
        raise Trouble(result.words, SMTP_TODO.get(result.stage, SMTP_REACH))
    login = "logged in" if options.username else "no login"
    return f"{options.host}:{options.port}, {options.security}, {login}"


async def mailbox(config: Settings) -> str:
    """Whether the mailbox can be opened; it is not changed."""
    if not config.imap_host:
        return "off: IMAP_HOST is empty"
    options = MailboxOptions.from_settings(config)
    box = Mailbox(options)
    try:
        await box.open()
    except MailboxTrouble as trouble:
        raise Trouble(
            trouble.reason, "IMAP_HOST, IMAP_USERNAME, IMAP_PASSWORD, IMAP_FOLDER, IMAP_USE_TLS"
        ) from trouble
    finally:
        box.close()
    return f"{options.name} can be read"


async def events(config: Settings) -> str:
    """Whether the cluster has the topic and lets us write, as far as can be told without writing."""
    if not config.kafka_bootstrap_servers:
        return "off: KAFKA_BOOTSTRAP_SERVERS is empty, events wait in the outbox"
    try:
        partitions = await _partitions(config)
        await _may_write(config)
    except TopicAuthorizationFailedError as error:
        raise Trouble(f"{TOPIC}: {reason_of(error)}", "grant Describe and Write on the topic") from error
    except KafkaError as error:
        cause = await cause_of(error, config)
        raise Trouble(
            reason_of(cause), "KAFKA_...: are the brokers there, and do they let you in and write?"
        ) from error
    except CLUSTER_UNREACHABLE as error:
        raise Trouble(reason_of(error), "KAFKA_...: are the brokers there?") from error
    return f"topic {TOPIC}, partitions: {partitions}"


async def _partitions(config: Settings) -> int:
    """Return how many partitions the topic has; asking for all topics makes no new one."""
    admin = AIOKafkaAdminClient(client_id="calldesk-doctor", **client_options(config))
    try:
        await admin.start()
        if TOPIC not in await admin.list_topics():
            raise Trouble(
                f"there is no topic {TOPIC}, or it may not be seen",
                "make it, with the partitions and replicas you want; grant Describe and Write",
            )
        [topic] = await admin.describe_topics([TOPIC])
    finally:
        await admin.close()
    leaderless = [each["partition"] for each in topic["partitions"] if each["leader"] < 0]
    if leaderless:
        raise Trouble(f"partitions without a leader: {leaderless}", "bring the brokers back")
    return len(topic["partitions"])


async def _may_write(config: Settings) -> None:
    """Ask for a producer's id, as before the first event: who may not write gets none."""
    producer = AIOKafkaProducer(
        client_id="calldesk-doctor", acks="all", enable_idempotence=True, **client_options(config)
    )
    try:
        await producer.start()
        await producer._sender._maybe_wait_for_pid()  # pyright: ignore[reportPrivateUsage]
    finally:
        await dispose(producer, CLOSE_SECONDS)


async def therapists(config: Settings) -> str:
    """Whether the Therapist Service answers with therapists."""
    address = config.get_service_url("therapist")
    client = create_client(config)
    try:
        page = await TherapistClient(config, client).fetch_page(1, 1)
    except UnreadableAnswer as error:
        raise Trouble(
            f"{address} does not answer with therapists", "THERAPIST_SERVICE_URL: is it this?"
        ) from error
    except DomainError as error:
        why = reason_of(error.__cause__) if error.__cause__ else "no usable answer"
        raise Trouble(f"{address}: {why}", "THERAPIST_SERVICE_URL: is it there?") from error
    finally:
        await client.aclose()
    return f"{address} answers" + ("" if page.therapists else ", but knows no therapist")
