"""The events this service reports and their payloads: ids, states and times, nothing personal."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Self
from uuid import uuid4

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import ColumnElement, func, literal, select
from sqlalchemy.dialects.postgresql import JSONB

from services.models import (
    CallEmail,
    Email,
    EmailStatus,
    OutboxEvent,
    PhoneCall,
    ReplyKind,
    Therapist,
    Unsent,
)
from services.models.call_kinds import MOST_PLACES, OFFER, Audience, CallReason, CallStatus, OutcomeKind
from services.origins import NOWHERE, Origin

SERVICE_NAME = "communication-service"
TOPIC = "communication-events"

Id = Annotated[int, msgspec.Meta(ge=1)]
WallClock = Annotated[str, msgspec.Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="HH:MM, local")]
ExternId = Annotated[
    str,
    msgspec.Meta(min_length=1, max_length=100, description="The caller's own reference, where one was given"),
]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class EventType(StrEnum):
    """What happened."""

    EMAIL_CREATED = "communication.email_created"
    EMAIL_SENT = "communication.email_sent"
    EMAIL_FAILED = "communication.email_failed"
    EMAIL_REPLIED = "communication.email_replied"
    CALL_SCHEDULED = "communication.call_scheduled"
    CALL_COMPLETED = "communication.call_completed"
    CALL_FAILED = "communication.call_failed"
    CALL_CANCELED = "communication.call_canceled"
    THERAPIST_PHONE_CORRECTED = "communication.therapist_phone_corrected"


class EmailPayload(msgspec.Struct, frozen=True, kw_only=True):
    """An e-mail as it was when the event happened."""

    email_id: Id
    therapist_id: Id
    status: EmailStatus
    sent_at: Instant | None
    antwort_erhalten: bool
    antwortdatum: Instant | None
    antwort_art: ReplyKind | None
    extern_id: ExternId | UnsetType = UNSET

    @classmethod
    def of(cls, email: Email) -> Self:
        """Return what may be told about an e-mail."""
        return cls(
            email_id=email.id,
            therapist_id=email.therapist_id,
            status=email.status,
            sent_at=email.sent_at,
            antwort_erhalten=email.antwort_erhalten,
            antwortdatum=email.antwortdatum,
            antwort_art=ReplyKind(email.antwort_art) if email.antwort_art else None,
            extern_id=email.extern_id or UNSET,
        )


class EmailFailure(StrEnum):
    """Why an e-mail has failed."""

    REFUSED = "refused"
    """The mail server refused it, or it could not be delivered in time."""
    BOUNCED = "bounced"
    """It was taken, and reported as undeliverable afterwards; its status stays SENT."""
    ANSWERED = "answered"
    """It was answered before it was sent, so it is not sent any more."""
    STOPPED = "stopped"
    """Its address came on the stop list before it was sent, so it is not sent any more."""
    EXPIRED = "expired"
    """The time to send it (`expires_at`) was over before it was sent."""
    ERASED = "erased"
    """All about its recipient was erased before it was sent, so it is not sent any more."""

    @classmethod
    def of(cls, email: Email) -> "EmailFailure":
        """Return why an e-mail failed of which that is to be reported."""
        if email.geloescht_at is not None:
            return cls.ERASED
        if email.antwort_erhalten:
            return cls.ANSWERED
        if email.unsent_because is Unsent.STOPPED:
            return cls.STOPPED
        if email.unsent_because is Unsent.EXPIRED:
            return cls.EXPIRED
        return cls.BOUNCED if email.antwort_art == ReplyKind.UNDELIVERABLE else cls.REFUSED


class EmailFailedPayload(EmailPayload, frozen=True, kw_only=True):
    """An e-mail as it was when it failed, and why it did."""

    reason: EmailFailure

    @classmethod
    def of(cls, email: Email) -> Self:
        """Return what may be told about an e-mail that has failed."""
        told = msgspec.structs.asdict(EmailPayload.of(email))
        return cls(**told, reason=EmailFailure.of(email))


class CallPayload(msgspec.Struct, frozen=True, kw_only=True):
    """A phone call as it was when the event happened; date and time are the practice's wall clock.

    `email_id` is one of `email_ids`; a call about no e-mail has none of them.
    """

    phone_call_id: Id
    therapist_id: Id
    email_id: Id | None
    status: CallStatus
    geplantes_datum: date
    geplante_zeit: WallClock
    dauer_minuten: Id
    grund: CallReason
    versuch: Id
    ergebnis_art: OutcomeKind | None
    vorheriger_anruf_id: Id | None
    email_ids: list[Id] | UnsetType = UNSET
    extern_id: ExternId | UnsetType = UNSET

    @classmethod
    def of(cls, call: PhoneCall) -> Self:
        """Return what may be told about a call."""
        return cls(
            phone_call_id=call.id,
            therapist_id=call.therapist_id,
            email_id=call.email_id,
            status=CallStatus(call.status),
            geplantes_datum=call.geplantes_datum,
            geplante_zeit=f"{call.geplante_zeit:%H:%M}",
            dauer_minuten=call.dauer_minuten,
            grund=CallReason(call.grund),
            versuch=call.versuch,
            ergebnis_art=OutcomeKind(call.ergebnis_art) if call.ergebnis_art else None,
            vorheriger_anruf_id=call.vorheriger_anruf_id,
            extern_id=call.extern_id or UNSET,
        )


class CallClosedPayload(CallPayload, frozen=True, kw_only=True):
    """A phone call that is over.

    `korrigiert_at` says since when it is told otherwise than before; `gemeinsam_mit_id` is the call that was
    made, where this one was settled along with it.
    """

    korrigiert_at: Instant | None = None
    gemeinsam_mit_id: Id | None = None

    @classmethod
    def of(cls, call: PhoneCall) -> Self:
        """Return what may be told about a call that is over."""
        told = msgspec.structs.asdict(CallPayload.of(call))
        return cls(**told, korrigiert_at=call.korrigiert_at, gemeinsam_mit_id=call.gemeinsam_mit_id)


class CallCompletedPayload(CallClosedPayload, frozen=True, kw_only=True):
    """A call that reached somebody, and what they can offer; null is nothing said."""

    plaetze: Annotated[int, msgspec.Meta(ge=0, le=MOST_PLACES, description="3: three or more")] | None = None
    plaetze_ab: date | None = None
    plaetze_fuer: list[Audience] | None = None
    warteliste: bool | None = None
    wieder_fragen_am: date | None = None

    @classmethod
    def of(cls, call: PhoneCall) -> Self:
        """Return what may be told about a call that reached somebody."""
        told = msgspec.structs.asdict(CallClosedPayload.of(call))
        return cls(**told, **{name: getattr(call, name) for name in OFFER})


class TherapistPhonePayload(msgspec.Struct, frozen=True, kw_only=True):
    """Whose number was found out to be another, and when; null once the directory's holds again."""

    therapist_id: Id
    telefon_korrigiert_at: Instant | None

    @classmethod
    def of(cls, therapist: Therapist) -> Self:
        """Return what may be told about a therapist's number."""
        return cls(therapist_id=therapist.id, telefon_korrigiert_at=therapist.telefon_korrigiert_at)


EMAIL_PAYLOADS: dict[EventType, type[EmailPayload]] = {
    EventType.EMAIL_CREATED: EmailPayload,
    EventType.EMAIL_SENT: EmailPayload,
    EventType.EMAIL_FAILED: EmailFailedPayload,
    EventType.EMAIL_REPLIED: EmailPayload,
}
CALL_PAYLOADS: dict[EventType, type[CallPayload]] = {
    EventType.CALL_SCHEDULED: CallPayload,
    EventType.CALL_COMPLETED: CallCompletedPayload,
    EventType.CALL_FAILED: CallClosedPayload,
    EventType.CALL_CANCELED: CallClosedPayload,
}
Payload = EmailPayload | CallPayload | TherapistPhonePayload
PAYLOADS: dict[EventType, type[Payload]] = {
    **EMAIL_PAYLOADS,
    **CALL_PAYLOADS,
    EventType.THERAPIST_PHONE_CORRECTED: TherapistPhonePayload,
}


def event_of(
    happened: EventType,
    row: Email | PhoneCall | Therapist,
    *,
    at: datetime,
    available_at: datetime | None = None,
) -> OutboxEvent:
    """Return the outbox's row for what happened to a row, to be published from `available_at` on.

    Which e-mails a call is about is read when the event is written.
    """
    payload: Payload
    if isinstance(row, Email):
        key, payload = f"email:{row.id}", EMAIL_PAYLOADS[happened].of(row)
    elif isinstance(row, PhoneCall):
        key, payload = f"call:{row.id}", CALL_PAYLOADS[happened].of(row)
    else:
        key, payload = f"therapist:{row.id}", TherapistPhonePayload.of(row)
    told = msgspec.to_builtins(payload)
    if isinstance(row, PhoneCall) and row.email_id is not None:
        told = literal(told, JSONB).concat(_email_ids(row))
    return OutboxEvent(
        event_id=uuid4(),
        event_type=happened,
        topic=TOPIC,
        key=key,
        payload=told,
        created_at=at,
        available_at=available_at or at,
        **(NOWHERE if isinstance(row, Therapist) else Origin.of(row)).columns,
    )


def _email_ids(call: PhoneCall) -> ColumnElement[dict[str, object]]:
    about = select(CallEmail.email_id).where(CallEmail.call_id == call.id).order_by(CallEmail.email_id)
    return func.jsonb_build_object("email_ids", func.array(about.scalar_subquery()))
