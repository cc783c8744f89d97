"""Note what was blanked because its time is over or somebody asked for it, and find quickly what is not."""

import sqlalchemy as sa
from alembic import op

SCHEMA = "communication_service"

CANCELED = ("nicht_anrufen", "nicht_aktiv", "beantwortet", "keine_zeit_frei", "irrtuemlich")

COMMENTS = {
    "emails": "When texts, names and addresses were blanked",
    "eingang": "When texts, names and addresses were blanked, and the Message-ID hashed",
    "therapists": "When all about this therapist was erased; nothing is fetched again",
}

INDEXES = {
    ("ix_emails_kept", "emails", ("created_at", "id")): (
        "geloescht_at IS NULL OR antwortinhalt IS NOT NULL OR nachverfolgung_notizen IS NOT NULL "
        "OR fehlermeldung IS NOT NULL"
    ),
    ("ix_eingang_kept", "eingang", ("empfangen_at", "id")): "geloescht_at IS NULL",
    ("ix_phone_calls_kept", "phone_calls", ("created_at", "id")): (
        "status <> 'scheduled' AND (ergebnis IS NOT NULL OR notizen IS NOT NULL OR rueckgaengig IS NOT NULL)"
    ),
    ("ix_activity_kept", "activity", ("at", "id")): "staff_id IS NOT NULL OR details <> '{}'::jsonb",
    ("ix_therapists_erased", "therapists", ("geloescht_at",)): "geloescht_at IS NOT NULL",
}

revision = "0031"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table, comment in COMMENTS.items():
        op.add_column(
            table, sa.Column("geloescht_at", sa.DateTime(timezone=True), comment=comment), schema=SCHEMA
        )
    op.drop_constraint(op.f("ck_emails_betreff"), "emails", schema=SCHEMA)
    _check("emails", "betreff", "length(betreff) > 0 OR geloescht_at IS NOT NULL")
    _check("emails", "geloescht_at", "geloescht_at IS NULL OR status IN ('DRAFT', 'SENT', 'FAILED')")
    op.drop_constraint(op.f("ck_phone_calls_absage_grund"), "phone_calls", schema=SCHEMA)
    _check("phone_calls", "absage_grund", _one_of("absage_grund", (*CANCELED, "geloescht")))
    for (name, table, columns), condition in INDEXES.items():
        op.create_index(name, table, columns, schema=SCHEMA, postgresql_where=sa.text(condition))


def downgrade() -> None:
    for name, table, _ in INDEXES:
        op.drop_index(name, table, schema=SCHEMA)
    op.execute(
        f"UPDATE {SCHEMA}.phone_calls SET absage_grund = NULL WHERE absage_grund = 'geloescht'"  # noqa: S608
    )
    op.drop_constraint(op.f("ck_phone_calls_absage_grund"), "phone_calls", schema=SCHEMA)
    _check("phone_calls", "absage_grund", _one_of("absage_grund", CANCELED))
    op.drop_constraint(op.f("ck_emails_geloescht_at"), "emails", schema=SCHEMA)
    op.drop_constraint(op.f("ck_emails_betreff"), "emails", schema=SCHEMA)
    op.execute(f"UPDATE {SCHEMA}.emails SET betreff = '-' WHERE betreff = ''")  # noqa: S608
    _check("emails", "betreff", "length(betreff) > 0")
    for table in COMMENTS:
        op.drop_column(table, "geloescht_at", schema=SCHEMA)


def _check(table: str, name: str, condition: str) -> None:
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition, schema=SCHEMA)


def _one_of(column: str, codes: tuple[str, ...]) -> str:
    allowed = ", ".join(f"'{code}'" for code in codes)
    return f"{column} IN ({allowed})"
