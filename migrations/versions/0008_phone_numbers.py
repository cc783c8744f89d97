"""Keep a phone field whole, and find therapists by every number in it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

SCHEMA = "communication_service"

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column(
        "therapists", "telefon", type_=sa.Text(), existing_type=sa.String(length=50), schema=SCHEMA
    )
    op.add_column(
        "therapists",
        sa.Column(
            "telefon_e164_weitere",
            postgresql.ARRAY(sa.Text()),
            nullable=True,
            comment="The field's other numbers, those of fax machines too",
        ),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_therapists_other_numbers",
        "therapists",
        [sa.literal_column("array_to_tsvector(telefon_e164_weitere)")],
        schema=SCHEMA,
        postgresql_using="gin",
    )


def downgrade() -> None:
    op.drop_index("ix_therapists_other_numbers", "therapists", schema=SCHEMA)
    op.drop_column("therapists", "telefon_e164_weitere", schema=SCHEMA)
    # A field too long for the column comes back with the next refresh, as far as it goes in there.
    op.alter_column(
        "therapists",
        "telefon",
        type_=sa.String(length=50),
        existing_type=sa.Text(),
        postgresql_using="CASE WHEN length(telefon) <= 50 THEN telefon END",
        schema=SCHEMA,
    )
