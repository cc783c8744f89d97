"""What an e-mail, an answer to it and an attempt to deliver it can be."""

from enum import StrEnum


class EmailStatus(StrEnum):
    """Where an e-mail stands."""

    DRAFT = "DRAFT"
    QUEUED = "QUEUED"
    SENDING = "SENDING"
    SENT = "SENT"
    FAILED = "FAILED"


class ReplyKind(StrEnum):
    """What came back for an e-mail (`antwort_art`)."""

    REPLY = "antwort"
    OUT_OF_OFFICE = "abwesenheit"
    UNDELIVERABLE = "unzustellbar"


class FollowUpObstacle(StrEnum):
    """Why there is no automatic call about an e-mail nobody has answered (`nachverfolgung_hindernis`)."""

    NOT_TO_BE_CALLED = "nicht_anzurufen"
    NO_WINDOW = "keine_telefonzeiten"
    HOURS_TOO_SHORT = "zeiten_zu_kurz"
    UNREADABLE_HOURS = "zeiten_unlesbar"
    NO_FREE_SLOT = "keine_zeit_frei"
    UNKNOWN_THERAPIST = "therapeut_unbekannt"


class AttemptStage(StrEnum):
    """How far a delivery attempt got, in SMTP's order (RFC 5321); DATA includes the final dot."""

    CONNECT = "connect"
    TLS = "tls"
    LOGIN = "login"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    BODY = "body"
    ACCEPTED = "accepted"


class Ending(StrEnum):
    """What ended a delivery attempt (`ende`)."""

    REPLY = "reply"
    """The server's reply decided it."""

    LOST = "lost"
    TIMEOUT = "timeout"
    GARBLED = "garbled"
    INSECURE = "insecure"
    UNCONFIGURED = "unconfigured"

    UNBUILDABLE = "unbuildable"
    CRASHED = "crashed"

    ABANDONED = "abandoned"
    """We stopped before DATA: the lease was lost, the database didn't answer, or the worker ends."""

    WORKER_ENDED = "worker_ended"
    """The worker ended between DATA and the server's reply."""

    HELD = "held"
    """The queue is held, and nobody knows how far the attempt got."""


class AttemptOutcome(StrEnum):
    """How a delivery attempt ended."""

    SENT = "sent"
    RETRY = "retry"
    FAILED = "failed"
    UNCLEAR = "unclear"
    RELEASED = "released"


class Unsent(StrEnum):
    """Why an e-mail left the queue though no mail server has refused it (`fehlermeldung`)."""

    ANSWERED = "answered before it was sent"
    STOPPED = "its address is on the stop list"
    EXPIRED = "the time to send it was over before it was sent"
