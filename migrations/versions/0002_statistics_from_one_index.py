"""Answer the statistics' question about e-mails from an index alone."""

from alembic import op

SCHEMA = "communication_service"

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_emails_sent_at", "emails", schema=SCHEMA)
    op.create_index(
        "ix_emails_sent_at",
        "emails",
        ["sent_at"],
        schema=SCHEMA,
        postgresql_include=["status", "antwort_erhalten", "antwort_art"],
    )


def downgrade() -> None:
    op.drop_index("ix_emails_sent_at", "emails", schema=SCHEMA)
    op.create_index("ix_emails_sent_at", "emails", ["sent_at"], schema=SCHEMA)
