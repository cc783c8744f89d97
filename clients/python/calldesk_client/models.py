"""What is sent and what comes back, in the platform's own field names.

Texts that are one of several are plain `str`, so that a value of a later release is no error; the API's
document lists them. Dates and times of calls are the practice's wall clock, instants are aware.
"""

from datetime import date, datetime
from typing import Any, Generic, TypeVar

from msgspec import UNSET, Struct, UnsetType

Row = TypeVar("Row")


class Rows(Struct, Generic[Row], kw_only=True, frozen=True):
    """One page of a list; `next` goes on where it was asked for by cursor."""

    data: list[Row]
    total: int
    next: int | None = None


class NewEmail(Struct, kw_only=True, omit_defaults=True):
    """A new e-mail: a subject and one or both bodies, or a template with its data."""

    therapist_id: int
    empfaenger_email: str
    empfaenger_name: str
    betreff: str | None = None
    body_html: str | None = None
    body_text: str | None = None
    absender_email: str | None = None
    absender_name: str | None = None
    template: str | None = None
    template_data: dict[str, Any] | None = None
    status: str | None = None
    nachverfolgung_erforderlich: bool | None = None
    nachverfolgung_notizen: str | None = None
    antwort_an: str | None = None
    extern_id: str | None = None
    send_at: datetime | None = None
    expires_at: datetime | None = None


class EmailChanges(Struct, kw_only=True):
    """What is to change of an e-mail; what is left out stays."""

    therapist_id: int | UnsetType = UNSET
    betreff: str | UnsetType = UNSET
    body_html: str | UnsetType = UNSET
    body_text: str | UnsetType = UNSET
    empfaenger_email: str | UnsetType = UNSET
    empfaenger_name: str | UnsetType = UNSET
    absender_email: str | UnsetType = UNSET
    absender_name: str | UnsetType = UNSET
    status: str | UnsetType = UNSET
    antwort_erhalten: bool | UnsetType = UNSET
    antwortdatum: datetime | UnsetType | None = UNSET
    antwortinhalt: str | UnsetType | None = UNSET
    nachverfolgung_erforderlich: bool | UnsetType = UNSET
    nachverfolgung_notizen: str | UnsetType | None = UNSET
    version: int | UnsetType | None = UNSET
    antwort_an: str | UnsetType | None = UNSET
    send_at: datetime | UnsetType | None = UNSET
    expires_at: datetime | UnsetType | None = UNSET


class EmailSummary(Struct, kw_only=True, frozen=True):
    """An e-mail in a list, without its long texts."""

    id: int
    therapist_id: int
    betreff: str
    empfaenger_email: str
    empfaenger_name: str
    absender_email: str
    absender_name: str
    antwort_erhalten: bool
    antwortdatum: datetime | None
    antwort_art: str | None
    nachverfolgung_erforderlich: bool
    nachverfolgung_notizen: str | None
    nachverfolgung_hindernis: str | None
    nachverfolgung_ab: datetime | None
    status: str
    zustellung_unklar: bool
    queued_at: datetime | None
    naechster_versuch_at: datetime | None
    sent_at: datetime | None
    fehlermeldung: str | None
    wiederholungsanzahl: int
    message_id: str
    created_at: datetime
    updated_at: datetime
    geloescht_at: datetime | None
    version: int
    antwort_an: str | None
    extern_id: str | None
    send_at: datetime | None
    expires_at: datetime | None


class Email(EmailSummary, kw_only=True, frozen=True):
    """An e-mail with all its texts."""

    body_html: str
    body_text: str
    antwortinhalt: str | None


class Attachment(Struct, kw_only=True, frozen=True):
    """A file that came with a message; it is not kept itself."""

    name: str
    size: int


class IncomingMessage(Struct, kw_only=True, frozen=True):
    """A message that came in for an e-mail."""

    id: int
    art: str
    zustand: str
    empfangen_at: datetime
    absender: str
    absender_name: str
    betreff: str
    text: str
    worte: str
    anhaenge: list[Attachment]
    wieder_da_am: date | None
    serverworte: str | None
    message_id: str | None
    geloescht_at: datetime | None


class NewCall(Struct, kw_only=True, omit_defaults=True):
    """A new call. Without date and time it goes into the therapist's next free phone hour."""

    therapist_id: int
    geplantes_datum: date | None = None
    geplante_zeit: str | None = None
    dauer_minuten: int | None = None
    status: str | None = None
    notizen: str | None = None
    email_id: int | None = None
    grund: str | None = None
    extern_id: str | None = None


class CallChanges(Struct, kw_only=True):
    """What is to change of a call, or its outcome; what is left out stays."""

    status: str | UnsetType | None = UNSET
    ergebnis_art: str | UnsetType | None = UNSET
    geplantes_datum: date | UnsetType | None = UNSET
    geplante_zeit: str | UnsetType | None = UNSET
    dauer_minuten: int | UnsetType | None = UNSET
    tatsaechliches_datum: date | UnsetType | None = UNSET
    tatsaechliche_zeit: str | UnsetType | None = UNSET
    wiederholen_nach: date | UnsetType | None = UNSET
    ergebnis: str | UnsetType | None = UNSET
    notizen: str | UnsetType | None = UNSET
    plaetze: int | UnsetType | None = UNSET
    plaetze_ab: date | UnsetType | None = UNSET
    plaetze_fuer: list[str] | UnsetType | None = UNSET
    warteliste: bool | UnsetType | None = UNSET
    wieder_fragen_am: date | UnsetType | None = UNSET
    rueckruf_durch: str | UnsetType | None = UNSET
    richtige_nummer: str | UnsetType | None = UNSET
    version: int | UnsetType | None = UNSET


class Call(Struct, kw_only=True, frozen=True):
    """A phone call."""

    id: int
    therapist_id: int
    geplantes_datum: date
    geplante_zeit: str
    dauer_minuten: int
    tatsaechliches_datum: date | None
    tatsaechliche_zeit: str | None
    status: str
    ergebnis: str | None
    absage_grund: str | None
    notizen: str | None
    wiederholen_nach: date | None
    created_at: datetime
    updated_at: datetime
    email_id: int | None
    email_ids: list[int]
    grund: str
    ergebnis_art: str | None
    versuch: int
    vorheriger_anruf_id: int | None
    gemeinsam_mit_id: int | None
    ausserhalb_erreichbarkeit: bool
    klaerung_noetig: bool
    plaetze: int | None
    plaetze_ab: date | None
    plaetze_fuer: list[str] | None
    warteliste: bool | None
    wieder_fragen_am: date | None
    rueckruf_durch: str | None
    korrigiert_at: datetime | None
    version: int
    extern_id: str | None


class StoppedAddress(Struct, kw_only=True, frozen=True):
    """An address nobody writes to, and because of which e-mail."""

    id: int
    adresse: str
    grund: str
    seit: datetime
    email_id: int | None


class PhoneHours(Struct, kw_only=True, frozen=True):
    """From when until when; `24:00` is the day's end."""

    start: str
    end: str


class FreeSlots(Struct, kw_only=True, frozen=True):
    """A day's times at which a call of this duration could start."""

    therapist_id: int
    datum: date
    dauer_minuten: int
    darf_angerufen_werden: bool
    telefonzeiten: list[PhoneHours]
    slots: list[str]
    wieder_da_am: date | None


class Absence(Struct, kw_only=True, frozen=True):
    """A therapist's absence, and the calls that were moved because of it."""

    therapist_id: int
    wieder_da_am: date | None
    abwesend_laut: str | None
    abwesend_seit: datetime | None
    anrufe: list[int]
