"""Let a call be about several e-mails."""

import sqlalchemy as sa
from alembic import op

SCHEMA = "communication_service"

LINK = f"""
CREATE FUNCTION {SCHEMA}.anruf_email() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO {SCHEMA}.anruf_emails (call_id, email_id, automatisch)
    VALUES (NEW.id, NEW.email_id, NEW.grund = 'keine_antwort' AND NEW.vorheriger_anruf_id IS NULL)
    ON CONFLICT (call_id, email_id) DO NOTHING;
    RETURN NULL;
END
$$
"""  # noqa: S608

LINKED = f"""
CREATE TRIGGER anruf_email AFTER INSERT OR UPDATE OF email_id ON {SCHEMA}.phone_calls
FOR EACH ROW WHEN (NEW.email_id IS NOT NULL) EXECUTE FUNCTION {SCHEMA}.anruf_email()
"""

BACKFILL = f"""
INSERT INTO {SCHEMA}.anruf_emails (call_id, email_id, automatisch)
SELECT id, email_id, grund = 'keine_antwort' AND vorheriger_anruf_id IS NULL
FROM {SCHEMA}.phone_calls WHERE email_id IS NOT NULL
"""  # noqa: S608

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "anruf_emails",
        sa.Column("call_id", sa.Integer, nullable=False),
        sa.Column("email_id", sa.Integer, nullable=False),
        sa.Column(
            "automatisch",
            sa.Boolean,
            nullable=False,
            server_default="false",
            comment="It is this call by which nobody's answer was followed up; a next attempt is no second one",
        ),
        sa.PrimaryKeyConstraint("call_id", "email_id", name=op.f("pk_anruf_emails")),
        schema=SCHEMA,
    )
    op.execute(LINK)
    op.execute(LINKED)
    op.execute(BACKFILL)
    for column, target, ondelete in (("call_id", "phone_calls", "CASCADE"), ("email_id", "emails", None)):
        op.create_foreign_key(
            op.f(f"fk_anruf_emails_{column}"),
            "anruf_emails",
            target,
            [column],
            ["id"],
            source_schema=SCHEMA,
            referent_schema=SCHEMA,
            ondelete=ondelete,
        )
    op.create_index("ix_anruf_emails_email", "anruf_emails", ["email_id"], schema=SCHEMA)
    op.create_index(
        "uq_anruf_emails_automatic",
        "anruf_emails",
        ["email_id"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("automatisch"),
    )


def downgrade() -> None:
    op.execute(f"DROP TRIGGER anruf_email ON {SCHEMA}.phone_calls")
    op.execute(f"DROP FUNCTION {SCHEMA}.anruf_email")
    op.drop_table("anruf_emails", schema=SCHEMA)
