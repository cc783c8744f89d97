"""Answer the statistics' question about calls from an index alone."""

import sqlalchemy as sa
from alembic import op

SCHEMA = "communication_service"

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_phone_calls_made_on",
        "phone_calls",
        ["tatsaechliches_datum"],
        schema=SCHEMA,
        postgresql_include=["tatsaechliche_zeit", "ergebnis_art"],
        postgresql_where=sa.text("tatsaechliches_datum IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_phone_calls_made_on", "phone_calls", schema=SCHEMA)
