"""The local copy of the therapist directory, with what the desk itself knows."""

import json
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    Index,
    String,
    Text,
    func,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column

from services.hours.reading import Availability, parse_json
from services.models.base import SCHEMA, Base, one_of

NAMES_SQL = f"{SCHEMA}.namenswoerter(vorname, nachname)"
NAMES: ColumnElement[str] = literal_column(NAMES_SQL, TSVECTOR)
"""The words of a therapist's names that a search finds (`services.search`)."""

OTHER_NUMBERS_SQL = "array_to_tsvector(telefon_e164_weitere)"
OTHER_NUMBERS: ColumnElement[str] = literal_column(OTHER_NUMBERS_SQL, TSVECTOR)
"""The numbers of a therapist's phone field behind the first, each as one word."""

PLACE_SQL = f"{SCHEMA}.ortswoerter(ort)"
PLACE: ColumnElement[str] = literal_column(PLACE_SQL, TSVECTOR)
"""The words of a practice's place that a search finds."""

NUMBER_ENDS_SQL = f"{SCHEMA}.nummernenden(telefon_e164, telefon_e164_weitere)"
NUMBER_ENDS: ColumnElement[str] = literal_column(NUMBER_ENDS_SQL, TSVECTOR)
"""All numbers of a therapist's phone field, each as one word, from its last digit to its first."""


class AbsenceSource(StrEnum):
    """Who said that a therapist is away (`abwesend_laut`)."""

    NOTE = "notiz"
    CALL = "anruf"
    HAND = "hand"
    SERVICE = "dienst"


class Therapist(Base):
    """A therapist as the Therapist Service last described them; `id` is that service's."""

    __tablename__ = "therapists"
    __table_args__ = (
        CheckConstraint("id > 0", name="id"),
        one_of("abwesend_laut", AbsenceSource),
        CheckConstraint("num_nonnulls(wieder_da_am, abwesend_laut, abwesend_seit) IN (0, 3)", name="absence"),
        Index("ix_therapists_absent", "wieder_da_am", postgresql_where=text("wieder_da_am IS NOT NULL")),
        Index(
            "ix_therapists_telefon_e164", "telefon_e164", postgresql_ops={"telefon_e164": "text_pattern_ops"}
        ),
        CheckConstraint(
            "num_nonnulls(telefon_korrigiert, telefon_korrigiert_e164, telefon_korrigiert_at) IN (0, 3)",
            name="telefon_korrigiert",
        ),
        Index(
            "ix_therapists_telefon_korrigiert",
            "telefon_korrigiert_e164",
            postgresql_ops={"telefon_korrigiert_e164": "text_pattern_ops"},
            postgresql_where=text("telefon_korrigiert_e164 IS NOT NULL"),
        ),
        Index(
            "ix_therapists_telefon_korrigiert_ende",
            literal_column("reverse(telefon_korrigiert_e164)", String).label("ende"),
            postgresql_ops={"ende": "text_pattern_ops"},
            postgresql_where=text("telefon_korrigiert_e164 IS NOT NULL"),
        ),
        Index("ix_therapists_abgerufen_at", "abgerufen_at"),
        Index("ix_therapists_email", text("lower(email)")),
        Index("ix_therapists_names", text(NAMES_SQL), postgresql_using="gin"),
        Index("ix_therapists_other_numbers", text(OTHER_NUMBERS_SQL), postgresql_using="gin"),
        Index("ix_therapists_place", text(PLACE_SQL), postgresql_using="gin"),
        Index("ix_therapists_number_ends", text(NUMBER_ENDS_SQL), postgresql_using="gin"),
        Index("ix_therapists_erased", "geloescht_at", postgresql_where=text("geloescht_at IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    anrede: Mapped[str | None] = mapped_column(String(20))
    titel: Mapped[str | None] = mapped_column(String(50))
    vorname: Mapped[str] = mapped_column(String(255))
    nachname: Mapped[str] = mapped_column(String(255))
    strasse: Mapped[str | None] = mapped_column(String(255))
    plz: Mapped[str | None] = mapped_column(String(10))
    ort: Mapped[str | None] = mapped_column(String(255))
    telefon: Mapped[str | None] = mapped_column(Text)
    telefon_e164: Mapped[str | None] = mapped_column(
        String(20), comment="The number in E.164, so that any spelling of it is found"
    )
    telefon_e164_weitere: Mapped[list[str] | None] = mapped_column(
        ARRAY(Text), comment="The field's other numbers, those of fax machines too"
    )
    email: Mapped[str | None] = mapped_column(String(255))
    telefonische_erreichbarkeit: Mapped[object] = mapped_column(JSONB, nullable=True)
    status: Mapped[str] = mapped_column(String(20), server_default="aktiv")
    abgerufen_at: Mapped[datetime]

    nicht_anrufen: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    nicht_anrufen_grund: Mapped[str | None] = mapped_column(Text)
    anruf_hinweis: Mapped[str | None] = mapped_column(Text)
    wieder_da_am: Mapped[date | None] = mapped_column(
        comment="First day back of an absence; no call before it"
    )
    abwesend_laut: Mapped[str | None] = mapped_column(String(20), comment="Who said so")
    abwesend_seit: Mapped[datetime | None] = mapped_column(comment="Since when it is known")
    telefon_korrigiert: Mapped[str | None] = mapped_column(
        String(40), comment="The right number, where the directory's is wrong; no fetch overwrites it"
    )
    telefon_korrigiert_e164: Mapped[str | None] = mapped_column(String(20))
    telefon_korrigiert_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    geloescht_at: Mapped[datetime | None] = mapped_column(
        comment="When all about this therapist was erased; nothing is fetched again"
    )

    @hybrid_property
    def phone(self) -> str | None:
        """The phone field that holds: the desk's own number, else the directory's."""
        return self.telefon_korrigiert or self.telefon

    @phone.inplace.expression
    @classmethod
    def _phone(cls) -> ColumnElement[str | None]:
        return func.coalesce(cls.telefon_korrigiert, cls.telefon)

    @property
    def display_name(self) -> str:
        """The name as staff say it, title, first and last name; the number where there is none."""
        return name_or_number(self.id, self.titel, self.vorname, self.nachname)

    @property
    def availability(self) -> Availability:
        """The phone hours as far as they can be read, the practice's state, and until when they are away."""
        return parse_json(json.dumps(self.telefonische_erreichbarkeit), self.plz, self.wieder_da_am)


NOT_TO_BE_CALLED = frozenset({"gesperrt", "inaktiv"})


def may_be_called(therapist: Therapist) -> bool:
    """Say whether calls may be placed without a person deciding it."""
    return not therapist.nicht_anrufen and therapist.status not in NOT_TO_BE_CALLED


def short_name(vorname: str | None, nachname: str | None) -> str | None:
    """Return a therapist's name where space is short, surname first: `Roth, K.`; None without a surname."""
    if not nachname:
        return vorname or None
    return f"{nachname}, {vorname[0]}." if vorname else nachname


def name_or_number(therapist_id: int, titel: str | None, vorname: str, nachname: str) -> str:
    """Return a therapist's name as staff say it; the number where there is none."""
    return display_name(titel, vorname, nachname) or f"#{therapist_id}"


def display_name(titel: str | None, vorname: str | None, nachname: str | None) -> str | None:
    """Return a therapist's name as staff say it; None when the directory's copy lacks them."""
    return " ".join(part for part in (titel, vorname, nachname) if part) or None
