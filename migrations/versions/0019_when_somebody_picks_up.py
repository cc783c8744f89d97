"""Read a therapist's outcomes from an index alone, and keep what everybody's outcomes teach."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

SCHEMA = "communication_service"

revision = "0019"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_phone_calls_made_to",
        "phone_calls",
        ["therapist_id", "tatsaechliches_datum"],
        schema=SCHEMA,
        postgresql_include=["tatsaechliche_zeit", "ergebnis_art"],
        postgresql_where=sa.text("tatsaechliches_datum IS NOT NULL"),
    )
    op.create_table(
        "call_pattern",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("learnt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("pattern", postgresql.JSONB, nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_call_pattern_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_pattern")),
        schema=SCHEMA,
    )


def downgrade() -> None:
    op.drop_table("call_pattern", schema=SCHEMA)
    op.drop_index("ix_phone_calls_made_to", "phone_calls", schema=SCHEMA)
