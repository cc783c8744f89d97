"""The kinds of things that are said of a phone call: its columns' values."""

from enum import StrEnum


class CallStatus(StrEnum):
    """Where a call stands."""

    SCHEDULED = "scheduled"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"


class CallReason(StrEnum):
    """Why a call exists (`grund`)."""

    MANUAL = "manuell"
    NO_REPLY = "keine_antwort"
    UNDELIVERED = "nicht_zugestellt"
    CALL_BACK = "rueckruf"


class OutcomeKind(StrEnum):
    """What happened when staff rang (`ergebnis_art`)."""

    REACHED = "erreicht"
    CALL_BACK_AGREED = "rueckruf_vereinbart"
    NOT_REACHED = "nicht_erreicht"
    BUSY = "besetzt"
    ANSWERING_MACHINE = "anrufbeantworter"
    WRONG_NUMBER = "falsche_nummer"
    POSTPONED = "verschoben"
    CANCELED = "abgesagt"


SPOKEN = frozenset({OutcomeKind.REACHED, OutcomeKind.CALL_BACK_AGREED})
"""Outcomes after which somebody has been spoken to."""


class Audience(StrEnum):
    """For whom a therapist has places (`plaetze_fuer`)."""

    ADULTS = "erwachsene"
    CHILDREN = "kinder"
    COUPLES = "paare"
    GROUP = "gruppe"


class CallBackBy(StrEnum):
    """Who rings at the time agreed (`rueckruf_durch`)."""

    US = "wir"
    THEM = "therapeut"


MOST_PLACES = 3
"""Stands for this many places and for more (`plaetze`)."""


class CancelReason(StrEnum):
    """Why a call was cancelled other than by an outcome (`absage_grund`)."""

    DO_NOT_CALL = "nicht_anrufen"
    NOT_ACTIVE = "nicht_aktiv"
    ANSWERED = "beantwortet"
    NO_TIME_AFTER_ABSENCE = "keine_zeit_frei"
    BY_MISTAKE = "irrtuemlich"
    ERASED = "geloescht"
    MERGED = "zusammengelegt"


class NoRetry(StrEnum):
    """Why no attempt follows a call (`klaerung_grund`, where a person has to decide)."""

    NOT_WANTED = "nicht_noetig"
    ANSWERED = "beantwortet"
    WRONG_NUMBER = "falsche_nummer"
    ATTEMPTS_USED_UP = "versuche_verbraucht"
    NOT_TO_BE_CALLED = "nicht_anzurufen"
    UNKNOWN_THERAPIST = "therapeut_unbekannt"
    NO_WINDOW = "keine_telefonzeiten"
    HOURS_TOO_SHORT = "zeiten_zu_kurz"
    UNREADABLE_HOURS = "zeiten_unlesbar"
    NO_FREE_SLOT = "keine_zeit_frei"

    @property
    def needs_person(self) -> bool:
        """Whether somebody has to decide how to go on."""
        return self not in (NoRetry.NOT_WANTED, NoRetry.ANSWERED)


OFFER = ("plaetze", "plaetze_ab", "plaetze_fuer", "warteliste", "wieder_fragen_am")
"""The columns that say what a therapist who was reached can offer; all empty is nothing said."""
