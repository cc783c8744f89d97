"""Find therapists by their names however they are typed."""

import sqlalchemy as sa
from alembic import op

SCHEMA = "communication_service"

NAMENSFORM = rf"""
CREATE FUNCTION {SCHEMA}.namensform(name text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN regexp_replace(
    translate(
        replace(lower(regexp_replace(normalize(name, NFKD), '[\u0300-\u036f]', '', 'g')), 'ß', 'ss'),
        'ıłŁøØđĐðÐæÆœŒ-./_''’‘`',
        'illooddddaaoo    '
    ),
    '([aou])e', '\1', 'g'
)
"""

NAMENSWOERTER = f"""
CREATE FUNCTION {SCHEMA}.namenswoerter(vorname varchar, nachname varchar) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN to_tsvector('simple', {SCHEMA}.namensform(vorname || ' ' || nachname))
"""

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(NAMENSFORM)
    op.execute(NAMENSWOERTER)
    op.create_index(
        "ix_therapists_names",
        "therapists",
        [sa.literal_column(f"{SCHEMA}.namenswoerter(vorname, nachname)")],
        schema=SCHEMA,
        postgresql_using="gin",
    )


def downgrade() -> None:
    op.drop_index("ix_therapists_names", "therapists", schema=SCHEMA)
    op.execute(f"DROP FUNCTION {SCHEMA}.namenswoerter")
    op.execute(f"DROP FUNCTION {SCHEMA}.namensform")
