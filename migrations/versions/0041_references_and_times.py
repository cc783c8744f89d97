"""Let callers give a reference of theirs, where answers go, and from when until when an e-mail is sent."""

import sqlalchemy as sa
from alembic import op

SCHEMA = "communication_service"

REFERENCE = "The caller's reference; personal data has no place in it"
COLUMNS = {
    "emails": {
        "antwort_an": (sa.String(255), "Where answers go instead of where REPLY_TO_ADDRESS says"),
        "extern_id": (sa.String(100), REFERENCE),
        "send_at": (sa.DateTime(timezone=True), "Not sent before"),
        "expires_at": (sa.DateTime(timezone=True), "Not sent from then on"),
    },
    "phone_calls": {"extern_id": (sa.String(100), REFERENCE)},
}
CHECKS = {
    ("emails", "extern_id"): "length(extern_id) > 0",
    ("emails", "expires_at"): "expires_at > send_at",
    ("phone_calls", "extern_id"): "length(extern_id) > 0",
}
INDEXES = {
    ("ix_emails_extern_id", "emails", ("extern_id", "id")): "extern_id IS NOT NULL",
    ("ix_emails_expires", "emails", ("expires_at",)): "status = 'QUEUED' AND expires_at IS NOT NULL",
    ("ix_phone_calls_extern_id", "phone_calls", ("extern_id", "id")): "extern_id IS NOT NULL",
}

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table, columns in COLUMNS.items():
        for name, (kind, comment) in columns.items():
            op.add_column(table, sa.Column(name, kind, comment=comment), schema=SCHEMA)
    for (table, name), condition in CHECKS.items():
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition, schema=SCHEMA)
    for (name, table, columns), condition in INDEXES.items():
        op.create_index(name, table, columns, schema=SCHEMA, postgresql_where=sa.text(condition))


def downgrade() -> None:
    """What waited for its time is sent at once then: nothing knows of that time any more."""
    for name, table, _ in INDEXES:
        op.drop_index(name, table, schema=SCHEMA)
    for table, name in CHECKS:
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table, schema=SCHEMA)
    for table, columns in COLUMNS.items():
        for name in columns:
            op.drop_column(table, name, schema=SCHEMA)
