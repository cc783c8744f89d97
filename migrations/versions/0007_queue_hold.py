"""Let an operator hold the queue, and let all workers know whom the mail server refused last."""

import sqlalchemy as sa
from alembic import op

SCHEMA = "communication_service"
TABLE = "mail_queue_state"

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in (
        sa.Column(
            "refused_id",
            sa.Integer,
            comment="The e-mail the server refused last, for neither its mailbox nor its size",
        ),
        sa.Column("refused_at", sa.DateTime(timezone=True)),
        sa.Column(
            "refused_all",
            sa.Boolean,
            nullable=False,
            server_default="false",
            comment="Whether such refusals have met several recipients since the last e-mail accepted",
        ),
        sa.Column("held_at", sa.DateTime(timezone=True)),
        sa.Column("held_by", sa.Integer, comment="None where it was held on the command line"),
        sa.Column("hold_reason", sa.String(200)),
    ):
        op.add_column(TABLE, column, schema=SCHEMA)
    for column, target, ondelete in (("refused_id", "emails", "SET NULL"), ("held_by", "staff", None)):
        op.create_foreign_key(
            op.f(f"fk_{TABLE}_{column}"),
            TABLE,
            target,
            [column],
            ["id"],
            source_schema=SCHEMA,
            referent_schema=SCHEMA,
            ondelete=ondelete,
        )
    op.create_check_constraint(
        op.f(f"ck_{TABLE}_hold"),
        TABLE,
        "held_at IS NOT NULL OR (held_by IS NULL AND hold_reason IS NULL)",
        schema=SCHEMA,
    )


def downgrade() -> None:
    op.drop_constraint(op.f(f"ck_{TABLE}_hold"), TABLE, schema=SCHEMA)
    for column in ("hold_reason", "held_by", "held_at", "refused_all", "refused_at", "refused_id"):
        op.drop_column(TABLE, column, schema=SCHEMA)
