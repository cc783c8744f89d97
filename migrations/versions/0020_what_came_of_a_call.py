"""Keep what came of a call in structure, calls back agreed, corrected numbers, and the desk's call guides."""

import sqlalchemy as sa
from advanced_alchemy.types import DateTimeUTC
from alembic import op
from sqlalchemy.dialects import postgresql

SCHEMA = "communication_service"

OUTCOMES = (
    "erreicht",
    "nicht_erreicht",
    "besetzt",
    "anrufbeantworter",
    "falsche_nummer",
    "verschoben",
    "abgesagt",
)
CALLS = {
    "plaetze": "plaetze BETWEEN 0 AND 3",
    "plaetze_fuer": (
        "plaetze_fuer <@ ARRAY['erwachsene', 'kinder', 'paare', 'gruppe']::text[]"
        " AND cardinality(plaetze_fuer) > 0"
    ),
    "angebot": (
        "num_nonnulls(plaetze, plaetze_ab, plaetze_fuer, warteliste, wieder_fragen_am) = 0"
        " OR ergebnis_art IS NOT DISTINCT FROM 'erreicht'"
    ),
    "vereinbart": "rueckruf_durch IS NULL OR grund = 'rueckruf'",
    "rueckruf_durch": "rueckruf_durch IN ('wir', 'therapeut')",
}

revision = "0020"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _extend_calls()
    _extend_therapists()
    op.create_table(
        "gespraechsleitfaden",
        sa.Column("grund", sa.String(20), nullable=False),
        sa.Column("vorlage", sa.Text(), nullable=False, comment="A Jinja2 template in German"),
        sa.Column("updated_at", DateTimeUTC(), nullable=False),
        sa.Column("geaendert_von", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "grund IN ('manuell', 'keine_antwort', 'nicht_zugestellt', 'rueckruf')",
            name=op.f("ck_gespraechsleitfaden_grund"),
        ),
        sa.CheckConstraint(
            "char_length(vorlage) BETWEEN 1 AND 4000", name=op.f("ck_gespraechsleitfaden_vorlage")
        ),
        sa.ForeignKeyConstraint(
            ["geaendert_von"], [f"{SCHEMA}.staff.id"], name=op.f("fk_gespraechsleitfaden_geaendert_von")
        ),
        sa.PrimaryKeyConstraint("grund", name=op.f("pk_gespraechsleitfaden")),
        schema=SCHEMA,
    )


def downgrade() -> None:
    op.drop_table("gespraechsleitfaden", schema=SCHEMA)
    for index in ("ix_therapists_telefon_korrigiert_ende", "ix_therapists_telefon_korrigiert"):
        op.drop_index(index, "therapists", schema=SCHEMA)
    for column in ("telefon_korrigiert", "telefon_korrigiert_e164", "telefon_korrigiert_at"):
        op.drop_column("therapists", column, schema=SCHEMA)
    for column in (
        "plaetze",
        "plaetze_ab",
        "plaetze_fuer",
        "warteliste",
        "wieder_fragen_am",
        "rueckruf_durch",
        "vereinbart_von",
        "korrigiert_at",
    ):
        op.drop_column("phone_calls", column, schema=SCHEMA)
    op.execute(
        f"UPDATE {SCHEMA}.phone_calls SET ergebnis_art = 'erreicht'"  # noqa: S608
        " WHERE ergebnis_art = 'rueckruf_vereinbart'"
    )
    _allow_outcomes(OUTCOMES)


def _extend_calls() -> None:
    for column in (
        sa.Column("plaetze", sa.SmallInteger(), comment="Places offered; 3 is three or more"),
        sa.Column("plaetze_ab", sa.Date(), comment="From when there are places"),
        sa.Column("plaetze_fuer", postgresql.ARRAY(sa.Text()), comment="For whom there are"),
        sa.Column("warteliste", sa.Boolean(), comment="Whether there is a waiting list"),
        sa.Column("wieder_fragen_am", sa.Date(), comment="Ask again on this day or after"),
        sa.Column("rueckruf_durch", sa.String(20), comment="Who rings at this time, where it was agreed"),
        sa.Column("vereinbart_von", sa.Integer(), comment="Who agreed the time"),
        sa.Column("korrigiert_at", DateTimeUTC(), comment="When the outcome was last corrected"),
    ):
        op.add_column("phone_calls", column, schema=SCHEMA)
    for name, condition in CALLS.items():
        op.create_check_constraint(op.f(f"ck_phone_calls_{name}"), "phone_calls", condition, schema=SCHEMA)
    op.create_foreign_key(
        op.f("fk_phone_calls_vereinbart_von"),
        "phone_calls",
        "staff",
        ["vereinbart_von"],
        ["id"],
        source_schema=SCHEMA,
        referent_schema=SCHEMA,
    )
    op.create_index(
        "ix_phone_calls_agreed_by",
        "phone_calls",
        ["vereinbart_von", "geplantes_datum"],
        schema=SCHEMA,
        postgresql_where=sa.text("status = 'scheduled' AND vereinbart_von IS NOT NULL"),
    )
    _allow_outcomes((*OUTCOMES, "rueckruf_vereinbart"))


def _extend_therapists() -> None:
    for column in (
        sa.Column(
            "telefon_korrigiert",
            sa.String(40),
            comment="The right number, where the directory's is wrong; no fetch overwrites it",
        ),
        sa.Column("telefon_korrigiert_e164", sa.String(20)),
        sa.Column("telefon_korrigiert_at", DateTimeUTC()),
    ):
        op.add_column("therapists", column, schema=SCHEMA)
    op.create_check_constraint(
        op.f("ck_therapists_telefon_korrigiert"),
        "therapists",
        "num_nonnulls(telefon_korrigiert, telefon_korrigiert_e164, telefon_korrigiert_at) IN (0, 3)",
        schema=SCHEMA,
    )
    op.create_index(
        "ix_therapists_telefon_korrigiert",
        "therapists",
        ["telefon_korrigiert_e164"],
        schema=SCHEMA,
        postgresql_ops={"telefon_korrigiert_e164": "text_pattern_ops"},
        postgresql_where=sa.text("telefon_korrigiert_e164 IS NOT NULL"),
    )
    op.create_index(
        "ix_therapists_telefon_korrigiert_ende",
        "therapists",
        [sa.literal_column("reverse(telefon_korrigiert_e164)").label("ende")],
        schema=SCHEMA,
        postgresql_ops={"ende": "text_pattern_ops"},
        postgresql_where=sa.text("telefon_korrigiert_e164 IS NOT NULL"),
    )


def _allow_outcomes(codes: tuple[str, ...]) -> None:
    name = op.f("ck_phone_calls_ergebnis_art")
    op.drop_constraint(name, "phone_calls", schema=SCHEMA)
    allowed = ", ".join(f"'{code}'" for code in codes)
    op.create_check_constraint(name, "phone_calls", f"ergebnis_art IN ({allowed})", schema=SCHEMA)
