"""What sending keeps: attempts, whether the queue stands still, and domains to go easy on."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from services.models.base import Base, one_of
from services.models.email_kinds import AttemptOutcome, AttemptStage, Ending
from services.models.emails import Email
from services.models.staff import Staff


class EmailVersuch(Base):
    """One attempt to deliver an e-mail."""

    __tablename__ = "email_versuche"
    __table_args__ = (
        UniqueConstraint("email_id", "nummer"),
        one_of("stufe", AttemptStage),
        one_of("ergebnis", AttemptOutcome),
        one_of("ende", Ending),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    email_id: Mapped[int] = mapped_column(ForeignKey(Email.id, ondelete="CASCADE"))
    nummer: Mapped[int]
    begonnen_at: Mapped[datetime]
    beendet_at: Mapped[datetime]
    stufe: Mapped[str] = mapped_column(String(20))
    smtp_code: Mapped[int | None]
    smtp_text: Mapped[str | None] = mapped_column(Text)
    ergebnis: Mapped[str] = mapped_column(String(20))
    ende: Mapped[str | None] = mapped_column(String(20), comment="NULL: from before this was noted")


class MailQueueState(Base):
    """The queue's one row: whether sending is paused or held, for all workers alike.

    A *pause* is the senders' own, while the mail server can't be used; an operator *holds* the queue.
    """

    __tablename__ = "mail_queue_state"
    __table_args__ = (
        CheckConstraint("id = 1", name="one_row"),
        CheckConstraint("held_at IS NOT NULL OR (held_by IS NULL AND hold_reason IS NULL)", name="hold"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    paused_until: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    reason: Mapped[str | None] = mapped_column(Text)
    refused_id: Mapped[int | None] = mapped_column(
        ForeignKey(Email.id, ondelete="SET NULL"),
        comment="The e-mail the server refused last, for neither its mailbox nor its size",
    )
    refused_at: Mapped[datetime | None]
    refused_all: Mapped[bool] = mapped_column(
        default=False,
        server_default=text("false"),
        comment="Whether such refusals have met several recipients since the last e-mail accepted",
    )
    held_at: Mapped[datetime | None]
    held_by: Mapped[int | None] = mapped_column(
        ForeignKey(Staff.id), comment="None where it was held on the command line"
    )
    hold_reason: Mapped[str | None] = mapped_column(String(200))


class MailDomain(Base):
    """A recipient domain whose server asked us to slow down."""

    __tablename__ = "mail_domains"

    domain: Mapped[str] = mapped_column(String(255), primary_key=True)
    slow_until: Mapped[datetime]
    failures: Mapped[int] = mapped_column(default=1, server_default=text("1"))
