"""`/api/phone-calls`: what the other services of the platform ask of phone calls."""

from datetime import date
from typing import Annotated

import msgspec
from litestar import Controller, Response, delete, get, post, put
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody, QueryParameter
from msgspec import UNSET

from services.calls.changes import CallChanges, change_call
from services.calls.lists import CallFilters, list_calls
from services.calls.planning import NewCall, get_call
from services.calls.requested import request_call
from services.models import CallReason, CallStatus
from services.pagination import DEFAULT_LIMIT
from services.work import Work
from webapp.controllers.api.call_bodies import (
    CANCELED,
    Call,
    CallCreate,
    CallList,
    CallUpdate,
    ergebnis_of,
    shown,
    time_of,
)
from webapp.controllers.api.schema import (
    MADE_HEADERS,
    AfterId,
    CallId,
    IdempotencyKeyHeader,
    PageLimit,
    PageNumber,
    RecordIdFilter,
    ReferenceFilter,
    check_days,
    page_request,
    problems,
    repeatable,
)
from webapp.controllers.api.strict_json import JsonRequest
from webapp.service_keys import CALLS, READ


class PhoneCallApi(Controller):
    """The phone calls of the platform."""

    path = "/api/phone-calls"
    request_class = JsonRequest
    security = CALLS
    tags = ["Phone calls"]  # noqa: RUF012

    @get(
        "/",
        operation_id="listPhoneCalls",
        summary="List calls, earliest planned first",
        responses=problems(422),
        security=READ,
    )
    async def list_calls(
        self,
        work: NamedDependency[Work],
        page: PageNumber = None,
        after: AfterId = None,
        limit: PageLimit = DEFAULT_LIMIT,
        therapist_id: RecordIdFilter = None,
        email_id: RecordIdFilter = None,
        status: FromQuery[CallStatus | None] = None,
        geplantes_datum: FromQuery[date | None] = None,
        geplantes_datum_from: Annotated[date | None, QueryParameter(description="This day or later.")] = None,
        geplantes_datum_to: Annotated[date | None, QueryParameter(description="This day or earlier.")] = None,
        extern_id: ReferenceFilter = None,
    ) -> CallList:
        """All filters given have to match. Dates are the practices' local days."""
        filters = CallFilters(
            therapist_id=therapist_id,
            email_id=email_id,
            status=status,
            geplantes_datum=geplantes_datum,
            geplantes_datum_von=geplantes_datum_from,
            geplantes_datum_bis=geplantes_datum_to,
            extern_id=extern_id,
        )
        calls = await list_calls(work, filters, page_request(page, after, limit))
        return CallList.of(calls, shown, by_id=False)

    @post(
        "/",
        operation_id="createPhoneCall",
        summary="Plan a call, at a time or in the next free phone hour",
        response_headers=MADE_HEADERS,
        responses=problems(409, 413, 415, 422, 503),
    )
    async def create_call(
        self,
        data: JSONBody[CallCreate],
        request: JsonRequest,
        state: State,
        idempotency_key: IdempotencyKeyHeader = None,
    ) -> Response[Call]:
        """With date and time at that time, 409 where it is taken; else in the next free phone hour.

        422 says why no time can be found. Send an `Idempotency-Key` to be able to repeat the request after a
        lost answer.
        """
        fields = msgspec.structs.asdict(data)
        check_days(**fields)
        del fields["status"]
        fields["grund"] = data.grund or CallReason.MANUAL
        fields["geplante_zeit"] = time_of(data.geplante_zeit)
        call, repeated = await request_call(
            state.workplace,
            NewCall(**fields),
            actor=request.auth,
            together=state.together,
            directory=state.directory,
            repeatable=await repeatable(request, idempotency_key),
        )
        headers = {"Location": f"/api/phone-calls/{call.id}"}
        if repeated:
            headers["Idempotent-Replayed"] = "true"
        return Response(shown(call), status_code=201, headers=headers)

    @get(
        "/{call_id:int}",
        operation_id="getPhoneCall",
        summary="Read a call",
        responses=problems(404),
        security=READ,
    )
    async def get_call(self, work: NamedDependency[Work], call_id: CallId) -> Call:
        """With its outcome, where it has one. Date and time are the practice's wall clock, instants UTC."""
        return shown(await get_call(work, call_id))

    @put(
        "/{call_id:int}",
        operation_id="updatePhoneCall",
        summary="Record a call's outcome, move it or correct it",
        responses=problems(404, 409, 413, 415, 422),
    )
    async def update_call(
        self, work: NamedDependency[Work], call_id: CallId, data: JSONBody[CallUpdate]
    ) -> Call:
        """What is left out stays. A missed call plans the next attempt, a call of its own.

        An event tells of an outcome once it can't be undone any more, after some seconds.
        """
        fields = msgspec.structs.asdict(data)
        check_days(**fields)
        if data.ergebnis in CANCELED.values() and data.ergebnis == ergebnis_of(await get_call(work, call_id)):
            fields["ergebnis"] = UNSET
        version = fields.pop("version")
        fields["geplante_zeit"] = time_of(data.geplante_zeit)
        fields["tatsaechliche_zeit"] = time_of(data.tatsaechliche_zeit)
        changes = CallChanges(**fields)
        call = await change_call(work, call_id, changes, version=version)
        return shown(call)

    @delete(
        "/{call_id:int}",
        operation_id="cancelPhoneCall",
        summary="Cancel a call; it stays readable",
        status_code=200,
        responses=problems(404, 409),
    )
    async def cancel_call(self, work: NamedDependency[Work], call_id: CallId) -> Call:
        """Answers the call, which is `canceled` from then on; doing so again changes nothing."""
        changes = CallChanges(status=CallStatus.CANCELED)
        call = await change_call(work, call_id, changes, version=None)
        return shown(call)
