"""Order what keeps lines apart by time first, so that the same index finds what is booked in a stretch of it."""

from alembic import op

TABLE = "communication_service.phone_calls"
NAME = "ex_phone_calls_leitung"
LINE = "int4range(leitung, leitung, '[]') WITH &&"
TIME = "communication_service.zeitfenster(geplantes_datum, geplante_zeit, dauer_minuten) WITH &&"

revision = "0047"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _replace(TIME, LINE)


def downgrade() -> None:
    _replace(LINE, TIME)


def _replace(*columns: str) -> None:
    op.execute(f"ALTER TABLE {TABLE} DROP CONSTRAINT {NAME}")
    op.execute(
        f"ALTER TABLE {TABLE} ADD CONSTRAINT {NAME}"
        f" EXCLUDE USING gist ({', '.join(columns)}) WHERE (status = 'scheduled')"
    )
