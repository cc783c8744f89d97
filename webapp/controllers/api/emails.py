"""`/api/emails`: what the other services of the platform ask of e-mails."""

from dataclasses import replace
from datetime import date, datetime
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from litestar import Controller, Response, get, post, put
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.openapi.spec import Example
from litestar.params import BodyKwarg, FromQuery, JSONBody, QueryParameter
from msgspec import UNSET, Meta, Struct, UnsetType

from services.checks import LARGEST_BODY_BYTES, LONGEST_LINE, LONGEST_NOTE
from services.emails.changes import EmailChanges, update_email
from services.emails.create import NewEmail, create_email, get_email
from services.emails.lists import EmailFilters, list_emails
from services.models import (
    LARGEST_ID,
    Email,
    EmailStatus,
    FollowUpObstacle,
    IncomingKind,
    IncomingState,
    ReplyKind,
)
from services.pagination import DEFAULT_LIMIT
from services.receiving.lists import list_incoming
from services.work import Moment, Work
from shared.config import Settings
from webapp.controllers.api.schema import (
    INSTANT,
    MADE_HEADERS,
    AfterId,
    DayOrInstantFilter,
    EmailId,
    IdempotencyKeyHeader,
    Paged,
    PageLimit,
    PageNumber,
    RecordIdFilter,
    Reference,
    ReferenceFilter,
    page_request,
    problems,
    range_end,
    range_start,
    read_instant,
    refuse_unknown_parameters,
    repeatable,
)
from webapp.controllers.api.strict_json import JsonRequest
from webapp.service_keys import EMAILS, READ

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


class EmailApi(Controller):
    """The e-mails of the platform."""

    path = "/api/emails"
    request_class = JsonRequest
    guards = [refuse_unknown_parameters]  # noqa: RUF012
    security = EMAILS
    tags = ["E-mails"]  # noqa: RUF012

    @get(
        "/",
        operation_id="listEmails",
        summary="List e-mails, newest first",
        responses=problems(),
        security=READ,
    )
    async def list_emails(
        self,
        work: NamedDependency[Work],
        page: PageNumber = None,
        after: AfterId = None,
        limit: PageLimit = DEFAULT_LIMIT,
        therapist_id: RecordIdFilter = None,
        status: FromQuery[EmailStatus | None] = None,
        antwort_erhalten: FromQuery[bool | None] = None,
        nachverfolgung_erforderlich: FromQuery[bool | None] = None,
        zustellung_unklar: FromQuery[bool | None] = None,
        created_from: DayOrInstantFilter = None,
        created_to: DayOrInstantFilter = None,
        sent_from: DayOrInstantFilter = None,
        sent_to: DayOrInstantFilter = None,
        extern_id: ReferenceFilter = None,
        q: Annotated[
            str | None,
            QueryParameter(
                max_length=200,
                description="Beginnings of words: subject, recipient, address. Or a whole `extern_id`.",
            ),
        ] = None,
    ) -> EmailList:
        """Without their long texts. All filters given have to match; `q` finds beginnings of words."""
        filters = EmailFilters(
            therapist_id=therapist_id,
            status=status,
            antwort_erhalten=antwort_erhalten,
            nachverfolgung_erforderlich=nachverfolgung_erforderlich,
            zustellung_unklar=zustellung_unklar,
            created_from=range_start("created_from", created_from, work.rules),
            created_to=range_end("created_to", created_to, work.rules),
            sent_from=range_start("sent_from", sent_from, work.rules),
            sent_to=range_end("sent_to", sent_to, work.rules),
            extern_id=extern_id,
            q=q,
        )
        emails = await list_emails(work, filters, page_request(page, after, limit))
        return EmailList.of(emails, lambda email: _shown(email, EmailSummary), by_id=True)

    @post(
        "/",
        operation_id="createEmail",
        summary="Queue an e-mail, or store a draft",
        response_headers=MADE_HEADERS,
        responses=problems(409, 413, 415),
    )
    async def create_email(
        self,
        data: JSONBody[EmailCreate],
        request: JsonRequest,
        state: State,
        idempotency_key: IdempotencyKeyHeader = None,
    ) -> Response[EmailDetail]:
        """Answered once the e-mail is stored for good: it is then sent when it is due, once.

        Nothing is sent to an address on the stop list, nor to who has been erased: 422. Send an
        `Idempotency-Key` to be able to repeat the request after a lost answer.
        """
        fields = msgspec.structs.asdict(data) | _instants(data, "send_at", "expires_at")
        fields["status"] = EmailStatus(data.status or EmailStatus.QUEUED)
        fields["nachverfolgung_erforderlich"] = bool(data.nachverfolgung_erforderlich)
        email, repeated = await create_email(
            state.statements,
            NewEmail(**fields),
            moment=Moment(now=state.clock(), rules=state.rules),
            actor=request.auth,
            sender=state.config.get_smtp_settings(),
            repeatable=await repeatable(request, idempotency_key),
        )
        headers = {"Location": f"/api/emails/{email.id}"}
        if repeated:
            headers["Idempotent-Replayed"] = "true"
        return Response(_detail(email), status_code=201, headers=headers)

    @get(
        "/{email_id:int}",
        operation_id="getEmail",
        summary="Read an e-mail",
        responses=problems(404),
        security=READ,
    )
    async def get_email(self, work: NamedDependency[Work], email_id: EmailId) -> EmailDetail:
        """With all its texts and how its delivery fares; instants are UTC."""
        return _detail(await get_email(work, email_id))

    @get(
        "/{email_id:int}/eingang",
        operation_id="listIncoming",
        summary="List what came in for an e-mail, oldest first",
        responses=problems(404),
        security=READ,
    )
    async def list_incoming(
        self,
        work: NamedDependency[Work],
        email_id: EmailId,
        page: PageNumber = None,
        limit: PageLimit = DEFAULT_LIMIT,
    ) -> IncomingList:
        """Replies, out-of-office notes, receipts and reports of mail systems, with what they said."""
        messages = await list_incoming(work, email_id, page_request(page, None, limit))
        return IncomingList.of(
            messages, lambda row: msgspec.convert(row, IncomingMessage, from_attributes=True), by_id=False
        )

    @put(
        "/{email_id:int}",
        operation_id="updateEmail",
        summary="Change a draft, its state, the answer or the follow-up",
        responses=problems(404, 409, 413, 415),
    )
    async def update_email(
        self,
        work: NamedDependency[Work],
        email_id: EmailId,
        data: JSONBody[EmailUpdate],
        config: NamedDependency[Settings],
    ) -> EmailDetail:
        """What is left out stays. An answer recorded here cancels the call that was to follow.

        A change of state that is not possible, and a `version` that is not the newest, are a 409.
        """
        fields = msgspec.structs.asdict(data) | _instants(data, "antwortdatum", "send_at", "expires_at")
        if data.nachverfolgung_notizen is not UNSET:
            fields |= _own_notes(await get_email(work, email_id), data.nachverfolgung_notizen)
        version = fields.pop("version")
        changes = EmailChanges(**fields)
        email = await update_email(work, email_id, changes, version=version, utf8=config.smtp_utf8)
        return _detail(email)


def _instants(data: Struct, *fields: str) -> dict[str, Any]:
    """Return those fields of a body that hold an instant."""
    given = ((field, getattr(data, field)) for field in fields)
    return {field: read_instant(field, at) for field, at in given if isinstance(at, str)}


def _detail(email: Email) -> EmailDetail:
    return _shown(email, EmailDetail)


def _shown(email: Email, form: type[Shown]) -> Shown:
    shown = msgspec.convert(email, form, from_attributes=True)
    if shown.nachverfolgung_hindernis is not None:
        words = NO_CALL[shown.nachverfolgung_hindernis]
        shown.nachverfolgung_notizen = "\n".join(filter(None, (shown.nachverfolgung_notizen, words)))
    return shown


def _own_notes(email: Email, given: str | None) -> dict[str, str | None]:
    """Return what notes change that a caller has read here: our words under them stay a code, or go."""
    known = email.nachverfolgung_hindernis
    above, _, last = (given or "").rpartition("\n")
    if known and last == NO_CALL[FollowUpObstacle(known)]:
        return {"nachverfolgung_notizen": above or None}
    return {"nachverfolgung_notizen": given, "nachverfolgung_hindernis": None}
