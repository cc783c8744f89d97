"""Let a sender that was only cut off say what the mail server answered: an unclear e-mail keeps its token."""

from alembic import op

SCHEMA = "communication_service"

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _replace("anspruch_bis IS NULL OR anspruch IS NOT NULL")


def downgrade() -> None:
    op.execute(f"UPDATE {SCHEMA}.emails SET anspruch = NULL WHERE anspruch_bis IS NULL")  # noqa: S608
    _replace("(anspruch IS NULL) = (anspruch_bis IS NULL)")


def _replace(condition: str) -> None:
    name = op.f("ck_emails_anspruch")
    op.drop_constraint(name, "emails", schema=SCHEMA)
    op.create_check_constraint(name, "emails", condition, schema=SCHEMA)
