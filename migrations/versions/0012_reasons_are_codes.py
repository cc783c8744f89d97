"""Say by a code, not by a sentence, why a call was cancelled or not made and what ended a delivery attempt."""

import sqlalchemy as sa
from alembic import op

SCHEMA = "communication_service"

CANCELED = {
    "nicht_anrufen": "Der Therapeut möchte nicht angerufen werden.",
    "nicht_aktiv": "Der Therapeut ist gesperrt oder nicht mehr aktiv.",
    "beantwortet": "Die E-Mail wurde beantwortet.",
    "keine_zeit_frei": "Nach der Abwesenheit ist in den Telefonzeiten keine Zeit frei.",
}
NO_CALL = {
    "nicht_anzurufen": "Kein automatischer Anruf: gesperrt, inaktiv oder nicht anrufen.",
    "keine_telefonzeiten": "Kein automatischer Anruf: keine nutzbaren Telefonzeiten.",
    "zeiten_zu_kurz": "Kein automatischer Anruf: die Telefonzeiten sind zu kurz für einen Anruf.",
    "zeiten_unlesbar": "Kein automatischer Anruf: die Telefonzeiten sind nicht lesbar.",
    "keine_zeit_frei": "Kein automatischer Anruf: in den Telefonzeiten ist keine Zeit frei.",
    "therapeut_unbekannt": "Kein automatischer Anruf: Therapeut unbekannt.",
}
ENDED = {
    "lost": "connection lost",
    "timeout": "no reply in time",
    "garbled": "reply not understood",
    "insecure": "no secure connection",
    "unconfigured": "login not possible",
    "unbuildable": "no message can be made of it",
    "crashed": "internal error",
    "abandoned": "not begun",
    "worker_ended": "the worker ended while the message was being handed over",
    "held": "it was being sent, and the queue is held: what became of it is not known",
}
SENTENCES = "(" + "|".join(NO_CALL.values()).replace(".", r"\.") + ")"
WITH_BREAK = rf"^({SENTENCES}\r?\n?)+|(\r?\n)?{SENTENCES}"

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _add("phone_calls", "absage_grund", [*CANCELED], "Why it was cancelled where nobody did that")
    _add("emails", "nachverfolgung_hindernis", [*NO_CALL], "Why the last look made no automatic call")
    _add("email_versuche", "ende", ["reply", *ENDED], "NULL: from before this was noted")
    _run(
        f"""
        UPDATE {SCHEMA}.phone_calls c SET absage_grund = known.code, ergebnis = NULL
        FROM {_table(CANCELED)} WHERE c.status = 'canceled' AND c.ergebnis = known.words
        """  # noqa: S608
    )
    # Of several sentences the last is the latest: `.*` takes as much as it can.
    _run(
        f"""
        UPDATE {SCHEMA}.emails e SET nachverfolgung_hindernis = known.code,
            nachverfolgung_notizen = nullif(regexp_replace(e.nachverfolgung_notizen, :with_break, '', 'g'), '')
        FROM {_table(NO_CALL)}
        WHERE e.nachverfolgung_notizen IS NOT NULL
            AND known.words = substring(e.nachverfolgung_notizen from :last)
        """,  # noqa: S608
        with_break=WITH_BREAK,
        last=f".*{SENTENCES}",
    )
    _run(
        f"""
        UPDATE {SCHEMA}.drafts SET felder = jsonb_set(felder, '{{nachverfolgung_notizen}}',
            to_jsonb(regexp_replace(felder->>'nachverfolgung_notizen', :with_break, '', 'g')))
        WHERE felder->>'nachverfolgung_notizen' ~ :sentences
        """,  # noqa: S608
        with_break=WITH_BREAK,
        sentences=SENTENCES,
    )
    _run(
        f"""
        UPDATE {SCHEMA}.email_versuche a SET ende = known.code, smtp_text = NULL
        FROM {_table(ENDED)} WHERE a.smtp_code IS NULL AND a.smtp_text = known.words
        """  # noqa: S608
    )
    _run(
        f"""
        UPDATE {SCHEMA}.email_versuche SET smtp_text = NULL,
            ende = CASE stufe WHEN 'body' THEN 'worker_ended' ELSE 'abandoned' END
        WHERE smtp_text = 'the worker ended'
        """  # noqa: S608
    )


def downgrade() -> None:
    _run(
        f"""
        UPDATE {SCHEMA}.email_versuche a SET smtp_text = known.words
        FROM {_table(ENDED)} WHERE a.ende = known.code AND coalesce(a.smtp_text, '') = ''
        """  # noqa: S608
    )
    _run(
        f"""
        UPDATE {SCHEMA}.emails e
        SET nachverfolgung_notizen = concat_ws(E'\n', nullif(e.nachverfolgung_notizen, ''), known.words)
        FROM {_table(NO_CALL)} WHERE e.nachverfolgung_hindernis = known.code
        """  # noqa: S608
    )
    _run(
        f"""
        UPDATE {SCHEMA}.phone_calls c SET ergebnis = known.words
        FROM {_table(CANCELED)} WHERE c.absage_grund = known.code AND c.ergebnis IS NULL
        """  # noqa: S608
    )
    op.drop_column("email_versuche", "ende", schema=SCHEMA)
    op.drop_column("emails", "nachverfolgung_hindernis", schema=SCHEMA)
    op.drop_column("phone_calls", "absage_grund", schema=SCHEMA)


def _add(table: str, column: str, codes: list[str], comment: str) -> None:
    op.add_column(table, sa.Column(column, sa.String(20), comment=comment), schema=SCHEMA)
    allowed = ", ".join(f"'{code}'" for code in codes)
    op.create_check_constraint(op.f(f"ck_{table}_{column}"), table, f"{column} IN ({allowed})", schema=SCHEMA)


def _table(sentences: dict[str, str]) -> str:
    """Return codes and their words as a table `known`, for a statement's FROM."""
    rows = ", ".join(f"('{code}', '{words}')" for code, words in sentences.items())
    return f"(VALUES {rows}) AS known(code, words)"


def _run(statement: str, **values: str) -> None:
    op.get_bind().execute(sa.text(statement), values)
