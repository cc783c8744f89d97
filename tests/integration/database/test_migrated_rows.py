"""What migrations make of rows that are there, and the way back."""

import asyncio

import asyncpg
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import URL

from migrations.upgrade import alembic_config
from tests.integration.database.conftest import execute, stored

FILLED = """
    SET search_path TO communication_service;
    INSERT INTO phone_calls (id, therapist_id, geplantes_datum, geplante_zeit, status, ergebnis, ergebnis_art)
    VALUES
        (1, 1, '2026-10-14', '10:00', 'canceled', 'Die E-Mail wurde beantwortet.', 'abgesagt'),
        (2, 1, '2026-10-14', '10:00', 'canceled', 'Der Therapeut möchte nicht angerufen werden.', 'abgesagt'),
        (3, 1, '2026-10-14', '10:00', 'canceled', 'Der Therapeut ist gesperrt oder nicht mehr aktiv.',
            'abgesagt'),
        (4, 1, '2026-10-14', '10:00', 'canceled',
            'Nach der Abwesenheit ist in den Telefonzeiten keine Zeit frei.', 'abgesagt'),
        (5, 1, '2026-10-14', '10:00', 'canceled', 'Die E-Mail wurde beantwortet. Danke!', 'abgesagt'),
        (6, 1, '2026-10-14', '10:00', 'completed', 'Die E-Mail wurde beantwortet.', 'erreicht');
    INSERT INTO emails (id, therapist_id, betreff, body_html, body_text, empfaenger_email, empfaenger_name,
        absender_email, absender_name, message_id, updated_at, nachverfolgung_notizen)
    SELECT n, 1, 'x', 'x', 'x', 'x', 'x', 'x', 'x', n, '2026-10-14', notes FROM unnest(ARRAY[
        'Kein automatischer Anruf: Therapeut unbekannt.',
        E'Bitte beachten\nKein automatischer Anruf: gesperrt, inaktiv oder nicht anrufen.',
        E'Eins\r\n\r\nZwei\nKein automatischer Anruf: keine nutzbaren Telefonzeiten.',
        'Kein automatischer Anruf: der Therapeut ist verreist.',
        E'Kein automatischer Anruf: keine nutzbaren Telefonzeiten.\nKein automatischer Anruf: in den '
            'Telefonzeiten ist keine Zeit frei.\nspäter',
        'Vom Feld ohne Umbruch Kein automatischer Anruf: Therapeut unbekannt.',
        NULL, ''
    ]) WITH ORDINALITY AS filled(notes, n);
    INSERT INTO email_versuche (id, email_id, nummer, begonnen_at, beendet_at, stufe, smtp_code, smtp_text,
        ergebnis)
    VALUES
        (1, 1, 1, now(), now(), 'rcpt', 450, '4.2.2 Mailbox full', 'retry'),
        (2, 1, 2, now(), now(), 'rcpt', NULL, 'connection lost', 'retry'),
        (3, 1, 3, now(), now(), 'body', NULL, 'Unexpected EOF received', 'unclear'),
        (4, 1, 4, now(), now(), 'data', NULL, 'the worker ended while the message was being handed over',
            'unclear'),
        (5, 1, 5, now(), now(), 'rcpt', 550, 'connection lost', 'failed'),
        (6, 1, 6, now(), now(), 'body', NULL, 'the worker ended', 'unclear');
    INSERT INTO staff (id, name, password_hash) VALUES (1, 'Anna', 'x');
    INSERT INTO drafts (staff_id, gegenstand, gegenstand_id, felder) VALUES (1, 'email-reply', 1,
        '{"nachverfolgung_notizen": "Eilt Kein automatischer Anruf: Therapeut unbekannt."}');
"""


def test_sentences_of_the_service_become_codes_and_sentences_again(empty_database: URL):
    alembic = alembic_config(empty_database)
    before = ScriptDirectory.from_config(alembic).get_revision("0012").down_revision
    command.upgrade(alembic, before)
    asyncio.run(execute(empty_database, FILLED, "SELECT"))
    calls = stored(empty_database, "id, ergebnis", "phone_calls")
    emails = stored(empty_database, "id, nachverfolgung_notizen", "emails")
    attempts = stored(empty_database, "id, smtp_text", "email_versuche")

    command.upgrade(alembic, "0012")
    assert stored(empty_database, "absage_grund, ergebnis", "phone_calls") == [
        ("beantwortet", None),
        ("nicht_anrufen", None),
        ("nicht_aktiv", None),
        ("keine_zeit_frei", None),
        (None, "Die E-Mail wurde beantwortet. Danke!"),
        (None, "Die E-Mail wurde beantwortet."),
    ]
    assert stored(empty_database, "nachverfolgung_hindernis, nachverfolgung_notizen", "emails") == [
        ("therapeut_unbekannt", None),
        ("nicht_anzurufen", "Bitte beachten"),
        ("keine_telefonzeiten", "Eins\r\n\r\nZwei"),
        (None, "Kein automatischer Anruf: der Therapeut ist verreist."),
        ("keine_zeit_frei", "später"),
        ("therapeut_unbekannt", "Vom Feld ohne Umbruch "),
        (None, None),
        (None, ""),
    ]
    assert stored(empty_database, "ende, smtp_text", "email_versuche") == [
        (None, "4.2.2 Mailbox full"),
        ("lost", None),
        (None, "Unexpected EOF received"),
        ("worker_ended", None),
        (None, "connection lost"),
        ("worker_ended", None),
    ]
    typed = stored(empty_database, "felder->>'nachverfolgung_notizen'", "drafts")
    assert typed == [("Eilt ",)]
    assert len(set(stored(empty_database, "updated_at", "emails"))) == 1, "it is no change of an e-mail"

    command.downgrade(alembic, before)
    assert stored(empty_database, "id, ergebnis", "phone_calls") == calls
    late, unbroken = (
        "später\nKein automatischer Anruf: in den Telefonzeiten ist keine Zeit frei.",
        "Vom Feld ohne Umbruch \nKein automatischer Anruf: Therapeut unbekannt.",
    )
    assert stored(empty_database, "id, nachverfolgung_notizen", "emails") == [
        *emails[:4],
        (5, late),
        (6, unbroken),
        *emails[6:],
    ]
    ended = "the worker ended while the message was being handed over"
    assert stored(empty_database, "id, smtp_text", "email_versuche") == [*attempts[:5], (6, ended)]
    command.upgrade(alembic, "head")
    command.check(alembic)


def test_a_phone_field_too_long_for_the_older_schema_waits_there_for_its_next_refresh(empty_database: URL):
    alembic = alembic_config(empty_database)

    def fields(statement: str) -> list[str | None]:
        return [row["telefon"] for row in asyncio.run(execute(empty_database, statement))]

    command.upgrade(alembic, "0006")
    fields(
        "INSERT INTO communication_service.therapists (id, vorname, nachname, telefon, abgerufen_at)"
        " SELECT n, 'Eva', 'Roth', '030 23125101', now() FROM generate_series(1, 2) n RETURNING telefon"
    )
    command.upgrade(alembic, "0008")
    long = "030 23125101 (Sekretariat, nur vormittags) oder 0171 2345678"
    fields(f"UPDATE communication_service.therapists SET telefon = '{long}' WHERE id = 2")
    kept = "SELECT telefon FROM communication_service.therapists ORDER BY id"
    assert fields(kept) == ["030 23125101", long]
    command.downgrade(alembic, "0006")
    assert fields(kept) == ["030 23125101", None]
    command.upgrade(alembic, "head")


def test_what_is_sent_or_has_failed_is_no_longer_due(empty_database: URL):
    alembic = alembic_config(empty_database)

    def due(statement: str) -> list[bool]:
        return [row["due"] for row in asyncio.run(execute(empty_database, statement))]

    command.upgrade(alembic, "0010")
    due(
        "INSERT INTO communication_service.emails (therapist_id, betreff, body_html, body_text,"
        " empfaenger_email, empfaenger_name, absender_email, absender_name, message_id, status, sent_at,"
        " naechster_versuch_at) SELECT 1, 'A', 'A', 'A', 'a@b.example', 'A', 'a@b.example', 'A', status,"
        " status::communication_service.emailstatus, now(), now() FROM unnest(ARRAY['QUEUED', 'SENDING',"
        " 'SENT', 'FAILED']) status RETURNING true AS due"
    )
    command.upgrade(alembic, "0013")
    left = "SELECT naechster_versuch_at IS NOT NULL AS due FROM communication_service.emails ORDER BY id"
    assert due(left) == [True, True, False, False]
    command.downgrade(alembic, "0010")
    command.upgrade(alembic, "head")


TO_BE_LINKED = """
    SET search_path TO communication_service;
    INSERT INTO emails (id, therapist_id, betreff, body_html, body_text, empfaenger_email, empfaenger_name,
        absender_email, absender_name, message_id)
    SELECT n, 1, 'x', 'x', 'x', 'x', 'x', 'x', 'x', n FROM generate_series(1, 4) n;
    INSERT INTO phone_calls (id, therapist_id, geplantes_datum, geplante_zeit, leitung, status, grund,
        email_id, vorheriger_anruf_id)
    VALUES
        (1, 1, '2026-10-12', '10:00', 1, 'failed', 'keine_antwort', 1, NULL),
        (2, 1, '2026-10-14', '10:00', 1, 'scheduled', 'keine_antwort', 1, 1),
        (3, 1, '2026-10-14', '11:00', 1, 'scheduled', 'keine_antwort', 2, NULL),
        (4, 2, '2026-10-14', '11:00', 2, 'scheduled', 'keine_antwort', 3, NULL),
        (5, 1, '2026-10-15', '11:00', 1, 'scheduled', 'manuell', 3, NULL),
        (6, 1, '2026-10-16', '11:00', 1, 'scheduled', 'manuell', NULL, NULL);
"""


LATER_CALLS = """
    INSERT INTO communication_service.phone_calls (id, therapist_id, geplantes_datum, geplante_zeit, leitung,
        status, grund, email_id, absage_grund)
    VALUES
        (7, 3, '2026-10-15', '10:00', 2, 'scheduled', 'keine_antwort', 1, NULL),
        (8, 4, '2026-10-15', '10:00', 3, 'canceled', 'keine_antwort', NULL, 'zusammengelegt')
"""


def test_calls_are_linked_to_the_emails_they_are_about_and_calls_beside_another_stay(empty_database: URL):
    alembic = alembic_config(empty_database)
    links = "SELECT call_id, email_id, automatisch FROM communication_service.anruf_emails ORDER BY 1, 2"
    command.upgrade(alembic, "0015")
    asyncio.run(execute(empty_database, TO_BE_LINKED, "SELECT"))

    command.upgrade(alembic, "0016")
    assert [tuple(row) for row in asyncio.run(execute(empty_database, links))] == [
        (1, 1, True),
        (2, 1, False),
        (3, 2, True),
        (4, 3, True),
        (5, 3, False),
    ]

    command.downgrade(alembic, "0015")
    command.upgrade(alembic, "head")
    assert stored(empty_database, "doppelt", "phone_calls") == [(call_id == 3,) for call_id in range(1, 7)]
    release = "UPDATE communication_service.anruf_emails SET automatisch = false WHERE email_id = 1"
    asyncio.run(execute(empty_database, release, LATER_CALLS, "SELECT"))
    assert (7, 1, True) in [tuple(row) for row in asyncio.run(execute(empty_database, links))]

    command.downgrade(alembic, "0016")
    assert stored(empty_database, "id, grund, absage_grund", "phone_calls")[::6] == [
        (1, "manuell", None),
        (7, "keine_antwort", None),
    ]
    command.upgrade(alembic, "head")
    command.check(alembic)


def test_keys_from_before_keep_all_they_could(empty_database: URL):
    alembic = alembic_config(empty_database)
    terms = "scopes, expires_at, requests_per_minute, last_used_at, revoked_at IS NOT NULL"
    before = ScriptDirectory.from_config(alembic).get_revision("0040").down_revision
    command.upgrade(alembic, before)
    added = (
        "INSERT INTO communication_service.api_keys (name, prefix, key_hash, created_at, revoked_at) VALUES"
        " ('matching', 'cd_a', 'a', now(), NULL), ('former', 'cd_b', 'b', now(), now()) RETURNING id"
    )
    asyncio.run(execute(empty_database, added))
    kept = stored(empty_database, "name, prefix, key_hash, created_at, revoked_at", "api_keys")

    command.upgrade(alembic, "0040")
    everything = ["emails", "calls", "read", "metrics"]
    assert stored(empty_database, terms, "api_keys") == [
        (everything, None, None, None, False),
        (everything, None, None, None, True),
    ]
    without = (
        "INSERT INTO communication_service.api_keys (name, prefix, key_hash, created_at)"
        " VALUES ('new', 'x', 'c', now()) RETURNING id"
    )
    with pytest.raises(asyncpg.NotNullViolationError, match="scopes"):
        asyncio.run(execute(empty_database, without))

    command.downgrade(alembic, before)
    assert stored(empty_database, "name, prefix, key_hash, created_at, revoked_at", "api_keys") == kept
    command.upgrade(alembic, "head")
    command.check(alembic)


TO_KNOW_THEIR_REQUEST = """
    INSERT INTO communication_service.emails (id, therapist_id, betreff, body_html, body_text,
        empfaenger_email, empfaenger_name, absender_email, absender_name, message_id, extern_id)
    SELECT n, 1, 'x', 'x', 'x', 'x', 'x', 'x', 'x', n, 'Bündel ' || n FROM generate_series(1, 3) AS n;
    INSERT INTO communication_service.phone_calls (id, therapist_id, geplantes_datum, geplante_zeit, email_id)
    SELECT n, n, '2026-10-14', '10:00'::time + n * interval '1 hour', n FROM generate_series(1, 3) AS n;
    INSERT INTO communication_service.event_outbox
        (event_id, event_type, topic, key, payload, created_at, available_at)
    SELECT gen_random_uuid(), 'x', 'x', 'email:' || n, '{}', now(), now() FROM generate_series(1, 3) AS n
"""


def test_rows_from_before_come_from_nowhere_and_stay_as_they_are(empty_database: URL):
    alembic = alembic_config(empty_database)
    before = ScriptDirectory.from_config(alembic).get_revision("0050").down_revision
    command.upgrade(alembic, before)
    asyncio.run(execute(empty_database, TO_KNOW_THEIR_REQUEST, "SELECT"))
    tables = ("emails", "phone_calls", "event_outbox")
    kept = {table: stored(empty_database, "*", table) for table in tables}

    command.upgrade(alembic, "0050")
    for table in tables:
        origins = stored(empty_database, "anfrage_id, traceparent", table)
        assert origins == [(None, None)] * 3
        request = f"UPDATE communication_service.{table} SET anfrage_id = 'matching-17' RETURNING id"
        assert len(asyncio.run(execute(empty_database, request))) == 3
        wrong = request.replace("matching-17", "anna@example.org")
        with pytest.raises(asyncpg.CheckViolationError, match=f"ck_{table}_anfrage_id"):
            asyncio.run(execute(empty_database, wrong))
    unproven = "SELECT conname FROM pg_constraint WHERE NOT convalidated"
    assert asyncio.run(execute(empty_database, unproven)) == []

    command.downgrade(alembic, before)
    assert {table: stored(empty_database, "*", table) for table in tables} == kept
    command.upgrade(alembic, "head")
    command.check(alembic)
