"""Phone calls. That calls can't overlap is the database's promise, by two exclusion constraints."""

from collections.abc import Sequence
from datetime import date, datetime, time

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Text,
    case,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, ExcludeConstraint
from sqlalchemy.orm import Mapped, column_property, mapped_column

from services.models.base import Base, CreatedAt, FromRequest, from_request_checks, one_of
from services.models.call_emails import CallEmail
from services.models.call_kinds import (
    MOST_PLACES,
    OFFER,
    Audience,
    CallBackBy,
    CallReason,
    CallStatus,
    CancelReason,
    NoRetry,
    OutcomeKind,
)
from services.models.calls_made import HOUR_MADE_SQL, MADE_SQL, TELLS_SQL
from services.models.emails import Email
from services.models.staff import Staff

KEPT_SQL = (
    "status <> 'scheduled' AND (ergebnis IS NOT NULL OR notizen IS NOT NULL OR rueckgaengig IS NOT NULL)"
)
"""Of a call: that it is over and there is something to blank."""

_AUDIENCES = ", ".join(f"'{value}'" for value in Audience)

OCCUPIED = "zeitfenster(geplantes_datum, geplante_zeit, dauer_minuten)"


def _no_overlap(column: str, *, by_time: bool = False) -> ExcludeConstraint:
    """Return the constraint; `by_time` has its index find what is booked in a stretch of time as well."""
    whose = (text(f"int4range({column}, {column}, '[]')"), "&&")
    when = (text(f"communication_service.{OCCUPIED}"), "&&")
    return ExcludeConstraint(
        *((when, whose) if by_time else (whose, when)),
        name=f"ex_phone_calls_{column}",
        using="gist",
        where=text("status = 'scheduled'"),
    )


class PhoneCall(FromRequest, Base):
    """One phone call to a therapist. Date and times are the practice's wall clock, without a zone."""

    __tablename__ = "phone_calls"
    __table_args__ = (
        CheckConstraint("therapist_id > 0", name="therapist_id"),
        CheckConstraint("dauer_minuten BETWEEN 1 AND 240", name="dauer_minuten"),
        CheckConstraint("versuch >= 1", name="versuch"),
        CheckConstraint("leitung >= 1", name="leitung"),
        CheckConstraint("(bearbeitet_von IS NULL) = (bearbeitet_bis IS NULL)", name="bearbeitet"),
        CheckConstraint(f"plaetze BETWEEN 0 AND {MOST_PLACES}", name="plaetze"),
        CheckConstraint(
            f"plaetze_fuer <@ ARRAY[{_AUDIENCES}]::text[] AND cardinality(plaetze_fuer) > 0",
            name="plaetze_fuer",
        ),
        CheckConstraint(
            f"num_nonnulls({', '.join(OFFER)}) = 0 OR ergebnis_art IS NOT DISTINCT FROM 'erreicht'",
            name="angebot",
        ),
        CheckConstraint("length(extern_id) > 0", name="extern_id"),
        *from_request_checks(),
        CheckConstraint("rueckruf_durch IS NULL OR grund = 'rueckruf'", name="vereinbart"),
        one_of("rueckruf_durch", CallBackBy),
        one_of("status", CallStatus),
        one_of("grund", CallReason),
        one_of("ergebnis_art", OutcomeKind),
        one_of("absage_grund", CancelReason),
        one_of("klaerung_grund", NoRetry),
        _no_overlap("therapist_id"),
        _no_overlap("leitung", by_time=True),
        Index(
            "uq_phone_calls_open_follow_up",
            "therapist_id",
            unique=True,
            postgresql_where=text("grund = 'keine_antwort' AND status = 'scheduled' AND NOT doppelt"),
        ),
        Index("ix_phone_calls_day", "geplantes_datum", "geplante_zeit", "id"),
        Index("ix_phone_calls_therapist", "therapist_id", text("id DESC")),
        Index("ix_phone_calls_email", "email_id"),
        Index("ix_phone_calls_status", "status", "id"),
        Index(
            "ix_phone_calls_due",
            "geplantes_datum",
            "geplante_zeit",
            postgresql_where=text("status = 'scheduled'"),
        ),
        Index(
            "ix_phone_calls_claimed", "bearbeitet_von", postgresql_where=text("bearbeitet_von IS NOT NULL")
        ),
        Index("ix_phone_calls_done", "abgeschlossen_at", postgresql_where=text("status <> 'scheduled'")),
        Index(
            "ix_phone_calls_made_at",
            "tatsaechliches_datum",
            text(f"({HOUR_MADE_SQL})"),
            "ergebnis_art",
            postgresql_include=["tatsaechliche_zeit"],
            postgresql_where=text("tatsaechliches_datum IS NOT NULL"),
        ),
        Index(
            "ix_phone_calls_agreed_by",
            "vereinbart_von",
            "geplantes_datum",
            postgresql_where=text("status = 'scheduled' AND vereinbart_von IS NOT NULL"),
        ),
        Index(
            "ix_phone_calls_told_by",
            "therapist_id",
            text(f"({MADE_SQL})"),
            postgresql_include=["tatsaechliches_datum", "tatsaechliche_zeit", "ergebnis_art"],
            postgresql_where=text(TELLS_SQL),
        ),
        Index("ix_phone_calls_needs_person", "id", postgresql_where=text("klaerung_noetig")),
        Index("ix_phone_calls_kept", "created_at", "id", postgresql_where=text(KEPT_SQL)),
        Index("ix_phone_calls_extern_id", "extern_id", "id", postgresql_where=text("extern_id IS NOT NULL")),
        Index(
            "ix_phone_calls_together",
            "gemeinsam_mit_id",
            postgresql_where=text("gemeinsam_mit_id IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    therapist_id: Mapped[int]
    geplantes_datum: Mapped[date]
    geplante_zeit: Mapped[time]
    dauer_minuten: Mapped[int] = mapped_column(default=5, server_default=text("5"))
    tatsaechliches_datum: Mapped[date | None]
    tatsaechliche_zeit: Mapped[time | None]
    status: Mapped[str] = mapped_column(
        String(50), default=CallStatus.SCHEDULED, server_default=CallStatus.SCHEDULED.value
    )
    ergebnis: Mapped[str | None] = mapped_column(Text)
    notizen: Mapped[str | None] = mapped_column(Text)
    wiederholen_nach: Mapped[date | None]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())

    email_id: Mapped[int | None] = mapped_column(ForeignKey(Email.id))
    grund: Mapped[str] = mapped_column(
        String(20), default=CallReason.MANUAL, server_default=CallReason.MANUAL.value
    )
    ergebnis_art: Mapped[str | None] = mapped_column(String(20))
    versuch: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    vorheriger_anruf_id: Mapped[int | None] = mapped_column(
        ForeignKey("communication_service.phone_calls.id"), unique=True
    )
    leitung: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    ausserhalb_erreichbarkeit: Mapped[bool] = mapped_column(
        default=False, server_default=text("false"), comment="Agreed by a person outside the phone hours"
    )
    klaerung_noetig: Mapped[bool] = mapped_column(
        default=False,
        server_default=text("false"),
        comment="No attempts or no number left: a person decides",
    )
    klaerung_grund: Mapped[str | None] = mapped_column(
        String(20), comment="Why a person had to decide; stays when they have"
    )
    bearbeitet_von: Mapped[int | None] = mapped_column(ForeignKey(Staff.id))
    bearbeitet_bis: Mapped[datetime | None]
    abgeschlossen_at: Mapped[datetime | None]
    rueckgaengig_bis: Mapped[datetime | None]
    rueckgaengig: Mapped[dict[str, object] | None] = mapped_column(
        JSONB, comment="What the last outcome changed, while it can be undone"
    )
    version: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    absage_grund: Mapped[str | None] = mapped_column(
        String(20), comment="Why it was cancelled where nobody did that"
    )
    doppelt: Mapped[bool] = mapped_column(
        default=False,
        server_default=text("false"),
        comment="Open beside another follow-up call, from before a therapist had one at most",
    )
    gemeinsam_mit_id: Mapped[int | None] = mapped_column(
        ForeignKey("communication_service.phone_calls.id"),
        comment="The call with whose outcome this one was closed",
    )
    email_ids: Mapped[Sequence[int]] = column_property(
        func.array(
            select(CallEmail.email_id)
            .where(CallEmail.call_id == id)
            .order_by(CallEmail.email_id)
            .correlate_except(CallEmail)
            .scalar_subquery(),
            type_=ARRAY(Integer),
        ),
        deferred=True,
        raiseload=True,
    )
    """The e-mails it is about, in order; only where it was loaded."""

    plaetze: Mapped[int | None] = mapped_column(SmallInteger, comment="Places offered; 3 is three or more")
    plaetze_ab: Mapped[date | None] = mapped_column(comment="From when there are places")
    plaetze_fuer: Mapped[list[str] | None] = mapped_column(ARRAY(Text), comment="For whom there are")
    warteliste: Mapped[bool | None] = mapped_column(comment="Whether there is a waiting list")
    wieder_fragen_am: Mapped[date | None] = mapped_column(comment="Ask again on this day or after")
    rueckruf_durch: Mapped[str | None] = mapped_column(
        String(20), comment="Who rings at this time, where it was agreed"
    )
    vereinbart_von: Mapped[int | None] = mapped_column(ForeignKey(Staff.id), comment="Who agreed the time")
    korrigiert_at: Mapped[datetime | None] = mapped_column(comment="When the outcome was last corrected")

    extern_id: Mapped[str | None] = mapped_column(
        String(100), comment="The caller's reference; personal data has no place in it"
    )

    def stands_for_follow_up(self, automatisch: bool) -> bool:
        """Whether none follows by itself about an e-mail it is about; `automatisch` is that of their link.

        One a person planned and cancelled leaves room, and so do the attempts before an absence that took the
        e-mail out of the last.
        """
        if self.grund == CallReason.NO_REPLY:
            return automatisch or self.status == CallStatus.SCHEDULED
        return self.status != CallStatus.CANCELED


STANDS_FOR_FOLLOW_UP = case(
    (
        PhoneCall.grund == CallReason.NO_REPLY,
        CallEmail.automatisch | (PhoneCall.status == CallStatus.SCHEDULED),
    ),
    else_=PhoneCall.status != CallStatus.CANCELED,
)
"""`PhoneCall.stands_for_follow_up` of a linked e-mail, as a condition."""
