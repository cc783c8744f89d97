"""Find therapists by their place and by the end of a number; filters of the desk; notes for the next shift."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

SCHEMA = "communication_service"

# A function of arrays, for an index can't be over a query.
NUMMERNENDEN = f"""
CREATE FUNCTION {SCHEMA}.nummernenden(nummer varchar, weitere text[]) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN array_to_tsvector(
    ARRAY(SELECT reverse(n) FROM unnest(array_append(weitere, nummer::text)) AS n WHERE n <> '')
)
"""  # noqa: S608

ORTSWOERTER = f"""
CREATE FUNCTION {SCHEMA}.ortswoerter(ort varchar) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN {SCHEMA}.woerter(coalesce(ort, ''))
"""

revision = "0021"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(NUMMERNENDEN)
    op.execute(ORTSWOERTER)
    _find_by("ix_therapists_number_ends", "nummernenden(telefon_e164, telefon_e164_weitere)")
    _find_by("ix_therapists_place", "ortswoerter(ort)")
    op.add_column("staff", sa.Column("anruf_filter", postgresql.JSONB(), nullable=True), schema=SCHEMA)
    op.create_table(
        "shift_notes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("gilt_bis", sa.Date(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shift_notes")),
        sa.ForeignKeyConstraint(
            ["staff_id"], [f"{SCHEMA}.staff.id"], name=op.f("fk_shift_notes_staff_id_staff")
        ),
        schema=SCHEMA,
    )


def downgrade() -> None:
    op.drop_table("shift_notes", schema=SCHEMA)
    op.drop_column("staff", "anruf_filter", schema=SCHEMA)
    op.drop_index("ix_therapists_place", "therapists", schema=SCHEMA)
    op.drop_index("ix_therapists_number_ends", "therapists", schema=SCHEMA)
    op.execute(f"DROP FUNCTION {SCHEMA}.ortswoerter")
    op.execute(f"DROP FUNCTION {SCHEMA}.nummernenden")


def _find_by(index: str, expression: str) -> None:
    op.create_index(
        index,
        "therapists",
        [sa.literal_column(f"{SCHEMA}.{expression}")],
        schema=SCHEMA,
        postgresql_using="gin",
    )
