"""`/api/emails`: what the other services of the platform ask of e-mails."""

from typing import Annotated, Any

import msgspec
from litestar import Controller, Response, get, post, put
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody, QueryParameter
from msgspec import UNSET, Struct

from services.emails.changes import EmailChanges, update_email
from services.emails.create import NewEmail, create_email, get_email
from services.emails.lists import EmailFilters, list_emails
from services.models import EmailStatus
from services.pagination import DEFAULT_LIMIT
from services.receiving.lists import list_incoming
from services.work import Moment, Work
from shared.config import Settings
from webapp.controllers.api.email_bodies import (
    EmailCreate,
    EmailDetail,
    EmailList,
    EmailSummary,
    EmailUpdate,
    IncomingList,
    IncomingMessage,
    detail_of,
    own_notes,
    shown,
)
from webapp.controllers.api.schema import (
    MADE_HEADERS,
    AfterId,
    DayOrInstantFilter,
    EmailId,
    IdempotencyKeyHeader,
    PageLimit,
    PageNumber,
    RecordIdFilter,
    ReferenceFilter,
    page_request,
    problems,
    range_end,
    range_start,
    read_instant,
    repeatable,
)
from webapp.controllers.api.strict_json import JsonRequest
from webapp.service_keys import EMAILS, READ


class EmailApi(Controller):
    """The e-mails of the platform."""

    path = "/api/emails"
    request_class = JsonRequest
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
        return EmailList.of(emails, lambda email: shown(email, EmailSummary), by_id=True)

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
        return Response(detail_of(email), status_code=201, headers=headers)

    @get(
        "/{email_id:int}",
        operation_id="getEmail",
        summary="Read an e-mail",
        responses=problems(404),
        security=READ,
    )
    async def get_email(self, work: NamedDependency[Work], email_id: EmailId) -> EmailDetail:
        """With all its texts and how its delivery fares; instants are UTC."""
        return detail_of(await get_email(work, email_id))

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
            fields |= own_notes(await get_email(work, email_id), data.nachverfolgung_notizen)
        version = fields.pop("version")
        changes = EmailChanges(**fields)
        email = await update_email(work, email_id, changes, version=version, utf8=config.smtp_utf8)
        return detail_of(email)


def _instants(data: Struct, *fields: str) -> dict[str, Any]:
    """Return those fields of a body that hold an instant."""
    given = ((field, getattr(data, field)) for field in fields)
    return {field: read_instant(field, at) for field, at in given if isinstance(at, str)}
