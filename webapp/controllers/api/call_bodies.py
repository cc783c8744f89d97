"""What `/api/phone-calls` is given and gives."""

from datetime import date, datetime, time
from operator import attrgetter
from typing import Annotated, Any, Literal

from litestar.params import BodyKwarg
from msgspec import UNSET, Meta, Struct, UnsetType

from services.calls.booked_rows import BookedCall
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
from services.scheduling.calendar import LONGEST_CALL_MINUTES
from webapp.controllers.api.schema import (
    Paged,
    Reference,
)

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


def time_of(value: str | None) -> time | None:
    """Return the time of day a body gives."""
    if value is None:
        return None
    hour, minute, *_ = value.split(":")
    return time(int(hour), int(minute))


_SHOWN = attrgetter(*Call.__struct_fields__)


def shown(call: PhoneCall | BookedCall) -> Call:
    """Return a call as the API tells it."""
    fields: dict[str, Any] = dict(zip(Call.__struct_fields__, _SHOWN(call), strict=True))
    for name in ("geplante_zeit", "tatsaechliche_zeit"):
        fields[name] = _clock(fields[name])
    fields["ergebnis"] = ergebnis_of(call)
    return Call(**fields)


def ergebnis_of(call: PhoneCall | BookedCall) -> str | None:
    """Return what was written, or why the call was cancelled by itself."""
    if call.ergebnis is None and call.absage_grund is not None:
        return CANCELED[CancelReason(call.absage_grund)]
    return call.ergebnis


def _clock(at: time | None) -> str | None:
    return None if at is None else f"{at:%H:%M}"
