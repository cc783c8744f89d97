"""Let calls say with which call one outcome settled them, and find a therapist's e-mails that wait."""

import sqlalchemy as sa
from alembic import op

SCHEMA = "communication_service"

revision = "0017"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "phone_calls",
        sa.Column("gemeinsam_mit_id", sa.Integer, comment="The call with whose outcome this one was closed"),
        schema=SCHEMA,
    )
    op.create_foreign_key(
        op.f("fk_phone_calls_gemeinsam_mit_id"),
        "phone_calls",
        "phone_calls",
        ["gemeinsam_mit_id"],
        ["id"],
        source_schema=SCHEMA,
        referent_schema=SCHEMA,
    )
    op.create_index(
        "ix_phone_calls_together",
        "phone_calls",
        ["gemeinsam_mit_id"],
        schema=SCHEMA,
        postgresql_where=sa.text("gemeinsam_mit_id IS NOT NULL"),
    )
    op.create_index(
        "ix_emails_waiting",
        "emails",
        ["therapist_id", "id"],
        schema=SCHEMA,
        postgresql_where=sa.text("status = 'SENT' AND NOT antwort_erhalten"),
    )


def downgrade() -> None:
    op.drop_index("ix_emails_waiting", "emails", schema=SCHEMA)
    op.drop_index("ix_phone_calls_together", "phone_calls", schema=SCHEMA)
    op.drop_column("phone_calls", "gemeinsam_mit_id", schema=SCHEMA)
