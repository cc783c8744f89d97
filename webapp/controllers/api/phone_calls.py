"""`/api/phone-calls`: what the other services of the platform ask of phone calls."""

from datetime import date, datetime, time
from operator import attrgetter
from typing import Annotated, Any, Literal

import msgspec
from litestar import Controller, Response, delete, get, post, put
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import BodyKwarg, FromQuery, JSONBody, QueryParameter
from msgspec import UNSET, Meta, Struct, UnsetType

from services.calls.booked_rows import BookedCall
from services.calls.changes import CallChanges, change_call
from services.calls.lists import CallFilters, list_calls
from services.calls.planning import NewCall, get_call
from services.calls.requested import request_call
from services.checks import LONGEST_NOTE
from services.models import (
    LARGEST_ID,
    MOST_PLACES,
    Audience,
    CallBackBy,
    CallReason,
    CallStatus,
    CancelReason,
    OutcomeKind,
    PhoneCall,
)
from services.pagination import DEFAULT_LIMIT
from services.scheduling.calendar import LONGEST_CALL_MINUTES
from services.work import Work
from webapp.controllers.api.schema import (
    MADE_HEADERS,
    AfterId,
    CallId,
    IdempotencyKeyHeader,
    Paged,
    PageLimit,
    PageNumber,
    RecordIdFilter,
    Reference,
    ReferenceFilter,
    check_days,
    page_request,
    problems,
    repeatable,
)
from webapp.controllers.api.strict_json import JsonRequest
from webapp.service_keys import CALLS, READ

RecordId = BodyKwarg(ge=1, le=LARGEST_ID)
Minutes = BodyKwarg(ge=1, le=LONGEST_CALL_MINUTES, description="By default the desk's usual duration.")
Note = BodyKwarg(max_length=LONGEST_NOTE)
TimeOfDay = Annotated[
    str,
    Meta(
        pattern=r"^([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?$",
        description="Local wall-clock time, `9:00` or `14:30`; seconds are cut off.",
        examples=["14:30"],
    ),
]
ShownTime = Annotated[
    str,
    Meta(pattern="^[0-9]{2}:[0-9]{2}$", description="Local wall-clock time, `09:00`.", examples=["14:30"]),
]
CANCELED = {
    CancelReason.DO_NOT_CALL: "Der Therapeut möchte nicht angerufen werden.",
    CancelReason.NOT_ACTIVE: "Der Therapeut ist gesperrt oder nicht mehr aktiv.",
    CancelReason.ANSWERED: "Die E-Mail wurde beantwortet.",
    CancelReason.NO_TIME_AFTER_ABSENCE: "Nach der Abwesenheit ist in den Telefonzeiten keine Zeit frei.",
    CancelReason.BY_MISTAKE: "Der Rückruf war irrtümlich erfasst.",
    CancelReason.ERASED: "Die Daten des Therapeuten wurden auf Verlangen gelöscht.",
    CancelReason.MERGED: "Ein anderer Anruf bei diesem Therapeuten gilt auch hierfür.",
}
"""What `ergebnis` says of a call that was cancelled by itself."""

AGREED = "Who rings at the planned time, where it was agreed in a call."
TOGETHER = "The call that was made, where this one was closed together with it."
PLACES = (
    "Places offered; 3 stands for three or more. Like the four below with `erreicht` only; null is not said."
)
ASK_AGAIN = "Ask again on this day or after: with the outcome, a call is planned for then."
WRONG = "With `falsche_nummer`: the right number, which is kept on the therapist and rung next."
WHEN = "Of the call; with `rueckruf_vereinbart` of the call back agreed, which becomes a call of its own."

LONGEST_NUMBER = 60

REASON = "By default manuell. Only rueckruf, a call back, is planned about an e-mail that has been answered."
CLOSED = "completed, failed or canceled records the outcome; a closed call keeps its own."


class CallCreate(Struct, forbid_unknown_fields=True, kw_only=True):
    """A new call. Without date and time it goes into the therapist's next free phone hour."""

    therapist_id: Annotated[int, RecordId]
    geplantes_datum: date | None = None
    geplante_zeit: TimeOfDay | None = None
    dauer_minuten: Annotated[int | None, Minutes] = None
    status: Literal["scheduled"] | None = None
    notizen: Annotated[str | None, Note] = None
    email_id: Annotated[
        int | None,
        BodyKwarg(ge=1, le=LARGEST_ID, description="The e-mail the call is about; leave it out for others."),
    ] = None
    grund: Annotated[CallReason | None, BodyKwarg(description=REASON)] = None
    extern_id: Annotated[str | None, Reference] = None


class CallUpdate(Struct, forbid_unknown_fields=True, kw_only=True):
    """What is to change; what is left out stays."""

    status: Annotated[CallStatus | None, BodyKwarg(description=CLOSED)] = None
    ergebnis_art: Annotated[
        OutcomeKind | None,
        BodyKwarg(description="By default what the status usually means; `verschoben` moves the call."),
    ] = None
    geplantes_datum: Annotated[date | None, BodyKwarg(description=WHEN)] = None
    geplante_zeit: TimeOfDay | None = None
    dauer_minuten: Annotated[int | None, Minutes] = None
    tatsaechliches_datum: Annotated[date | None, BodyKwarg(description="With an outcome, today.")] = None
    tatsaechliche_zeit: TimeOfDay | None = None
    wiederholen_nach: Annotated[
        date | UnsetType | None, BodyKwarg(description="No next attempt before this day.")
    ] = UNSET
    ergebnis: Annotated[str | UnsetType | None, Note] = UNSET
    notizen: Annotated[str | UnsetType | None, Note] = UNSET
    plaetze: Annotated[int | UnsetType | None, BodyKwarg(ge=0, le=MOST_PLACES, description=PLACES)] = UNSET
    plaetze_ab: Annotated[date | UnsetType | None, BodyKwarg(description="From when.")] = UNSET
    plaetze_fuer: Annotated[list[Audience] | UnsetType | None, BodyKwarg(description="For whom.")] = UNSET
    warteliste: Annotated[bool | UnsetType | None, BodyKwarg(description="Whether there is one.")] = UNSET
    wieder_fragen_am: Annotated[date | UnsetType | None, BodyKwarg(description=ASK_AGAIN)] = UNSET
    rueckruf_durch: Annotated[
        CallBackBy | None, BodyKwarg(description="With `rueckruf_vereinbart`: who rings, by default `wir`.")
    ] = None
    richtige_nummer: Annotated[str | None, BodyKwarg(max_length=LONGEST_NUMBER, description=WRONG)] = None
    version: Annotated[
        int | None, BodyKwarg(description="The version this change is based on; 409 if there is a newer one.")
    ] = None


class Call(Struct, kw_only=True):
    """A phone call. Dates and times are the practice's wall clock, instants are UTC."""

    id: int
    therapist_id: int
    geplantes_datum: date
    geplante_zeit: ShownTime
    dauer_minuten: int
    tatsaechliches_datum: date | None
    tatsaechliche_zeit: ShownTime | None
    status: CallStatus
    ergebnis: Annotated[
        str | None, Meta(description="Where nobody wrote anything, in German what `absage_grund` says.")
    ]
    absage_grund: Annotated[
        CancelReason | None, Meta(description="Why the call was cancelled other than by an outcome.")
    ]
    notizen: str | None
    wiederholen_nach: date | None
    created_at: datetime
    updated_at: datetime
    email_id: Annotated[int | None, Meta(description="One of `email_ids`; none where there are none.")]
    email_ids: Annotated[list[int], Meta(description="The e-mails the call is about.")]
    grund: CallReason
    ergebnis_art: OutcomeKind | None
    versuch: int
    vorheriger_anruf_id: int | None
    gemeinsam_mit_id: Annotated[int | None, Meta(description=TOGETHER)]
    ausserhalb_erreichbarkeit: bool
    klaerung_noetig: bool
    plaetze: Annotated[int | None, Meta(description="Places offered; 3 stands for three or more.")]
    plaetze_ab: date | None
    plaetze_fuer: list[Audience] | None
    warteliste: bool | None
    wieder_fragen_am: date | None
    rueckruf_durch: Annotated[CallBackBy | None, Meta(description=AGREED)]
    extern_id: Annotated[
        str | None, Meta(description="The caller's reference; calls that follow from this one keep it.")
    ]
    korrigiert_at: Annotated[datetime | None, Meta(description="When its outcome was last corrected.")]
    version: int


class CallList(Paged[Call], kw_only=True):
    """A page of calls, earliest planned first. With `after` newest first; `next` is what to go on with."""

    data: list[Call]


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
        return CallList.of(calls, _shown, by_id=False)

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
        fields["geplante_zeit"] = _time(data.geplante_zeit)
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
        return Response(_shown(call), status_code=201, headers=headers)

    @get(
        "/{call_id:int}",
        operation_id="getPhoneCall",
        summary="Read a call",
        responses=problems(404),
        security=READ,
    )
    async def get_call(self, work: NamedDependency[Work], call_id: CallId) -> Call:
        """With its outcome, where it has one. Date and time are the practice's wall clock, instants UTC."""
        return _shown(await get_call(work, call_id))

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
        if data.ergebnis in CANCELED.values() and data.ergebnis == _ergebnis(await get_call(work, call_id)):
            fields["ergebnis"] = UNSET
        version = fields.pop("version")
        fields["geplante_zeit"] = _time(data.geplante_zeit)
        fields["tatsaechliche_zeit"] = _time(data.tatsaechliche_zeit)
        changes = CallChanges(**fields)
        call = await change_call(work, call_id, changes, version=version)
        return _shown(call)

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
        return _shown(call)


def _time(value: str | None) -> time | None:
    if value is None:
        return None
    hour, minute, *_ = value.split(":")
    return time(int(hour), int(minute))


_SHOWN = attrgetter(*Call.__struct_fields__)


def _shown(call: PhoneCall | BookedCall) -> Call:
    fields: dict[str, Any] = dict(zip(Call.__struct_fields__, _SHOWN(call), strict=True))
    for name in ("geplante_zeit", "tatsaechliche_zeit"):
        fields[name] = _clock(fields[name])
    fields["ergebnis"] = _ergebnis(call)
    return Call(**fields)


def _ergebnis(call: PhoneCall | BookedCall) -> str | None:
    if call.ergebnis is None and call.absage_grund is not None:
        return CANCELED[CancelReason(call.absage_grund)]
    return call.ergebnis


def _clock(at: time | None) -> str | None:
    return None if at is None else f"{at:%H:%M}"
