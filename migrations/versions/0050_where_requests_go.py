"""Keep with e-mails, calls and events which request they come from, as the web log and the caller's trace name it."""

from alembic import op

SCHEMA = "communication_service"
TABLES = ("emails", "phone_calls", "event_outbox")

REQUEST_ID = "anfrage_id ~ '^[A-Za-z0-9][A-Za-z0-9._:/+=-]{0,63}$'"
TRACEPARENT = "traceparent ~ '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$'"
ADD = """
    ALTER TABLE communication_service.{table}
    ADD COLUMN IF NOT EXISTS anfrage_id varchar(64),
    ADD COLUMN IF NOT EXISTS traceparent varchar(55),
    DROP CONSTRAINT IF EXISTS ck_{table}_anfrage_id,
    DROP CONSTRAINT IF EXISTS ck_{table}_traceparent,
    ADD CONSTRAINT ck_{table}_anfrage_id CHECK ({request_id}) NOT VALID,
    ADD CONSTRAINT ck_{table}_traceparent CHECK ({traceparent}) NOT VALID
"""

revision = "0050"
down_revision = "0047"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Each table by itself, and again where it was done before a later one could not be had."""
    with op.get_context().autocommit_block():
        for table in TABLES:
            op.execute(ADD.format(table=table, request_id=REQUEST_ID, traceparent=TRACEPARENT))
        for table in TABLES:
            for column in ("anfrage_id", "traceparent"):
                op.execute(f"ALTER TABLE {SCHEMA}.{table} VALIDATE CONSTRAINT ck_{table}_{column}")


def downgrade() -> None:
    for table in TABLES:
        for column in ("traceparent", "anfrage_id"):
            op.drop_column(table, column, schema=SCHEMA)
