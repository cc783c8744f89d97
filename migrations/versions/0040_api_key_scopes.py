"""What a key may, until when, how often in a minute, and when it was last used.

Keys from before keep all they could: every scope, no end.
"""

import sqlalchemy as sa
from advanced_alchemy.types import DateTimeUTC
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

SCHEMA = "communication_service"

ALL_SCOPES = "ARRAY['emails', 'calls', 'read', 'metrics']::text[]"
CHECKS = {
    "scopes": f"cardinality(scopes) > 0 AND scopes <@ {ALL_SCOPES}",
    "expires_at": "expires_at > created_at",
    "requests_per_minute": "requests_per_minute BETWEEN 0 AND 1000000",
}

revision = "0040"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "api_keys",
        sa.Column("scopes", ARRAY(sa.Text()), server_default=sa.text(ALL_SCOPES), nullable=False),
        schema=SCHEMA,
    )
    op.alter_column("api_keys", "scopes", server_default=None, schema=SCHEMA)
    op.add_column("api_keys", sa.Column("requests_per_minute", sa.Integer()), schema=SCHEMA)
    op.add_column("api_keys", sa.Column("expires_at", DateTimeUTC()), schema=SCHEMA)
    op.add_column("api_keys", sa.Column("last_used_at", DateTimeUTC()), schema=SCHEMA)
    for name, condition in CHECKS.items():
        op.create_check_constraint(op.f(f"ck_api_keys_{name}"), "api_keys", condition, schema=SCHEMA)
    op.create_table(
        "api_key_minutes",
        sa.Column("minute", DateTimeUTC(), nullable=False),
        sa.Column("api_key_id", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("minute", "api_key_id", name=op.f("pk_api_key_minutes")),
        sa.ForeignKeyConstraint(
            ["api_key_id"],
            [f"{SCHEMA}.api_keys.id"],
            name=op.f("fk_api_key_minutes_api_key_id"),
            ondelete="CASCADE",
        ),
        sa.CheckConstraint("taken > 0", name=op.f("ck_api_key_minutes_taken")),
        schema=SCHEMA,
        prefixes=["UNLOGGED"],
    )


def downgrade() -> None:
    op.drop_table("api_key_minutes", schema=SCHEMA)
    for column in ("last_used_at", "expires_at", "requests_per_minute", "scopes"):
        op.drop_column("api_keys", column, schema=SCHEMA)
