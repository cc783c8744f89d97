"""From e-mail to mail server, and from the mailbox back."""

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr

from shared.config.files import CertificateFile
from shared.config.sections.section import Section
from shared.config.values import (
    HeloName,
    Host,
    MailSecurity,
    Port,
    Seconds,
    Sender,
    SenderDomains,
    SenderName,
    TokenAddress,
)


class MailServer(Section):
    """The mail server."""

    smtp_host: Host = "localhost"
    """The mail server that takes what is sent."""

    smtp_port: Port = 1025
    """Its port: 587 with STARTTLS and 465 with TLS are usual."""

    smtp_username: str | None = None
    """Login at the mail server; needs a password beside it."""

    smtp_password: SecretStr | None = None
    """The password for it."""

    smtp_use_tls: bool | MailSecurity = False
    """`false`, `true` (TLS on port 465, STARTTLS on others), or `starttls`, `tls`, `none`; never
    opportunistic."""

    smtp_ca_file: CertificateFile = None
    """Certificates to trust instead of the system's."""

    smtp_helo_name: HeloName = None
    """What the service calls itself to the mail server: a full name such as `desk.example.de`; else the
    machine's full name or, where it has none, its address."""

    smtp_utf8: bool = False
    """`true` when the mail server offers SMTPUTF8: addresses may then hold any letters before the @."""

    smtp_connections: Annotated[int, Field(ge=1, le=50)] = 8
    """Connections of one worker at most."""

    smtp_messages_per_connection: Annotated[int, Field(ge=1, le=100_000)] = 100
    """A connection is renewed after so many messages."""

    smtp_deadline_seconds: Seconds = 60
    """For one whole delivery."""


class Sending(Section):
    """Sending."""

    email_sender: Sender = "kontakt@therapieplatz.example"
    """Address e-mails come from where the caller names none."""

    email_sender_name: SenderName = "Therapieplatz-Vermittlung"
    """The name beside it."""

    email_sender_domains: SenderDomains = ""
    """Domains a caller's `absender_email` may be of, with commas; each subdomain by itself, and the one of
    `EMAIL_SENDER` among them. Another sender is a 422. Empty: any, so in production name them."""

    bounce_address: TokenAddress = ""
    """Where mail systems report to, as `name+TOKEN@...`, so that a report is known by it; must reach the
    mailbox that is read. Empty: the sender."""

    reply_to_address: TokenAddress = ""
    """Where answers go, likewise as `name+TOKEN@...`, unless an e-mail has an `antwort_an` of its own. Empty:
    no `Reply-To`."""

    email_lease_seconds: Seconds = 180
    """How long a worker's claim on an e-mail lasts without renewal."""

    email_retry_base_seconds: Seconds = 60
    """First wait after a temporary refusal; doubles."""

    email_retry_cap_seconds: Seconds = 14_400
    """Longest wait between two attempts."""

    email_max_age_hours: Annotated[float, Field(gt=0, le=8_760, allow_inf_nan=False)] = 48
    """A message that could not be sent for so long fails."""

    queue_pause_base_seconds: Seconds = 5
    """First pause of the whole queue when the mail server can't be used; doubles."""

    queue_pause_cap_seconds: Seconds = 300
    """Longest pause."""

    worker_poll_seconds: Seconds = 2
    """How often workers look for work nobody told them of."""

    worker_health_port: Annotated[Port | None, BeforeValidator(lambda value: value or None)] = None
    """Where a worker says over HTTP how it is; each worker of a machine needs its own; without one it says
    nothing."""

    worker_health_host: Host = "127.0.0.1"
    """The address it listens on for that."""


class Mailbox(Section):
    """The mailbox."""

    imap_host: str = ""
    """The mailbox answers come to; empty: none is read."""

    imap_port: Port = 993
    """Its port."""

    imap_use_tls: MailSecurity = "tls"
    """`tls`, `starttls` or `none`; never opportunistic."""

    imap_ca_file: Path | None = None
    """Certificates to trust instead of the system's."""

    imap_username: str = ""
    """Login at the mailbox."""

    imap_password: SecretStr = SecretStr("")
    """The password for it."""

    imap_folder: str = "INBOX"
    """Opened read-only: nothing there is flagged, moved or deleted."""

    imap_poll_seconds: Annotated[float, Field(gt=0, le=1_200)] = 30
    """How often it is looked at besides what the server tells at once (IDLE)."""
