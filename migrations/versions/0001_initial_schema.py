"""initial schema."""

import sqlalchemy as sa
from advanced_alchemy.types import DateTimeUTC
from alembic import op
from sqlalchemy.dialects import postgresql

SCHEMA = "communication_service"

ZEITFENSTER = f"""
CREATE FUNCTION {SCHEMA}.zeitfenster(datum date, zeit time, minuten integer) RETURNS tsrange
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN tsrange(datum + zeit, datum + zeit + minuten * interval '1 minute')
"""

SUCHWOERTER = f"""
CREATE FUNCTION {SCHEMA}.suchwoerter(betreff varchar, name varchar, adresse varchar) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN to_tsvector('simple', translate(betreff || ' ' || name || ' ' || adresse, '@._-/', '     '))
"""

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(ZEITFENSTER)
    op.execute(SUCHWOERTER)
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("prefix", sa.String(length=12), nullable=False),
        sa.Column("created_at", DateTimeUTC(), server_default=sa.text("now()"), nullable=False),
        sa.Column("revoked_at", DateTimeUTC(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_api_keys_key_hash")),
        sa.UniqueConstraint("name", name=op.f("uq_api_keys_name")),
        schema=SCHEMA,
    )
    op.create_table(
        "emails",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("therapist_id", sa.Integer(), nullable=False),
        sa.Column("betreff", sa.String(length=255), nullable=False),
        sa.Column("body_html", sa.Text(), nullable=False),
        sa.Column("body_text", sa.Text(), nullable=False),
        sa.Column("empfaenger_email", sa.String(length=255), nullable=False),
        sa.Column("empfaenger_name", sa.String(length=255), nullable=False),
        sa.Column("absender_email", sa.String(length=255), nullable=False),
        sa.Column("absender_name", sa.String(length=255), nullable=False),
        sa.Column("antwort_erhalten", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("antwortdatum", DateTimeUTC(), nullable=True),
        sa.Column("antwortinhalt", sa.Text(), nullable=True),
        sa.Column(
            "nachverfolgung_erforderlich", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
        sa.Column("nachverfolgung_notizen", sa.Text(), nullable=True),
        sa.Column(
            "status",
            sa.Enum("DRAFT", "QUEUED", "SENDING", "SENT", "FAILED", name="emailstatus", schema=SCHEMA),
            server_default="DRAFT",
            nullable=False,
        ),
        sa.Column("queued_at", DateTimeUTC(), nullable=True),
        sa.Column("sent_at", DateTimeUTC(), nullable=True),
        sa.Column("fehlermeldung", sa.Text(), nullable=True),
        sa.Column("wiederholungsanzahl", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", DateTimeUTC(), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", DateTimeUTC(), server_default=sa.text("now()"), nullable=False),
        sa.Column("message_id", sa.String(length=320), nullable=False),
        sa.Column("naechster_versuch_at", DateTimeUTC(), nullable=True),
        sa.Column("anspruch", sa.Uuid(), nullable=True),
        sa.Column("anspruch_bis", DateTimeUTC(), nullable=True),
        sa.Column("uebergabe_begonnen_at", DateTimeUTC(), nullable=True),
        sa.Column("antwort_art", sa.String(length=20), nullable=True),
        sa.Column(
            "nachgefasst",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="Its automatic call has been made; there is no second one",
        ),
        sa.Column(
            "nachverfolgung_ab",
            DateTimeUTC(),
            nullable=True,
            comment="Earliest follow-up call, where an out-of-office note moved it",
        ),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("anspruch IS NULL OR status = 'SENDING'", name=op.f("ck_emails_anspruch_status")),
        sa.CheckConstraint(
            "antwort_art IN ('antwort', 'abwesenheit', 'unzustellbar')", name=op.f("ck_emails_antwort_art")
        ),
        sa.CheckConstraint("status <> 'SENT' OR sent_at IS NOT NULL", name=op.f("ck_emails_sent_at")),
        sa.CheckConstraint("(anspruch IS NULL) = (anspruch_bis IS NULL)", name=op.f("ck_emails_anspruch")),
        sa.CheckConstraint(
            "NOT antwort_erhalten OR antwortdatum IS NOT NULL", name=op.f("ck_emails_antwortdatum")
        ),
        sa.CheckConstraint("length(betreff) > 0", name=op.f("ck_emails_betreff")),
        sa.CheckConstraint("therapist_id > 0", name=op.f("ck_emails_therapist_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_emails")),
        sa.UniqueConstraint("message_id", name=op.f("uq_emails_message_id")),
        schema=SCHEMA,
        postgresql_with={"fillfactor": 70},
    )
    op.create_index(
        "ix_emails_answered",
        "emails",
        [sa.literal_column("id DESC")],
        unique=False,
        schema=SCHEMA,
        postgresql_where=sa.text("antwort_erhalten"),
    )
    op.create_index("ix_emails_created_at", "emails", ["created_at"], unique=False, schema=SCHEMA)
    op.create_index("ix_emails_sent_at", "emails", ["sent_at"], unique=False, schema=SCHEMA)
    op.create_index(
        "ix_emails_list",
        "emails",
        [
            "id",
            "therapist_id",
            "status",
            "antwort_erhalten",
            "nachverfolgung_erforderlich",
            "created_at",
            "sent_at",
        ],
        unique=False,
        schema=SCHEMA,
    )
    op.create_index(
        "ix_emails_search",
        "emails",
        [sa.literal_column(f"{SCHEMA}.suchwoerter(betreff, empfaenger_name, empfaenger_email)")],
        unique=False,
        schema=SCHEMA,
        postgresql_using="gin",
    )
    op.create_index(
        "ix_emails_claim",
        "emails",
        ["naechster_versuch_at", "id"],
        unique=False,
        schema=SCHEMA,
        postgresql_where=sa.text("status = 'QUEUED'"),
    )
    op.create_index(
        "ix_emails_follow_up_wanted",
        "emails",
        [sa.literal_column("id DESC")],
        unique=False,
        schema=SCHEMA,
        postgresql_where=sa.text("nachverfolgung_erforderlich"),
    )
    op.create_index(
        "ix_emails_status", "emails", ["status", sa.literal_column("id DESC")], unique=False, schema=SCHEMA
    )
    op.create_index(
        "ix_emails_therapist",
        "emails",
        ["therapist_id", sa.literal_column("id DESC")],
        unique=False,
        schema=SCHEMA,
    )
    op.create_index(
        "ix_emails_unanswered",
        "emails",
        ["sent_at", "id"],
        unique=False,
        schema=SCHEMA,
        postgresql_where=sa.text("status = 'SENT' AND NOT antwort_erhalten AND NOT nachgefasst"),
    )
    op.create_table(
        "event_outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("event_type", sa.String(length=100), nullable=False),
        sa.Column("topic", sa.String(length=100), nullable=False),
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("payload", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", DateTimeUTC(), server_default=sa.text("now()"), nullable=False),
        sa.Column("available_at", DateTimeUTC(), nullable=False),
        sa.Column("published_at", DateTimeUTC(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("set_aside_at", DateTimeUTC(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_outbox")),
        sa.UniqueConstraint("event_id", name=op.f("uq_event_outbox_event_id")),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_event_outbox_published_at",
        "event_outbox",
        ["published_at"],
        unique=False,
        schema=SCHEMA,
        postgresql_where=sa.text("published_at IS NOT NULL"),
    )
    op.create_index(
        "ix_event_outbox_set_aside",
        "event_outbox",
        ["id"],
        unique=False,
        schema=SCHEMA,
        postgresql_where=sa.text("set_aside_at IS NOT NULL"),
    )
    op.create_index(
        "ix_event_outbox_waiting",
        "event_outbox",
        ["id"],
        unique=False,
        schema=SCHEMA,
        postgresql_where=sa.text("published_at IS NULL AND set_aside_at IS NULL"),
    )
    op.create_index(
        "ix_event_outbox_waiting_key",
        "event_outbox",
        ["key", "id"],
        unique=False,
        schema=SCHEMA,
        postgresql_where=sa.text("published_at IS NULL AND set_aside_at IS NULL"),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("scope", sa.String(length=20), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("resource_id", sa.Integer(), nullable=False),
        sa.Column("created_at", DateTimeUTC(), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_idempotency_keys")),
        sa.UniqueConstraint("scope", "key", name=op.f("uq_idempotency_keys_scope_key")),
        schema=SCHEMA,
    )
    op.create_table(
        "mail_domains",
        sa.Column("domain", sa.String(length=255), nullable=False),
        sa.Column("slow_until", DateTimeUTC(), nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.PrimaryKeyConstraint("domain", name=op.f("pk_mail_domains")),
        schema=SCHEMA,
    )
    op.create_table(
        "mail_queue_state",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("paused_until", DateTimeUTC(), nullable=True),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_mail_queue_state_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_queue_state")),
        schema=SCHEMA,
    )
    op.create_table(
        "staff",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.Column("admin", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("aktiv", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("sprache", sa.String(length=5), nullable=True),
        sa.Column("tastenkuerzel", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", DateTimeUTC(), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff")),
        schema=SCHEMA,
    )
    op.create_index("uq_staff_name", "staff", [sa.literal_column("lower(name)")], unique=True, schema=SCHEMA)
    op.create_table(
        "therapists",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("anrede", sa.String(length=20), nullable=True),
        sa.Column("titel", sa.String(length=50), nullable=True),
        sa.Column("vorname", sa.String(length=255), nullable=False),
        sa.Column("nachname", sa.String(length=255), nullable=False),
        sa.Column("strasse", sa.String(length=255), nullable=True),
        sa.Column("plz", sa.String(length=10), nullable=True),
        sa.Column("ort", sa.String(length=255), nullable=True),
        sa.Column("telefon", sa.String(length=50), nullable=True),
        sa.Column(
            "telefon_e164",
            sa.String(length=20),
            nullable=True,
            comment="The number in E.164, so that any spelling of it is found",
        ),
        sa.Column("email", sa.String(length=255), nullable=True),
        sa.Column("telefonische_erreichbarkeit", postgresql.JSONB(), nullable=True),
        sa.Column("status", sa.String(length=20), server_default="aktiv", nullable=False),
        sa.Column("abgerufen_at", DateTimeUTC(), nullable=False),
        sa.Column("nicht_anrufen", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("nicht_anrufen_grund", sa.Text(), nullable=True),
        sa.Column("anruf_hinweis", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("id > 0", name=op.f("ck_therapists_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_therapists")),
        schema=SCHEMA,
    )
    op.create_index("ix_therapists_abgerufen_at", "therapists", ["abgerufen_at"], unique=False, schema=SCHEMA)
    op.create_index(
        "ix_therapists_telefon_e164",
        "therapists",
        ["telefon_e164"],
        unique=False,
        schema=SCHEMA,
        postgresql_ops={"telefon_e164": "text_pattern_ops"},
    )
    op.create_table(
        "activity",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", DateTimeUTC(), server_default=sa.text("now()"), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=True),
        sa.Column("actor", sa.String(length=20), nullable=False, comment="staff, api or system"),
        sa.Column("action", sa.String(length=50), nullable=False),
        sa.Column("object_type", sa.String(length=20), nullable=False),
        sa.Column("object_id", sa.Integer(), nullable=False),
        sa.Column("details", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["communication_service.staff.id"], name=op.f("fk_activity_staff_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activity")),
        schema=SCHEMA,
    )
    op.create_index("ix_activity_at", "activity", [sa.literal_column("at DESC")], unique=False, schema=SCHEMA)
    op.create_index(
        "ix_activity_object",
        "activity",
        ["object_type", "object_id", sa.literal_column("id DESC")],
        unique=False,
        schema=SCHEMA,
    )
    op.create_table(
        "drafts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("gegenstand", sa.String(length=20), nullable=False),
        sa.Column("gegenstand_id", sa.Integer(), nullable=False),
        sa.Column("felder", postgresql.JSONB(), nullable=False),
        sa.Column("updated_at", DateTimeUTC(), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["staff_id"],
            ["communication_service.staff.id"],
            name=op.f("fk_drafts_staff_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drafts")),
        sa.UniqueConstraint(
            "staff_id",
            "gegenstand",
            "gegenstand_id",
            name=op.f("uq_drafts_staff_id_gegenstand_gegenstand_id"),
        ),
        schema=SCHEMA,
    )
    op.create_table(
        "email_versuche",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("email_id", sa.Integer(), nullable=False),
        sa.Column("nummer", sa.Integer(), nullable=False),
        sa.Column("begonnen_at", DateTimeUTC(), nullable=False),
        sa.Column("beendet_at", DateTimeUTC(), nullable=False),
        sa.Column("stufe", sa.String(length=20), nullable=False),
        sa.Column("smtp_code", sa.Integer(), nullable=True),
        sa.Column("smtp_text", sa.Text(), nullable=True),
        sa.Column("ergebnis", sa.String(length=20), nullable=False),
        sa.CheckConstraint(
            "ergebnis IN ('sent', 'retry', 'failed', 'unclear', 'released')",
            name=op.f("ck_email_versuche_ergebnis"),
        ),
        sa.CheckConstraint(
            "stufe IN ('connect', 'tls', 'login', 'mail', 'rcpt', 'data', 'body', 'accepted')",
            name=op.f("ck_email_versuche_stufe"),
        ),
        sa.ForeignKeyConstraint(
            ["email_id"],
            ["communication_service.emails.id"],
            name=op.f("fk_email_versuche_email_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_email_versuche")),
        sa.UniqueConstraint("email_id", "nummer", name=op.f("uq_email_versuche_email_id_nummer")),
        schema=SCHEMA,
    )
    op.create_table(
        "phone_calls",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("therapist_id", sa.Integer(), nullable=False),
        sa.Column("geplantes_datum", sa.Date(), nullable=False),
        sa.Column("geplante_zeit", sa.Time(), nullable=False),
        sa.Column("dauer_minuten", sa.Integer(), server_default=sa.text("5"), nullable=False),
        sa.Column("tatsaechliches_datum", sa.Date(), nullable=True),
        sa.Column("tatsaechliche_zeit", sa.Time(), nullable=True),
        sa.Column("status", sa.String(length=50), server_default="scheduled", nullable=False),
        sa.Column("ergebnis", sa.Text(), nullable=True),
        sa.Column("notizen", sa.Text(), nullable=True),
        sa.Column("wiederholen_nach", sa.Date(), nullable=True),
        sa.Column("created_at", DateTimeUTC(), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", DateTimeUTC(), server_default=sa.text("now()"), nullable=False),
        sa.Column("email_id", sa.Integer(), nullable=True),
        sa.Column("grund", sa.String(length=20), server_default="manuell", nullable=False),
        sa.Column("ergebnis_art", sa.String(length=20), nullable=True),
        sa.Column("versuch", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("vorheriger_anruf_id", sa.Integer(), nullable=True),
        sa.Column("leitung", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column(
            "ausserhalb_erreichbarkeit",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="Agreed by a person outside the phone hours",
        ),
        sa.Column(
            "klaerung_noetig",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="No attempts or no number left: a person decides",
        ),
        sa.Column("bearbeitet_von", sa.Integer(), nullable=True),
        sa.Column("bearbeitet_bis", DateTimeUTC(), nullable=True),
        sa.Column("abgeschlossen_at", DateTimeUTC(), nullable=True),
        sa.Column("rueckgaengig_bis", DateTimeUTC(), nullable=True),
        sa.Column(
            "rueckgaengig",
            postgresql.JSONB(),
            nullable=True,
            comment="What the last outcome changed, while it can be undone",
        ),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.text("int4range(leitung, leitung, '[]')"), "&&"),
            (
                sa.text("communication_service.zeitfenster(geplantes_datum, geplante_zeit, dauer_minuten)"),
                "&&",
            ),
            where=sa.text("status = 'scheduled'"),
            using="gist",
            name="ex_phone_calls_leitung",
        ),
        postgresql.ExcludeConstraint(
            (sa.text("int4range(therapist_id, therapist_id, '[]')"), "&&"),
            (
                sa.text("communication_service.zeitfenster(geplantes_datum, geplante_zeit, dauer_minuten)"),
                "&&",
            ),
            where=sa.text("status = 'scheduled'"),
            using="gist",
            name="ex_phone_calls_therapist_id",
        ),
        sa.CheckConstraint(
            "ergebnis_art IN ('erreicht', 'nicht_erreicht', 'besetzt', 'anrufbeantworter', 'falsche_nummer', 'verschoben', 'abgesagt')",
            name=op.f("ck_phone_calls_ergebnis_art"),
        ),
        sa.CheckConstraint(
            "grund IN ('manuell', 'keine_antwort', 'nicht_zugestellt', 'rueckruf')",
            name=op.f("ck_phone_calls_grund"),
        ),
        sa.CheckConstraint(
            "status IN ('scheduled', 'completed', 'failed', 'canceled')", name=op.f("ck_phone_calls_status")
        ),
        sa.CheckConstraint(
            "(bearbeitet_von IS NULL) = (bearbeitet_bis IS NULL)", name=op.f("ck_phone_calls_bearbeitet")
        ),
        sa.CheckConstraint("dauer_minuten BETWEEN 1 AND 240", name=op.f("ck_phone_calls_dauer_minuten")),
        sa.CheckConstraint("leitung >= 1", name=op.f("ck_phone_calls_leitung")),
        sa.CheckConstraint("therapist_id > 0", name=op.f("ck_phone_calls_therapist_id")),
        sa.CheckConstraint("versuch >= 1", name=op.f("ck_phone_calls_versuch")),
        sa.ForeignKeyConstraint(
            ["bearbeitet_von"], ["communication_service.staff.id"], name=op.f("fk_phone_calls_bearbeitet_von")
        ),
        sa.ForeignKeyConstraint(
            ["email_id"], ["communication_service.emails.id"], name=op.f("fk_phone_calls_email_id")
        ),
        sa.ForeignKeyConstraint(
            ["vorheriger_anruf_id"],
            ["communication_service.phone_calls.id"],
            name=op.f("fk_phone_calls_vorheriger_anruf_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phone_calls")),
        sa.UniqueConstraint("vorheriger_anruf_id", name=op.f("uq_phone_calls_vorheriger_anruf_id")),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_phone_calls_claimed",
        "phone_calls",
        ["bearbeitet_von"],
        unique=False,
        schema=SCHEMA,
        postgresql_where=sa.text("bearbeitet_von IS NOT NULL"),
    )
    op.create_index(
        "ix_phone_calls_day",
        "phone_calls",
        ["geplantes_datum", "geplante_zeit", "id"],
        unique=False,
        schema=SCHEMA,
    )
    op.create_index(
        "ix_phone_calls_done",
        "phone_calls",
        ["abgeschlossen_at"],
        unique=False,
        schema=SCHEMA,
        postgresql_where=sa.text("status <> 'scheduled'"),
    )
    op.create_index(
        "ix_phone_calls_due",
        "phone_calls",
        ["geplantes_datum", "geplante_zeit"],
        unique=False,
        schema=SCHEMA,
        postgresql_where=sa.text("status = 'scheduled'"),
    )
    op.create_index("ix_phone_calls_email", "phone_calls", ["email_id"], unique=False, schema=SCHEMA)
    op.create_index(
        "ix_phone_calls_needs_person",
        "phone_calls",
        ["id"],
        unique=False,
        schema=SCHEMA,
        postgresql_where=sa.text("klaerung_noetig"),
    )
    op.create_index(
        "ix_phone_calls_therapist",
        "phone_calls",
        ["therapist_id", sa.literal_column("id DESC")],
        unique=False,
        schema=SCHEMA,
    )
    op.create_index(
        "uq_phone_calls_automatic_follow_up",
        "phone_calls",
        ["email_id"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("grund = 'keine_antwort' AND vorheriger_anruf_id IS NULL"),
    )
    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("created_at", DateTimeUTC(), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", DateTimeUTC(), nullable=False),
        sa.ForeignKeyConstraint(
            ["staff_id"],
            ["communication_service.staff.id"],
            name=op.f("fk_sessions_staff_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_sessions")),
        schema=SCHEMA,
    )
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"], unique=False, schema=SCHEMA)
    op.create_index("ix_sessions_staff", "sessions", ["staff_id"], unique=False, schema=SCHEMA)


def downgrade() -> None:
    op.drop_index("ix_sessions_staff", table_name="sessions", schema=SCHEMA)
    op.drop_index("ix_sessions_expires_at", table_name="sessions", schema=SCHEMA)
    op.drop_table("sessions", schema=SCHEMA)
    op.drop_index(
        "uq_phone_calls_automatic_follow_up",
        table_name="phone_calls",
        schema=SCHEMA,
        postgresql_where=sa.text("grund = 'keine_antwort' AND vorheriger_anruf_id IS NULL"),
    )
    op.drop_index("ix_phone_calls_therapist", table_name="phone_calls", schema=SCHEMA)
    op.drop_index(
        "ix_phone_calls_needs_person",
        table_name="phone_calls",
        schema=SCHEMA,
        postgresql_where=sa.text("klaerung_noetig"),
    )
    op.drop_index("ix_phone_calls_email", table_name="phone_calls", schema=SCHEMA)
    op.drop_index(
        "ix_phone_calls_due",
        table_name="phone_calls",
        schema=SCHEMA,
        postgresql_where=sa.text("status = 'scheduled'"),
    )
    op.drop_index(
        "ix_phone_calls_done",
        table_name="phone_calls",
        schema=SCHEMA,
        postgresql_where=sa.text("status <> 'scheduled'"),
    )
    op.drop_index("ix_phone_calls_day", table_name="phone_calls", schema=SCHEMA)
    op.drop_index(
        "ix_phone_calls_claimed",
        table_name="phone_calls",
        schema=SCHEMA,
        postgresql_where=sa.text("bearbeitet_von IS NOT NULL"),
    )
    op.drop_table("phone_calls", schema=SCHEMA)
    op.drop_table("email_versuche", schema=SCHEMA)
    op.drop_table("drafts", schema=SCHEMA)
    op.drop_index("ix_activity_object", table_name="activity", schema=SCHEMA)
    op.drop_index("ix_activity_at", table_name="activity", schema=SCHEMA)
    op.drop_table("activity", schema=SCHEMA)
    op.drop_index(
        "ix_therapists_telefon_e164",
        table_name="therapists",
        schema=SCHEMA,
        postgresql_ops={"telefon_e164": "text_pattern_ops"},
    )
    op.drop_index("ix_therapists_abgerufen_at", table_name="therapists", schema=SCHEMA)
    op.drop_table("therapists", schema=SCHEMA)
    op.drop_index("uq_staff_name", table_name="staff", schema=SCHEMA)
    op.drop_table("staff", schema=SCHEMA)
    op.drop_table("mail_queue_state", schema=SCHEMA)
    op.drop_table("mail_domains", schema=SCHEMA)
    op.drop_table("idempotency_keys", schema=SCHEMA)
    op.drop_index(
        "ix_event_outbox_waiting_key",
        table_name="event_outbox",
        schema=SCHEMA,
        postgresql_where=sa.text("published_at IS NULL AND set_aside_at IS NULL"),
    )
    op.drop_index(
        "ix_event_outbox_waiting",
        table_name="event_outbox",
        schema=SCHEMA,
        postgresql_where=sa.text("published_at IS NULL AND set_aside_at IS NULL"),
    )
    op.drop_index(
        "ix_event_outbox_set_aside",
        table_name="event_outbox",
        schema=SCHEMA,
        postgresql_where=sa.text("set_aside_at IS NOT NULL"),
    )
    op.drop_index(
        "ix_event_outbox_published_at",
        table_name="event_outbox",
        schema=SCHEMA,
        postgresql_where=sa.text("published_at IS NOT NULL"),
    )
    op.drop_table("event_outbox", schema=SCHEMA)
    op.drop_index(
        "ix_emails_unanswered",
        table_name="emails",
        schema=SCHEMA,
        postgresql_where=sa.text("status = 'SENT' AND NOT antwort_erhalten AND NOT nachgefasst"),
    )
    op.drop_index("ix_emails_therapist", table_name="emails", schema=SCHEMA)
    op.drop_index("ix_emails_status", table_name="emails", schema=SCHEMA)
    for name in ("search", "list", "sent_at", "created_at", "answered"):
        op.drop_index(f"ix_emails_{name}", table_name="emails", schema=SCHEMA)
    op.drop_index(
        "ix_emails_follow_up_wanted",
        table_name="emails",
        schema=SCHEMA,
        postgresql_where=sa.text("nachverfolgung_erforderlich"),
    )
    op.drop_index(
        "ix_emails_claim", table_name="emails", schema=SCHEMA, postgresql_where=sa.text("status = 'QUEUED'")
    )
    op.drop_table("emails", schema=SCHEMA)
    op.drop_table("api_keys", schema=SCHEMA)
    op.execute(f"DROP FUNCTION {SCHEMA}.zeitfenster")
    op.execute(f"DROP FUNCTION {SCHEMA}.suchwoerter")
    op.execute(f"DROP TYPE {SCHEMA}.emailstatus")
