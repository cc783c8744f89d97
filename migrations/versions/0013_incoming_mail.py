"""Keep what comes in, and addresses nobody writes to; nothing is tried again once it is sent or has failed."""

import sqlalchemy as sa
from advanced_alchemy.types import DateTimeUTC
from alembic import op
from sqlalchemy.dialects import postgresql

SCHEMA = "communication_service"
KINDS = (
    "reply",
    "out_of_office",
    "receipt",
    "hard_bounce",
    "soft_bounce",
    "challenge",
    "spam_verdict",
    "newsletter",
    "loop",
    "unclear",
    "unlesbar",
)
STATES = ("erledigt", "vorschlag", "offen", "beiseite")
REASONS = ("unzustellbar", "unerwuenscht")

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _settle_next_attempts()
    op.add_column(
        "emails",
        sa.Column(
            "aktenzeichen",
            sa.String(length=100),
            nullable=True,
            comment="The reference its template showed, to know a reply by",
        ),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_emails_aktenzeichen",
        "emails",
        ["aktenzeichen"],
        schema=SCHEMA,
        postgresql_where=sa.text("aktenzeichen IS NOT NULL"),
    )
    op.create_index("ix_therapists_email", "therapists", [sa.literal_column("lower(email)")], schema=SCHEMA)
    _create_incoming()
    _create_cursors()
    _create_stop_list()


def downgrade() -> None:
    for table in ("sperrliste", "postfach_stand", "eingang"):
        op.drop_table(table, schema=SCHEMA)
    op.drop_index("ix_therapists_email", "therapists", schema=SCHEMA)
    op.drop_index("ix_emails_aktenzeichen", "emails", schema=SCHEMA)
    op.drop_column("emails", "aktenzeichen", schema=SCHEMA)
    op.drop_constraint(op.f("ck_emails_naechster_versuch_at"), "emails", schema=SCHEMA)


def _settle_next_attempts() -> None:
    """Clear what no sender reads; without the index over the column no other index is written."""
    op.drop_index("ix_emails_claim", "emails", schema=SCHEMA)
    op.execute(
        f"UPDATE {SCHEMA}.emails SET naechster_versuch_at = NULL"  # noqa: S608
        " WHERE status IN ('SENT', 'FAILED') AND naechster_versuch_at IS NOT NULL"
    )
    op.create_index(
        "ix_emails_claim",
        "emails",
        ["naechster_versuch_at", "id"],
        schema=SCHEMA,
        postgresql_where=sa.text("status = 'QUEUED'"),
    )
    op.create_check_constraint(
        op.f("ck_emails_naechster_versuch_at"),
        "emails",
        "naechster_versuch_at IS NULL OR status NOT IN ('SENT', 'FAILED')",
        schema=SCHEMA,
    )


def _create_incoming() -> None:
    op.create_table(
        "eingang",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("postfach", sa.String(length=512), nullable=True, comment="Host and folder"),
        sa.Column("uidvalidity", sa.BigInteger(), nullable=True),
        sa.Column("uid", sa.BigInteger(), nullable=True),
        sa.Column("message_id", sa.String(length=1000), nullable=True),
        sa.Column(
            "inhalt_hash",
            sa.LargeBinary(length=32),
            nullable=True,
            comment="SHA-256 of the message as it came",
        ),
        sa.Column("empfangen_at", DateTimeUTC(), nullable=False),
        sa.Column("absender", sa.Text(), server_default="", nullable=False),
        sa.Column("absender_name", sa.Text(), server_default="", nullable=False),
        sa.Column("betreff", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "text",
            sa.Text(),
            server_default="",
            nullable=False,
            comment="All it says, quotations included",
        ),
        sa.Column("worte", sa.Text(), server_default="", nullable=False, comment="Its author's own words"),
        sa.Column(
            "anhaenge",
            postgresql.JSONB(),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
            comment="Name and size of what came with it",
        ),
        sa.Column("art", sa.String(length=20), nullable=False),
        sa.Column("zustand", sa.String(length=20), nullable=False),
        sa.Column("email_id", sa.Integer(), nullable=True),
        sa.Column("therapist_id", sa.Integer(), nullable=True),
        sa.Column("vorschlag", postgresql.JSONB(), nullable=True),
        sa.Column("wieder_da_am", sa.Date(), nullable=True),
        sa.Column("serverworte", sa.Text(), nullable=True),
        sa.Column(
            "adresse_tot", sa.Text(), nullable=True, comment="The address a bounce says nobody is behind"
        ),
        sa.Column("wirkung", postgresql.JSONB(), nullable=True),
        sa.Column("erfasst_von", sa.Integer(), nullable=True, comment="Who recorded it by hand"),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", DateTimeUTC(), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "num_nonnulls(postfach, uidvalidity, uid, inhalt_hash) IN (0, 4)",
            name=op.f("ck_eingang_postfach"),
        ),
        _one_of("eingang", "art", KINDS),
        _one_of("eingang", "zustand", STATES),
        _foreign_key("eingang", "email_id", "emails"),
        _foreign_key("eingang", "erfasst_von", "staff"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_eingang")),
        sa.UniqueConstraint("inhalt_hash", name=op.f("uq_eingang_inhalt_hash")),
        sa.UniqueConstraint(
            "postfach", "uidvalidity", "uid", name=op.f("uq_eingang_postfach_uidvalidity_uid")
        ),
        schema=SCHEMA,
    )
    for name, columns, where in (
        ("open", ["empfangen_at", "id"], sa.text("zustand IN ('vorschlag', 'offen')")),
        ("state", ["zustand", sa.literal_column("id DESC")], None),
        ("email", ["email_id", "empfangen_at"], None),
        ("therapist", ["therapist_id", sa.literal_column("empfangen_at DESC")], None),
        ("message_id", ["message_id"], None),
    ):
        op.create_index(f"ix_eingang_{name}", "eingang", columns, schema=SCHEMA, postgresql_where=where)


def _create_cursors() -> None:
    op.create_table(
        "postfach_stand",
        sa.Column("postfach", sa.String(length=512), nullable=False),
        sa.Column("uidvalidity", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("seit", sa.Date(), nullable=False, comment="Nothing that came before this day is read"),
        sa.Column("zuletzt_at", DateTimeUTC(), nullable=True, comment="When the mailbox was last reached"),
        sa.Column("fehler", sa.Text(), nullable=True, comment="Why it can't be read, while it can't"),
        sa.PrimaryKeyConstraint("postfach", name=op.f("pk_postfach_stand")),
        schema=SCHEMA,
    )


def _create_stop_list() -> None:
    op.create_table(
        "sperrliste",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("adresse", sa.String(length=320), nullable=False),
        sa.Column("grund", sa.String(length=20), nullable=False),
        sa.Column("seit", DateTimeUTC(), nullable=False),
        sa.Column("email_id", sa.Integer(), nullable=True),
        sa.Column("eingang_id", sa.Integer(), nullable=True),
        sa.Column("gesperrt_von", sa.Integer(), nullable=True),
        sa.Column("aufgehoben_at", DateTimeUTC(), nullable=True),
        sa.Column("aufgehoben_von", sa.Integer(), nullable=True),
        sa.CheckConstraint("adresse = lower(adresse)", name=op.f("ck_sperrliste_adresse")),
        _one_of("sperrliste", "grund", REASONS),
        _foreign_key("sperrliste", "email_id", "emails"),
        _foreign_key("sperrliste", "eingang_id", "eingang"),
        _foreign_key("sperrliste", "gesperrt_von", "staff"),
        _foreign_key("sperrliste", "aufgehoben_von", "staff"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sperrliste")),
        schema=SCHEMA,
    )
    in_force = sa.text("aufgehoben_at IS NULL")
    op.create_index(
        "uq_sperrliste_adresse",
        "sperrliste",
        ["adresse"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=in_force,
    )
    op.create_index(
        "ix_sperrliste_seit",
        "sperrliste",
        [sa.literal_column("seit DESC"), sa.literal_column("id DESC")],
        schema=SCHEMA,
        postgresql_where=in_force,
    )


def _one_of(table: str, column: str, allowed: tuple[str, ...]) -> sa.CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in allowed)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=op.f(f"ck_{table}_{column}"))


def _foreign_key(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{SCHEMA}.{target}.id"], name=op.f(f"fk_{table}_{column}"))
