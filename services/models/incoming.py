"""What comes in, by the mailbox or by hand; how far the mailbox is read; addresses nobody writes to."""

from datetime import date, datetime
from enum import StrEnum
from hashlib import sha256

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    func,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.models.base import Base, CreatedAt, one_of
from services.models.emails import Email
from services.models.staff import Staff


class IncomingKind(StrEnum):
    """What a message is (`art`), and so what follows from it."""

    REPLY = "reply"
    OUT_OF_OFFICE = "out_of_office"
    RECEIPT = "receipt"
    """A confirmation of receipt, a ticket opened, a read receipt: nothing follows."""
    HARD_BOUNCE = "hard_bounce"
    SOFT_BOUNCE = "soft_bounce"
    """Delayed: the mail system still tries."""
    CHALLENGE = "challenge"
    SPAM_VERDICT = "spam_verdict"
    NEWSLETTER = "newsletter"
    LOOP = "loop"
    """Our own mail come back."""
    UNCLEAR = "unclear"
    """A person has to look."""
    UNREADABLE = "unlesbar"
    """It could not be taken apart."""


class IncomingState(StrEnum):
    """Where a message stands (`zustand`)."""

    DONE = "erledigt"
    SUGGESTED = "vorschlag"
    """It may belong to an e-mail; a person says so."""
    OPEN = "offen"
    """A person has to say what it is or belongs to."""
    ASIDE = "beiseite"
    """Nobody has to look at it."""


class StopReason(StrEnum):
    """Why nobody is written to at an address (`grund`)."""

    DEAD = "unzustellbar"
    UNWANTED = "unerwuenscht"


class Incoming(Base):
    """One message of the mailbox, or what staff recorded by hand (`postfach` is none).

    `email_id` is the e-mail it belongs to, surely or because a person said so; `vorschlag` what it may belong
    to; `wirkung` what followed from it, so that it can be undone.
    """

    __tablename__ = "eingang"
    __table_args__ = (
        UniqueConstraint("postfach", "uidvalidity", "uid"),
        CheckConstraint("num_nonnulls(postfach, uidvalidity, uid, inhalt_hash) IN (0, 4)", name="postfach"),
        one_of("art", IncomingKind),
        one_of("zustand", IncomingState),
        Index(
            "ix_eingang_open",
            "empfangen_at",
            "id",
            postgresql_where=sql("zustand IN ('vorschlag', 'offen')"),
        ),
        Index("ix_eingang_state", "zustand", sql("id DESC")),
        Index("ix_eingang_email", "email_id", "empfangen_at"),
        Index("ix_eingang_therapist", "therapist_id", sql("empfangen_at DESC")),
        Index("ix_eingang_message_id", "message_id"),
        Index("ix_eingang_kept", "empfangen_at", "id", postgresql_where=sql("geloescht_at IS NULL")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    postfach: Mapped[str | None] = mapped_column(String(512), comment="Host and folder")
    uidvalidity: Mapped[int | None] = mapped_column(BigInteger)
    uid: Mapped[int | None] = mapped_column(BigInteger)
    message_id: Mapped[str | None] = mapped_column(String(1000))
    inhalt_hash: Mapped[bytes | None] = mapped_column(
        LargeBinary(32), unique=True, comment="SHA-256 of the message as it came"
    )
    empfangen_at: Mapped[datetime]
    absender: Mapped[str] = mapped_column(Text, server_default="")
    absender_name: Mapped[str] = mapped_column(Text, server_default="")
    betreff: Mapped[str] = mapped_column(Text, server_default="")
    text: Mapped[str] = mapped_column(Text, server_default="", comment="All it says, quotations included")
    worte: Mapped[str] = mapped_column(Text, server_default="", comment="Its author's own words")
    anhaenge: Mapped[list[dict[str, object]]] = mapped_column(
        JSONB, server_default=sql("'[]'::jsonb"), comment="Name and size of what came with it"
    )
    art: Mapped[str] = mapped_column(String(20))
    zustand: Mapped[str] = mapped_column(String(20))
    email_id: Mapped[int | None] = mapped_column(ForeignKey(Email.id))
    therapist_id: Mapped[int | None]
    vorschlag: Mapped[dict[str, object] | None] = mapped_column(JSONB(none_as_null=True))
    wieder_da_am: Mapped[date | None]
    serverworte: Mapped[str | None] = mapped_column(Text)
    adresse_tot: Mapped[str | None] = mapped_column(
        Text, comment="The address a bounce says nobody is behind"
    )
    wirkung: Mapped[dict[str, object] | None] = mapped_column(JSONB(none_as_null=True))
    erfasst_von: Mapped[int | None] = mapped_column(ForeignKey(Staff.id), comment="Who recorded it by hand")
    version: Mapped[int] = mapped_column(default=1, server_default=sql("1"))
    created_at: Mapped[CreatedAt]
    geloescht_at: Mapped[datetime | None] = mapped_column(
        comment="When texts, names and addresses were blanked, and the Message-ID hashed"
    )

    @property
    def has_answered(self) -> bool:
        """Whether it is the answer to its e-mail; of a blanked reply nothing else is known."""
        return self.art == IncomingKind.REPLY and bool(self.wirkung or self.geloescht_at)


HASHED_ID = "sha256:" + func.encode(func.sha256(func.convert_to(Incoming.message_id, "UTF8")), "hex")
"""What a blanked message's Message-ID becomes: it names the sender's host, and has to be known again."""


def hashed_id(message_id: str) -> str:
    """Return a Message-ID as a blanked message has it."""
    return f"sha256:{sha256(message_id.encode()).hexdigest()}"


class MailboxCursor(Base):
    """How far a mailbox is read: under `uidvalidity`, all up to `uid` is stored."""

    __tablename__ = "postfach_stand"

    postfach: Mapped[str] = mapped_column(String(512), primary_key=True)
    uidvalidity: Mapped[int] = mapped_column(BigInteger)
    uid: Mapped[int] = mapped_column(BigInteger, default=0, server_default=sql("0"))
    seit: Mapped[date] = mapped_column(comment="Nothing that came before this day is read")
    zuletzt_at: Mapped[datetime | None] = mapped_column(comment="When the mailbox was last reached")
    fehler: Mapped[str | None] = mapped_column(Text, comment="Why it can't be read, while it can't")


class StopEntry(Base):
    """An address nobody writes to, until a person releases it."""

    __tablename__ = "sperrliste"
    __table_args__ = (
        CheckConstraint("adresse = lower(adresse)", name="adresse"),
        one_of("grund", StopReason),
        Index("uq_sperrliste_adresse", "adresse", unique=True, postgresql_where=sql("aufgehoben_at IS NULL")),
        Index(
            "ix_sperrliste_seit",
            sql("seit DESC"),
            sql("id DESC"),
            postgresql_where=sql("aufgehoben_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    adresse: Mapped[str] = mapped_column(String(320))
    grund: Mapped[str] = mapped_column(String(20))
    seit: Mapped[datetime]
    email_id: Mapped[int | None] = mapped_column(ForeignKey(Email.id))
    eingang_id: Mapped[int | None] = mapped_column(ForeignKey(Incoming.id))
    gesperrt_von: Mapped[int | None] = mapped_column(ForeignKey(Staff.id))
    aufgehoben_at: Mapped[datetime | None]
    aufgehoben_von: Mapped[int | None] = mapped_column(ForeignKey(Staff.id))
