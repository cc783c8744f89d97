"""Read what calls told of when somebody picks up as one number each, by an index alone."""

from alembic import op

SCHEMA = "communication_service"

CREATE_AS_NUMBER = f"""
CREATE OR REPLACE FUNCTION {SCHEMA}.anruf_als_zahl(tag date, zeit time, art varchar) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ((tag - DATE '2000-01-01') * 24 + date_part('hour', zeit)::integer) * 3
    + CASE WHEN art IN ('erreicht', 'rueckruf_vereinbart') THEN 2 WHEN art = 'besetzt' THEN 1 ELSE 0 END
"""
TOLD_BY = (
    f"phone_calls (therapist_id, {SCHEMA}.anruf_als_zahl(tatsaechliches_datum, tatsaechliche_zeit, ergebnis_art))"
    " INCLUDE (tatsaechliches_datum, tatsaechliche_zeit, ergebnis_art)"
)
TELLS = (
    "tatsaechliches_datum IS NOT NULL AND tatsaechliche_zeit IS NOT NULL"
    " AND ergebnis_art IN ('erreicht', 'rueckruf_vereinbart', 'besetzt', 'nicht_erreicht', 'anrufbeantworter')"
)
MADE_TO = "phone_calls (therapist_id, tatsaechliches_datum) INCLUDE (tatsaechliche_zeit, ergebnis_art)"
MADE = "tatsaechliches_datum IS NOT NULL"

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build what is new before what it takes the place of goes."""
    op.execute(CREATE_AS_NUMBER)
    _build("ix_phone_calls_told_by", TOLD_BY, TELLS)
    _drop("ix_phone_calls_made_to")


def downgrade() -> None:
    _build("ix_phone_calls_made_to", MADE_TO, MADE)
    _drop("ix_phone_calls_told_by")
    op.execute(f"DROP FUNCTION IF EXISTS {SCHEMA}.anruf_als_zahl")


def _build(name: str, columns: str, condition: str) -> None:
    """Build an index; what a try that was interrupted has left of it goes first."""
    _drop(name)
    with op.get_context().autocommit_block():
        op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {SCHEMA}.{columns} WHERE {condition}")


def _drop(name: str) -> None:
    with op.get_context().autocommit_block():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {SCHEMA}.{name}")
