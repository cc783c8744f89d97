"""Keep why a call that came to nothing asks for a person, and that a ring-back was recorded by mistake."""

import sqlalchemy as sa
from alembic import op

SCHEMA = "communication_service"

REASONS = (
    "nicht_noetig",
    "beantwortet",
    "falsche_nummer",
    "versuche_verbraucht",
    "nicht_anzurufen",
    "therapeut_unbekannt",
    "keine_telefonzeiten",
    "zeiten_zu_kurz",
    "zeiten_unlesbar",
    "keine_zeit_frei",
)

CANCELED = ("nicht_anrufen", "nicht_aktiv", "beantwortet", "keine_zeit_frei")

revision = "0015"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "phone_calls",
        sa.Column(
            "klaerung_grund", sa.String(20), comment="Why a person had to decide; stays when they have"
        ),
        schema=SCHEMA,
    )
    _allow("klaerung_grund", REASONS)
    op.drop_constraint(op.f("ck_phone_calls_absage_grund"), "phone_calls", schema=SCHEMA)
    _allow("absage_grund", (*CANCELED, "irrtuemlich"))
    op.execute(
        f"""
        UPDATE {SCHEMA}.phone_calls SET klaerung_grund = 'falsche_nummer'
        WHERE klaerung_noetig AND ergebnis_art = 'falsche_nummer'
        """  # noqa: S608
    )


def downgrade() -> None:
    op.execute(
        f"UPDATE {SCHEMA}.phone_calls SET absage_grund = NULL WHERE absage_grund = 'irrtuemlich'"  # noqa: S608
    )
    op.drop_constraint(op.f("ck_phone_calls_absage_grund"), "phone_calls", schema=SCHEMA)
    _allow("absage_grund", CANCELED)
    op.drop_column("phone_calls", "klaerung_grund", schema=SCHEMA)


def _allow(column: str, codes: tuple[str, ...]) -> None:
    allowed = ", ".join(f"'{code}'" for code in codes)
    op.create_check_constraint(
        op.f(f"ck_phone_calls_{column}"), "phone_calls", f"{column} IN ({allowed})", schema=SCHEMA
    )
