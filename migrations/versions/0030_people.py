"""One-time passwords, second factors, sessions that end unused, and whose key did what."""

import sqlalchemy as sa
from advanced_alchemy.types import DateTimeUTC
from alembic import op

SCHEMA = "communication_service"

ON_STAFF = ("einmalpasswort_bis", "totp_salz", "totp_seit", "totp_schritt")

revision = "0030"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("staff", sa.Column("einmalpasswort_bis", DateTimeUTC()), schema=SCHEMA)
    op.add_column("staff", sa.Column("totp_salz", sa.LargeBinary(16)), schema=SCHEMA)
    op.add_column("staff", sa.Column("totp_seit", DateTimeUTC()), schema=SCHEMA)
    op.add_column("staff", sa.Column("totp_schritt", sa.BigInteger()), schema=SCHEMA)
    op.add_column("sessions", sa.Column("id", sa.Integer(), sa.Identity(), nullable=False), schema=SCHEMA)
    op.create_unique_constraint(op.f("uq_sessions_id"), "sessions", ["id"], schema=SCHEMA)
    op.add_column(
        "sessions",
        sa.Column("zuletzt_at", DateTimeUTC(), server_default=sa.func.now(), nullable=False),
        schema=SCHEMA,
    )
    op.add_column(
        "sessions", sa.Column("browser", sa.String(60), server_default="", nullable=False), schema=SCHEMA
    )
    op.create_table(
        "pending_logins",
        sa.Column("token_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("expires_at", DateTimeUTC(), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_pending_logins")),
        _of_staff("pending_logins"),
        schema=SCHEMA,
    )
    op.create_index("ix_pending_logins_expires_at", "pending_logins", ["expires_at"], schema=SCHEMA)
    op.create_table(
        "recovery_codes",
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("staff_id", "code_hash", name=op.f("pk_recovery_codes")),
        _of_staff("recovery_codes"),
        schema=SCHEMA,
    )
    op.add_column("activity", sa.Column("api_key_id", sa.Integer()), schema=SCHEMA)
    op.create_foreign_key(
        op.f("fk_activity_api_key_id"),
        "activity",
        "api_keys",
        ["api_key_id"],
        ["id"],
        source_schema=SCHEMA,
        referent_schema=SCHEMA,
    )
    for column in ("staff_id", "action", "object_type"):
        name = f"ix_activity_{column.removesuffix('_id')}"
        op.create_index(name, "activity", [column, sa.text("at DESC")], schema=SCHEMA)


def _of_staff(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["staff_id"], [f"{SCHEMA}.staff.id"], name=op.f(f"fk_{table}_staff_id"), ondelete="CASCADE"
    )


def downgrade() -> None:
    for column in ("staff", "action", "object_type"):
        op.drop_index(f"ix_activity_{column}", "activity", schema=SCHEMA)
    op.drop_column("activity", "api_key_id", schema=SCHEMA)
    op.drop_table("recovery_codes", schema=SCHEMA)
    op.drop_table("pending_logins", schema=SCHEMA)
    for column in ("browser", "zuletzt_at", "id"):
        op.drop_column("sessions", column, schema=SCHEMA)
    for column in ON_STAFF:
        op.drop_column("staff", column, schema=SCHEMA)
