"""Limit how often a password can be tried: count the tries since the last login, and make the next one wait."""

import sqlalchemy as sa
from alembic import op

SCHEMA = "communication_service"

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "staff", sa.Column("anmeldeversuche", sa.Integer, nullable=False, server_default="0"), schema=SCHEMA
    )
    op.add_column("staff", sa.Column("anmeldung_ab", sa.DateTime(timezone=True)), schema=SCHEMA)


def downgrade() -> None:
    op.drop_column("staff", "anmeldung_ab", schema=SCHEMA)
    op.drop_column("staff", "anmeldeversuche", schema=SCHEMA)
