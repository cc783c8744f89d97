"""Count calls by day, hour and outcome in the order of an index, and failed e-mails by one of their own."""

from alembic import op

SCHEMA = "communication_service"

MADE_ON = "phone_calls (tatsaechliches_datum) INCLUDE (tatsaechliche_zeit, ergebnis_art)"
MADE_AT = (
    "phone_calls (tatsaechliches_datum, (date_part('hour', tatsaechliche_zeit)::integer), ergebnis_art)"
    " INCLUDE (tatsaechliche_zeit)"
)
MADE = "tatsaechliches_datum IS NOT NULL"
FAILED = "status = 'FAILED' AND NOT antwort_erhalten"

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build what is new before what it takes the place of goes."""
    _build("ix_emails_failed", "emails (id DESC)", FAILED)
    _build("ix_phone_calls_made_at", MADE_AT, MADE)
    _drop("ix_phone_calls_made_on")


def downgrade() -> None:
    _build("ix_phone_calls_made_on", MADE_ON, MADE)
    _drop("ix_phone_calls_made_at")
    _drop("ix_emails_failed")


def _build(name: str, columns: str, condition: str) -> None:
    """Build an index; what a try that was interrupted has left of it goes first."""
    _drop(name)
    with op.get_context().autocommit_block():
        op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {SCHEMA}.{columns} WHERE {condition}")


def _drop(name: str) -> None:
    with op.get_context().autocommit_block():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {SCHEMA}.{name}")
