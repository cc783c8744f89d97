"""Write down when a call stops holding its time, so that who remembers what is full learns of it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSRANGE

SCHEMA = "communication_service"
CALLS = f"{SCHEMA}.phone_calls"
FREED = f"{SCHEMA}.frei_geworden"

FUNCTION = f"""
CREATE OR REPLACE FUNCTION {SCHEMA}.frei_geworden() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        INSERT INTO {FREED} (zeit) VALUES ('(,)');
    ELSE
        INSERT INTO {FREED} (zeit)
        VALUES ({SCHEMA}.zeitfenster(OLD.geplantes_datum, OLD.geplante_zeit, OLD.dauer_minuten))
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END
$$
"""  # noqa: S608

MOVED = (
    "(OLD.status, OLD.geplantes_datum, OLD.geplante_zeit, OLD.dauer_minuten, OLD.leitung)"
    " IS DISTINCT FROM (NEW.status, NEW.geplantes_datum, NEW.geplante_zeit, NEW.dauer_minuten, NEW.leitung)"
)
TRIGGERS = {
    "frei_durch_aenderung": f"UPDATE ON {CALLS} FOR EACH ROW WHEN (OLD.status = 'scheduled' AND {MOVED})",
    "frei_durch_loeschen": f"DELETE ON {CALLS} FOR EACH ROW WHEN (OLD.status = 'scheduled')",
    "frei_durch_leeren": f"TRUNCATE ON {CALLS} FOR EACH STATEMENT",
}

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, then the triggers: each takes `phone_calls` for a moment, and reads no row of it."""
    op.create_table(
        "frei_geworden",
        sa.Column(
            "xid",
            sa.BigInteger,
            nullable=False,
            server_default=sa.text("pg_current_xact_id()::text::bigint"),
            comment="The transaction that freed it: whether a snapshot knows of it",
        ),
        sa.Column("zeit", TSRANGE, nullable=False),
        sa.PrimaryKeyConstraint("xid", "zeit", name=op.f("pk_frei_geworden")),
        schema=SCHEMA,
    )
    op.execute(FUNCTION)
    for name, when in TRIGGERS.items():
        op.execute(f"CREATE TRIGGER {name} AFTER {when} EXECUTE FUNCTION {FREED}()")
        op.execute(f"ALTER TABLE {CALLS} ENABLE ALWAYS TRIGGER {name}")


def downgrade() -> None:
    for name in TRIGGERS:
        op.execute(f"DROP TRIGGER {name} ON {CALLS}")
    op.execute(f"DROP FUNCTION {FREED}")
    op.drop_table("frei_geworden", schema=SCHEMA)
