"""Find e-mails as therapists are found; read calls of a status by id; have names of staff composed."""

from alembic import op

SCHEMA = "communication_service"

# Signs of ASCII, of Latin-1 and all that Unicode has between its letters: else `<Klein>` is a tag and no
# word, and `+49` a number that nobody asks for.
SIGNS = r"[!-/:-@\[-`{-~\u00a0-\u00bf\u00d7\u00f7\u2000-\u206f\u20a0-\u20cf\u2190-\u2bff\u3000-\u303f\U0001f000-\U0001faff]+"

WOERTER = rf"""
CREATE FUNCTION {SCHEMA}.woerter(text text) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN to_tsvector('simple', regexp_replace({SCHEMA}.namensform(text), '{SIGNS}', ' ', 'g'))
"""

SUCHWOERTER = f"{SCHEMA}.suchwoerter(betreff varchar, name varchar, adresse varchar)"
NAMENSWOERTER = f"{SCHEMA}.namenswoerter(vorname varchar, nachname varchar)"

NEW = {
    SUCHWOERTER: f"{SCHEMA}.woerter(betreff || ' ' || name || ' ' || adresse)",
    NAMENSWOERTER: f"{SCHEMA}.woerter(vorname || ' ' || nachname)",
}
OLD = {
    SUCHWOERTER: "to_tsvector('simple', translate(betreff || ' ' || name || ' ' || adresse, '@._-/', '     '))",
    NAMENSWOERTER: f"to_tsvector('simple', {SCHEMA}.namensform(vorname || ' ' || nachname))",
}

# Where two accounts would then have one name, both keep theirs: each can log in with what it typed so far.
COMPOSE_NAMES = """
UPDATE communication_service.staff SET name = normalize(name, NFKC)
WHERE name IS NOT NFKC NORMALIZED AND length(normalize(name, NFKC)) BETWEEN 1 AND 100 AND NOT EXISTS (
    SELECT FROM communication_service.staff other
    WHERE other.id <> staff.id AND lower(normalize(other.name, NFKC)) = lower(normalize(staff.name, NFKC))
)
"""

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(WOERTER)
    _find_by(NEW)
    op.execute(COMPOSE_NAMES)
    op.create_index("ix_phone_calls_status", "phone_calls", ["status", "id"], schema=SCHEMA)


def downgrade() -> None:
    op.drop_index("ix_phone_calls_status", "phone_calls", schema=SCHEMA)
    _find_by(OLD)
    op.execute(f"DROP FUNCTION {SCHEMA}.woerter")


def _find_by(bodies: dict[str, str]) -> None:
    for function, body in bodies.items():
        op.execute(
            f"CREATE OR REPLACE FUNCTION {function} RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN {body}"
        )
    for index in ("ix_emails_search", "ix_therapists_names"):
        op.execute(f"REINDEX INDEX {SCHEMA}.{index}")
