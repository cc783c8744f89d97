"""E-mails."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    Enum,
    Index,
    String,
    Text,
    and_,
    func,
    literal_column,
    or_,
    text,
)
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.ext.hybrid import hybrid_method, hybrid_property
from sqlalchemy.orm import Mapped, mapped_column

from services.models.base import SCHEMA, Base, CreatedAt, FromRequest, from_request_checks, one_of
from services.models.email_kinds import EmailStatus, FollowUpObstacle, ReplyKind, Unsent


def planned_for(status: EmailStatus, send_at: datetime | None, now: datetime) -> datetime | None:
    """Return when an e-mail is to be sent, while it waits for that; None otherwise."""
    waits = status is EmailStatus.QUEUED and send_at is not None and send_at > now
    return send_at if waits else None


SEARCHED_SQL = f"{SCHEMA}.suchwoerter(betreff, empfaenger_name, empfaenger_email)"
SEARCHED: ColumnElement[str] = literal_column(SEARCHED_SQL, TSVECTOR)
"""The words of subject, recipient's name and address that a search finds (`services.search`)."""


KEPT_SQL = (
    "geloescht_at IS NULL OR antwortinhalt IS NOT NULL OR nachverfolgung_notizen IS NOT NULL "
    "OR fehlermeldung IS NOT NULL"
)
"""Of an e-mail: that there is something to blank; an answer may come after its texts have gone."""


class Email(FromRequest, Base):
    """One message to one therapist.

    *Unclear* is `SENDING` without a lease and with `uebergabe_begonnen_at` set: it may have been delivered.
    A person decides what happens next, unless the sender whose token is still there brings the answer first.
    """

    __tablename__ = "emails"
    __table_args__ = (
        CheckConstraint("therapist_id > 0", name="therapist_id"),
        CheckConstraint("length(betreff) > 0 OR geloescht_at IS NOT NULL", name="betreff"),
        CheckConstraint("geloescht_at IS NULL OR status IN ('DRAFT', 'SENT', 'FAILED')", name="geloescht_at"),
        CheckConstraint("anspruch_bis IS NULL OR anspruch IS NOT NULL", name="anspruch"),
        CheckConstraint("anspruch IS NULL OR status = 'SENDING'", name="anspruch_status"),
        CheckConstraint("status <> 'SENT' OR sent_at IS NOT NULL", name="sent_at"),
        CheckConstraint("NOT antwort_erhalten OR antwortdatum IS NOT NULL", name="antwortdatum"),
        CheckConstraint(
            "naechster_versuch_at IS NULL OR status NOT IN ('SENT', 'FAILED')", name="naechster_versuch_at"
        ),
        CheckConstraint("length(extern_id) > 0", name="extern_id"),
        CheckConstraint("expires_at > send_at", name="expires_at"),
        *from_request_checks(),
        one_of("antwort_art", ReplyKind),
        one_of("nachverfolgung_hindernis", FollowUpObstacle),
        Index("ix_emails_claim", "naechster_versuch_at", "id", postgresql_where=text("status = 'QUEUED'")),
        Index(
            "ix_emails_unanswered",
            "sent_at",
            "id",
            postgresql_where=text("status = 'SENT' AND NOT antwort_erhalten AND NOT nachgefasst"),
        ),
        Index("ix_emails_therapist", "therapist_id", text("id DESC")),
        Index(
            "ix_emails_waiting",
            "therapist_id",
            "id",
            postgresql_include=["antwort_art"],
            postgresql_where=text("status = 'SENT' AND NOT antwort_erhalten"),
        ),
        Index("ix_emails_status", "status", text("id DESC")),
        Index(
            "ix_emails_failed",
            text("id DESC"),
            postgresql_where=text("status = 'FAILED' AND NOT antwort_erhalten"),
        ),
        Index("ix_emails_answered", text("id DESC"), postgresql_where=text("antwort_erhalten")),
        Index("ix_emails_created_at", "created_at"),
        Index(
            "ix_emails_sent_at",
            "sent_at",
            postgresql_include=["status", "antwort_erhalten", "antwort_art"],
        ),
        Index(
            "ix_emails_list",
            "id",
            "therapist_id",
            "status",
            "antwort_erhalten",
            "nachverfolgung_erforderlich",
            "created_at",
            "sent_at",
        ),
        Index("ix_emails_search", text(SEARCHED_SQL), postgresql_using="gin"),
        Index(
            "ix_emails_follow_up_wanted",
            text("id DESC"),
            postgresql_where=text("nachverfolgung_erforderlich"),
        ),
        Index("ix_emails_aktenzeichen", "aktenzeichen", postgresql_where=text("aktenzeichen IS NOT NULL")),
        Index("ix_emails_extern_id", "extern_id", "id", postgresql_where=text("extern_id IS NOT NULL")),
        Index(
            "ix_emails_expires",
            "expires_at",
            postgresql_where=text("status = 'QUEUED' AND expires_at IS NOT NULL"),
        ),
        Index("ix_emails_kept", "created_at", "id", postgresql_where=text(KEPT_SQL)),
        # Room on the page, and no index over the lease or the stage: "DATA begins" then rewrites no index.
        {"postgresql_with": {"fillfactor": 70}},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    therapist_id: Mapped[int]
    betreff: Mapped[str] = mapped_column(String(255))
    body_html: Mapped[str] = mapped_column(Text)
    body_text: Mapped[str] = mapped_column(Text)
    empfaenger_email: Mapped[str] = mapped_column(String(255))
    empfaenger_name: Mapped[str] = mapped_column(String(255))
    absender_email: Mapped[str] = mapped_column(String(255))
    absender_name: Mapped[str] = mapped_column(String(255))
    antwort_erhalten: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    antwortdatum: Mapped[datetime | None]
    antwortinhalt: Mapped[str | None] = mapped_column(Text)
    nachverfolgung_erforderlich: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    nachverfolgung_notizen: Mapped[str | None] = mapped_column(Text)
    status: Mapped[EmailStatus] = mapped_column(
        Enum(EmailStatus, name="emailstatus", schema=SCHEMA),
        default=EmailStatus.DRAFT,
        server_default=EmailStatus.DRAFT.value,
    )
    queued_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    fehlermeldung: Mapped[str | None] = mapped_column(Text)
    wiederholungsanzahl: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())

    message_id: Mapped[str] = mapped_column(String(320), unique=True)
    naechster_versuch_at: Mapped[datetime | None]
    anspruch: Mapped[UUID | None]
    anspruch_bis: Mapped[datetime | None]
    uebergabe_begonnen_at: Mapped[datetime | None]
    antwort_art: Mapped[str | None] = mapped_column(String(20))
    nachgefasst: Mapped[bool] = mapped_column(
        default=False,
        server_default=text("false"),
        comment="Its automatic call has been made; there is no second one",
    )
    nachverfolgung_ab: Mapped[datetime | None] = mapped_column(
        comment="Earliest follow-up call, where an out-of-office note moved it"
    )
    aktenzeichen: Mapped[str | None] = mapped_column(
        String(100), comment="The reference its template showed, to know a reply by"
    )
    version: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    nachverfolgung_hindernis: Mapped[str | None] = mapped_column(
        String(20), comment="Why the last look made no automatic call"
    )
    geloescht_at: Mapped[datetime | None] = mapped_column(
        comment="When texts, names and addresses were blanked"
    )

    antwort_an: Mapped[str | None] = mapped_column(
        String(255), comment="Where answers go instead of where REPLY_TO_ADDRESS says"
    )
    extern_id: Mapped[str | None] = mapped_column(
        String(100), comment="The caller's reference; personal data has no place in it"
    )
    send_at: Mapped[datetime | None] = mapped_column(comment="Not sent before")
    expires_at: Mapped[datetime | None] = mapped_column(comment="Not sent from then on")

    @hybrid_property
    def zustellung_unklar(self) -> bool:
        """Whether the message may have been delivered without the server's answer reaching us."""
        return (
            self.status is EmailStatus.SENDING
            and self.anspruch_bis is None
            and self.uebergabe_begonnen_at is not None
        )

    @zustellung_unklar.inplace.expression
    @classmethod
    def _unclear(cls) -> ColumnElement[bool]:
        return and_(
            cls.status == EmailStatus.SENDING,
            cls.anspruch_bis.is_(None),
            cls.uebergabe_begonnen_at.is_not(None),
        )

    @property
    def undelivered(self) -> bool:
        """Whether it did not arrive: sending it failed, or its undeliverability was reported."""
        return self.status is EmailStatus.FAILED or self.antwort_art == ReplyKind.UNDELIVERABLE

    @property
    def unsent_because(self) -> Unsent | None:
        """Why it left the queue though no mail server has refused it; None where it did not."""
        failed = self.status is EmailStatus.FAILED
        return next((why for why in Unsent if failed and why == self.fehlermeldung), None)

    def planned_for(self, now: datetime) -> datetime | None:
        """Return when it is to be sent, while it waits for that; None otherwise."""
        return planned_for(self.status, self.send_at, now)

    @hybrid_property
    def awaits_follow_up(self) -> bool:
        """Whether it was sent, has not come back, and is neither answered, followed up nor blanked."""
        pending = self.status is EmailStatus.SENT and not self.antwort_erhalten and not self.nachgefasst
        return pending and self.antwort_art != ReplyKind.UNDELIVERABLE and self.geloescht_at is None

    @awaits_follow_up.inplace.expression
    @classmethod
    def _awaits_follow_up(cls) -> ColumnElement[bool]:
        return and_(
            cls.status == EmailStatus.SENT,
            ~cls.antwort_erhalten,
            or_(cls.antwort_art.is_(None), cls.antwort_art != ReplyKind.UNDELIVERABLE),
            ~cls.nachgefasst,
            cls.geloescht_at.is_(None),
        )

    def follow_up_at(self, after: timedelta) -> datetime | None:
        """Return from when on it is to be followed up, usually `after` it was sent; None if never."""
        if not self.awaits_follow_up or self.sent_at is None:
            return None
        due = self.sent_at + after
        return max(due, self.nachverfolgung_ab) if self.nachverfolgung_ab else due

    @hybrid_method
    def follow_up_due(self, now: datetime, after: timedelta) -> bool:
        """Whether `follow_up_at` has come."""
        at = self.follow_up_at(after)
        return at is not None and at <= now

    @follow_up_due.inplace.expression
    @classmethod
    def _follow_up_due(cls, now: datetime, after: timedelta) -> ColumnElement[bool]:
        return and_(
            cls.awaits_follow_up,
            cls.sent_at <= now - after,
            or_(cls.nachverfolgung_ab.is_(None), cls.nachverfolgung_ab <= now),
        )
