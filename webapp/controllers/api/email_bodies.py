"""What e-mails look like in JSON: as they are sent to `/api/emails` and as they are shown there."""

from dataclasses import replace
from datetime import date, datetime
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from litestar.openapi.spec import Example
from litestar.params import BodyKwarg
from msgspec import UNSET, Meta, Struct, UnsetType

from services.checks import LARGEST_BODY_BYTES, LONGEST_LINE, LONGEST_NOTE
from services.emails.insert import MadeEmail
from services.models import (
    LARGEST_ID,
    Email,
    EmailStatus,
    FollowUpObstacle,
    IncomingKind,
    IncomingState,
    ReplyKind,
)
from webapp.controllers.api.schema import INSTANT, Paged, Reference

RecordId = BodyKwarg(ge=1, le=LARGEST_ID, examples=[Example(value=123)])
Address = BodyKwarg(
    format="idn-email",
    description="ASCII before the @ unless the mail server offers SMTPUTF8; the domain may be international.",
    examples=[Example(value="praxis@example.de")],
)
Line = BodyKwarg(min_length=1, max_length=LONGEST_LINE, description="One line, no control characters.")
Name = replace(Line, examples=[Example(value="Dr. Jürgen Müller")])
Subject = replace(Line, examples=[Example(value="Anfrage für drei Patientinnen")])
BodyText = BodyKwarg(
    description=f"At most {LARGEST_BODY_BYTES} bytes of UTF-8. Derived from the other body when left out.",
)
Html = replace(BodyText, examples=[Example(value="<p>Guten Tag, haben Sie ab Herbst freie Plätze?</p>")])
PlainText = replace(BodyText, examples=[Example(value="Guten Tag, haben Sie ab Herbst freie Plätze?")])
Note = BodyKwarg(max_length=LONGEST_NOTE)
ReplyTo = replace(
    Address,
    description="Where answers go (`Reply-To`) instead of where this service reads them: it then knows of an "
    "answer only if that reaches its mailbox all the same. By default as set up.",
    examples=[Example(value="team@example.de")],
)
SendAt = BodyKwarg(
    pattern=f"^{INSTANT}$",
    description="Not sent before this ISO 8601 instant, at most 366 days ahead; without an offset it is "
    "local time of the practices. What is past means at once, which is the default.",
    examples=[Example(value="2026-10-15T06:30:00Z"), Example(value="2026-10-15T08:30")],
)
ExpiresAt = BodyKwarg(
    pattern=f"^{INSTANT}$",
    description="Not sent from this instant on, written as `send_at`: it is FAILED then, and `email_failed` "
    "says `expired`. After now and after `send_at`. By default never.",
    examples=[Example(value="2026-10-16T16:00:00Z"), Example(value="2026-10-16T18:00")],
)
NO_CALL = {
    FollowUpObstacle.NOT_TO_BE_CALLED: "Kein automatischer Anruf: gesperrt, inaktiv oder nicht anrufen.",
    FollowUpObstacle.NO_WINDOW: "Kein automatischer Anruf: keine nutzbaren Telefonzeiten.",
    FollowUpObstacle.HOURS_TOO_SHORT: (
        "Kein automatischer Anruf: die Telefonzeiten sind zu kurz für einen Anruf."
    ),
    FollowUpObstacle.UNREADABLE_HOURS: "Kein automatischer Anruf: die Telefonzeiten sind nicht lesbar.",
    FollowUpObstacle.NO_FREE_SLOT: "Kein automatischer Anruf: in den Telefonzeiten ist keine Zeit frei.",
    FollowUpObstacle.UNKNOWN_THERAPIST: "Kein automatischer Anruf: Therapeut unbekannt.",
}
"""What `nachverfolgung_notizen` says of an obstacle, below the staff's own notes."""


class EmailCreate(Struct, forbid_unknown_fields=True, kw_only=True):
    """A new e-mail: a subject and one or both bodies, or a template with its data."""

    therapist_id: Annotated[int, RecordId]
    empfaenger_email: Annotated[str, Address]
    empfaenger_name: Annotated[str, Name]
    betreff: Annotated[str | None, Subject] = None
    body_html: Annotated[str | None, Html] = None
    body_text: Annotated[str | None, PlainText] = None
    absender_email: Annotated[str | None, Address] = None
    absender_name: Annotated[str | None, Name] = None
    template: Annotated[str | None, BodyKwarg(description="A name from `/api/email-templates`.")] = None
    template_data: dict[str, Any] | None = None
    status: Annotated[Literal["DRAFT", "QUEUED"] | None, BodyKwarg(description="By default QUEUED.")] = None
    nachverfolgung_erforderlich: Annotated[bool | None, BodyKwarg(description="By default false.")] = None
    nachverfolgung_notizen: Annotated[str | None, Note] = None
    antwort_an: Annotated[str | None, ReplyTo] = None
    extern_id: Annotated[str | None, Reference] = None
    send_at: Annotated[str | None, SendAt] = None
    expires_at: Annotated[str | None, ExpiresAt] = None


class EmailUpdate(Struct, forbid_unknown_fields=True, kw_only=True):
    """What is to change; what is left out stays.

    Content can change in DRAFT only, `send_at` and `expires_at` in DRAFT, QUEUED and FAILED.
    """

    therapist_id: Annotated[int | UnsetType, RecordId] = UNSET
    betreff: Annotated[str | UnsetType, Subject] = UNSET
    body_html: Annotated[str | UnsetType, Html] = UNSET
    body_text: Annotated[str | UnsetType, PlainText] = UNSET
    empfaenger_email: Annotated[str | UnsetType, Address] = UNSET
    empfaenger_name: Annotated[str | UnsetType, Name] = UNSET
    absender_email: Annotated[str | UnsetType, Address] = UNSET
    absender_name: Annotated[str | UnsetType, Name] = UNSET
    antwort_an: Annotated[str | UnsetType | None, ReplyTo] = UNSET
    send_at: Annotated[str | UnsetType | None, SendAt] = UNSET
    expires_at: Annotated[str | UnsetType | None, ExpiresAt] = UNSET
    status: Annotated[
        EmailStatus | UnsetType,
        BodyKwarg(description="DRAFT to QUEUED, QUEUED to DRAFT, FAILED to QUEUED; else 409."),
    ] = UNSET
    antwort_erhalten: Annotated[
        bool | UnsetType,
        BodyKwarg(description="`true` records an answer, with all that follows; `false` takes it back."),
    ] = UNSET
    antwortdatum: Annotated[
        str | UnsetType | None,
        BodyKwarg(
            pattern=f"^{INSTANT}$",
            description="When the answer came in, an ISO 8601 instant; without an offset it is local time of "
            "the practices. By default now.",
            examples=[Example(value="2025-06-10T12:30:00Z"), Example(value="2025-06-10T14:30")],
        ),
    ] = UNSET
    antwortinhalt: str | UnsetType | None = UNSET
    nachverfolgung_erforderlich: bool | UnsetType = UNSET
    nachverfolgung_notizen: Annotated[str | UnsetType | None, Note] = UNSET
    version: Annotated[
        int | None, BodyKwarg(description="The version this change is based on; 409 if there is a newer one.")
    ] = None


class EmailSummary(Struct, kw_only=True):
    """An e-mail in a list, without its long texts."""

    id: int
    therapist_id: int
    betreff: str
    empfaenger_email: str
    empfaenger_name: str
    absender_email: str
    absender_name: str
    antwort_an: str | None
    extern_id: str | None
    antwort_erhalten: bool
    antwortdatum: datetime | None
    antwort_art: ReplyKind | None
    nachverfolgung_erforderlich: bool
    nachverfolgung_notizen: Annotated[
        str | None,
        Meta(description="The notes, and below them in German what `nachverfolgung_hindernis` says."),
    ]
    nachverfolgung_hindernis: Annotated[
        FollowUpObstacle | None, Meta(description="Why no call followed by itself when it was due.")
    ]
    nachverfolgung_ab: datetime | None
    status: EmailStatus
    zustellung_unklar: bool
    queued_at: datetime | None
    send_at: Annotated[datetime | None, Meta(description="Not sent before.")]
    expires_at: Annotated[datetime | None, Meta(description="Not sent from then on.")]
    naechster_versuch_at: datetime | None
    sent_at: datetime | None
    fehlermeldung: str | None
    wiederholungsanzahl: int
    message_id: str
    created_at: datetime
    updated_at: datetime
    geloescht_at: Annotated[
        datetime | None,
        Meta(description="Since when texts, names and addresses are empty: they were deleted."),
    ]
    version: int


class EmailDetail(EmailSummary, kw_only=True):
    """An e-mail with all its texts; instants are UTC."""

    body_html: str
    body_text: str
    antwortinhalt: str | None


Shown = TypeVar("Shown", bound=EmailSummary)


class EmailList(Paged[EmailSummary], kw_only=True):
    """A page of e-mails, newest first; `next` is what to read on `after`, null at the end."""

    data: list[EmailSummary]


class Attachment(Struct):
    """A file that came with a message; it is not kept itself."""

    name: str
    size: int


class IncomingMessage(Struct, kw_only=True):
    """A message that came in for an e-mail, or a note staff recorded by hand; instants are UTC."""

    id: int
    art: Annotated[IncomingKind, BodyKwarg(description="What it is; `unlesbar` could not be read.")]
    zustand: Annotated[IncomingState, BodyKwarg(description="`offen` waits for a person.")]
    empfangen_at: datetime
    absender: str
    absender_name: str
    betreff: str
    text: str
    worte: Annotated[str, BodyKwarg(description="The text without quotations and signature.")]
    anhaenge: list[Attachment]
    wieder_da_am: Annotated[date | None, BodyKwarg(description="When somebody is back, of a note.")]
    serverworte: Annotated[str | None, BodyKwarg(description="What a mail server said of the delivery.")]
    message_id: Annotated[str | None, BodyKwarg(description="Hashed where the message was deleted.")]
    geloescht_at: Annotated[
        datetime | None, BodyKwarg(description="Since when texts, names and addresses are empty.")
    ]


class IncomingList(Paged[IncomingMessage], kw_only=True):
    """One page of what came in for an e-mail, oldest first."""

    data: list[IncomingMessage]


def detail_of(email: Email | MadeEmail) -> EmailDetail:
    """Return an e-mail as it is answered by itself."""
    return shown(email, EmailDetail)


def shown(email: Email | MadeEmail, form: type[Shown]) -> Shown:
    """Return an e-mail with, below its notes, why no call follows."""
    answer = msgspec.convert(email, form, from_attributes=True)
    if answer.nachverfolgung_hindernis is not None:
        words = NO_CALL[answer.nachverfolgung_hindernis]
        answer.nachverfolgung_notizen = "\n".join(filter(None, (answer.nachverfolgung_notizen, words)))
    return answer


def own_notes(email: Email, given: str | None) -> dict[str, str | None]:
    """Return what notes change that a caller has read here: our words under them stay a code, or go."""
    known = email.nachverfolgung_hindernis
    above, _, last = (given or "").rpartition("\n")
    if known and last == NO_CALL[FollowUpObstacle(known)]:
        return {"nachverfolgung_notizen": above or None}
    return {"nachverfolgung_notizen": given, "nachverfolgung_hindernis": None}
