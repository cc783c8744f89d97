"""Let a therapist have one open follow-up call at a time; more than one e-mail's follow-up is in it.

Follow-up calls that are open beside another one stay, as `doppelt`. That an e-mail has one automatic follow-up
is the promise of `anruf_emails` from now on.
"""

import sqlalchemy as sa
from alembic import op

SCHEMA = "communication_service"

BESIDE_ANOTHER = f"""
UPDATE {SCHEMA}.phone_calls SET doppelt = true
WHERE id IN (
    SELECT id FROM (
        SELECT id, row_number() OVER (PARTITION BY therapist_id ORDER BY id) AS place
        FROM {SCHEMA}.phone_calls WHERE grund = 'keine_antwort' AND status = 'scheduled'
    ) AS ranked
    WHERE place > 1
)
"""  # noqa: S608

FOLLOWED_UP_TWICE = f"""
UPDATE {SCHEMA}.phone_calls SET grund = 'manuell'
WHERE id IN (
    SELECT id FROM (
        SELECT id, row_number() OVER (PARTITION BY email_id ORDER BY id DESC) AS place
        FROM {SCHEMA}.phone_calls
        WHERE grund = 'keine_antwort' AND vorheriger_anruf_id IS NULL AND email_id IS NOT NULL
    ) AS ranked
    WHERE place > 1
)
"""  # noqa: S608

CANCELED = ("nicht_anrufen", "nicht_aktiv", "beantwortet", "keine_zeit_frei", "irrtuemlich", "geloescht")
MERGED = "zusammengelegt"

revision = "0022"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("uq_phone_calls_automatic_follow_up", "phone_calls", schema=SCHEMA)
    op.add_column(
        "phone_calls",
        sa.Column(
            "doppelt",
            sa.Boolean,
            nullable=False,
            server_default="false",
            comment="Open beside another follow-up call, from before a therapist had one at most",
        ),
        schema=SCHEMA,
    )
    op.execute(BESIDE_ANOTHER)
    op.create_index(
        "uq_phone_calls_open_follow_up",
        "phone_calls",
        ["therapist_id"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("grund = 'keine_antwort' AND status = 'scheduled' AND NOT doppelt"),
    )
    _allow(*CANCELED, MERGED)


def downgrade() -> None:
    op.execute(
        f"UPDATE {SCHEMA}.phone_calls SET absage_grund = NULL WHERE absage_grund = '{MERGED}'"  # noqa: S608
    )
    _allow(*CANCELED)
    op.drop_index("uq_phone_calls_open_follow_up", "phone_calls", schema=SCHEMA)
    op.drop_column("phone_calls", "doppelt", schema=SCHEMA)
    op.execute(FOLLOWED_UP_TWICE)
    op.create_index(
        "uq_phone_calls_automatic_follow_up",
        "phone_calls",
        ["email_id"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("grund = 'keine_antwort' AND vorheriger_anruf_id IS NULL"),
    )


def _allow(*codes: str) -> None:
    allowed = ", ".join(f"'{code}'" for code in codes)
    op.drop_constraint(op.f("ck_phone_calls_absage_grund"), "phone_calls", schema=SCHEMA)
    op.create_check_constraint(
        op.f("ck_phone_calls_absage_grund"), "phone_calls", f"absage_grund IN ({allowed})", schema=SCHEMA
    )
