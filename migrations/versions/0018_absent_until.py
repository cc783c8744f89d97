"""Keep until when a therapist is away, who said so and since when that is known."""

import sqlalchemy as sa
from alembic import op

SCHEMA = "communication_service"

SOURCES = ("notiz", "anruf", "hand", "dienst")

revision = "0018"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "therapists",
        sa.Column("wieder_da_am", sa.Date(), comment="First day back of an absence; no call before it"),
        schema=SCHEMA,
    )
    op.add_column(
        "therapists", sa.Column("abwesend_laut", sa.String(20), comment="Who said so"), schema=SCHEMA
    )
    op.add_column(
        "therapists",
        sa.Column("abwesend_seit", sa.DateTime(timezone=True), comment="Since when it is known"),
        schema=SCHEMA,
    )
    allowed = ", ".join(f"'{source}'" for source in SOURCES)
    op.create_check_constraint(
        op.f("ck_therapists_abwesend_laut"), "therapists", f"abwesend_laut IN ({allowed})", schema=SCHEMA
    )
    op.create_check_constraint(
        op.f("ck_therapists_absence"),
        "therapists",
        "num_nonnulls(wieder_da_am, abwesend_laut, abwesend_seit) IN (0, 3)",
        schema=SCHEMA,
    )
    op.create_index(
        "ix_therapists_absent",
        "therapists",
        ["wieder_da_am"],
        schema=SCHEMA,
        postgresql_where=sa.text("wieder_da_am IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_therapists_absent", "therapists", schema=SCHEMA)
    for column in ("abwesend_seit", "abwesend_laut", "wieder_da_am"):
        op.drop_column("therapists", column, schema=SCHEMA)
