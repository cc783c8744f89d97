"""Let the e-mails that wait for an answer be counted by their index alone."""

from alembic import op

revision = "0044"
down_revision = "0041"
branch_labels = None
depends_on = None

SCHEMA = "communication_service"
WAITING = "status = 'SENT' AND NOT antwort_erhalten"


def upgrade() -> None:
    """Put what makes an e-mail one that waits into the index."""
    op.drop_index("ix_emails_waiting", table_name="emails", schema=SCHEMA)
    op.create_index(
        "ix_emails_waiting",
        "emails",
        ["therapist_id", "id"],
        schema=SCHEMA,
        postgresql_include=["antwort_art"],
        postgresql_where=WAITING,
    )


def downgrade() -> None:
    """Take it out again."""
    op.drop_index("ix_emails_waiting", table_name="emails", schema=SCHEMA)
    op.create_index(
        "ix_emails_waiting", "emails", ["therapist_id", "id"], schema=SCHEMA, postgresql_where=WAITING
    )
