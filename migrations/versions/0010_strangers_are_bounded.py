"""Count tries to log in by source and known browser, and find idempotency keys by their age."""

import sqlalchemy as sa
from advanced_alchemy.types import DateTimeUTC
from alembic import op

SCHEMA = "communication_service"

revision = "0010"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "login_tries",
        sa.Column("key_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("versuche", sa.Integer(), nullable=False),
        sa.Column("letzter_at", DateTimeUTC(), nullable=False),
        sa.Column("gesperrt_bis", DateTimeUTC(), nullable=True),
        sa.PrimaryKeyConstraint("key_hash", name=op.f("pk_login_tries")),
        schema=SCHEMA,
    )
    op.create_index("ix_login_tries_letzter_at", "login_tries", ["letzter_at"], schema=SCHEMA)
    op.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"], schema=SCHEMA)


def downgrade() -> None:
    op.drop_index("ix_idempotency_keys_created_at", "idempotency_keys", schema=SCHEMA)
    op.drop_table("login_tries", schema=SCHEMA)
