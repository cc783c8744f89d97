"""Of every column somebody has said whether it is personal: blanked when its time is over, or kept."""

import pytest

from services.models import Base
from services.privacy.columns import BLANK

KEPT = {
    "emails": """id therapist_id antwort_erhalten antwortdatum nachverfolgung_erforderlich status queued_at
        sent_at wiederholungsanzahl created_at updated_at message_id naechster_versuch_at anspruch
        anspruch_bis uebergabe_begonnen_at antwort_art nachgefasst nachverfolgung_ab version
        nachverfolgung_hindernis geloescht_at extern_id send_at expires_at anfrage_id
        traceparent""",
    "email_versuche": "id email_id nummer begonnen_at beendet_at stufe smtp_code ergebnis ende",
    "eingang": """id postfach uidvalidity uid inhalt_hash empfangen_at art zustand email_id therapist_id
        wieder_da_am erfasst_von version created_at geloescht_at""",
    "phone_calls": """id therapist_id geplantes_datum geplante_zeit dauer_minuten tatsaechliches_datum
        tatsaechliche_zeit status wiederholen_nach created_at updated_at email_id grund ergebnis_art versuch
        vorheriger_anruf_id leitung ausserhalb_erreichbarkeit klaerung_noetig klaerung_grund bearbeitet_von
        bearbeitet_bis abgeschlossen_at version absage_grund plaetze plaetze_ab plaetze_fuer warteliste
        wieder_fragen_am rueckruf_durch vereinbart_von korrigiert_at doppelt
        gemeinsam_mit_id extern_id anfrage_id traceparent""",
    "activity": "id at actor api_key_id action object_type object_id",
    "therapists": "id abgerufen_at nicht_anrufen version geloescht_at",
}
"""Ids, states, kinds and times; a Message-ID of ours names nobody, nor do `extern_id` and `anfrage_id`, by
contract."""

ELSEWHERE = {
    "anruf_emails": "ids only",
    "gespraechsleitfaden": "the desk's own templates",
    "shift_notes": "what one shift tells the next; gone once taken down or out of date",
    "staff": "closed, not erased: who did what stays known; docs/how-to/privacy.md",
    "sessions": "end by themselves",
    "login_tries": "end by themselves; hashes only",
    "pending_logins": "end by themselves within minutes",
    "recovery_codes": "hashes only",
    "api_keys": "services, no people",
    "api_key_minutes": "counts; end after an hour",
    "drafts": "end after 30 days untouched",
    "event_outbox": "ids, states and times; OUTBOX_RETENTION_DAYS",
    "idempotency_keys": "end after 90 days",
    "frei_geworden": "times and transactions; removed when there are many",
    "call_pattern": "one row, overwritten: sums over all therapists",
    "mail_queue_state": "one row, overwritten",
    "mail_domains": "end after a day",
    "postfach_stand": "one row a mailbox",
    "sperrliste": "what somebody wanted; erasing a therapist takes dead addresses",
}

TABLES = {table.name: table for table in Base.metadata.sorted_tables}
BLANKED = {model.__tablename__: values for model, values in BLANK.items()}


@pytest.mark.parametrize("name", sorted(BLANKED))
def test_each_column_is_either_blanked_or_kept(name: str) -> None:
    kept = set(KEPT[name].split())
    assert kept.isdisjoint(BLANKED[name])
    assert {column.name for column in TABLES[name].columns} == kept | BLANKED[name].keys()


def test_each_table_has_an_end_or_a_reason() -> None:
    assert BLANKED.keys() | ELSEWHERE.keys() == TABLES.keys()
