"""Who may work here: staff, their sessions, drafts and notes, and who did what."""

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.models.api_keys import ApiKey
from services.models.base import Base, CreatedAt


class Staff(Base):
    """Somebody who logs in at the desk."""

    __tablename__ = "staff"
    __table_args__ = (Index("uq_staff_name", text("lower(name)"), unique=True),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    password_hash: Mapped[str] = mapped_column(String(255))
    admin: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    aktiv: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
    sprache: Mapped[str | None] = mapped_column(String(5))
    tastenkuerzel: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
    anmeldeversuche: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """Tries to log in since the last that succeeded."""
    anmeldung_ab: Mapped[datetime | None]
    """No try counts before this instant."""
    anruf_filter: Mapped[dict[str, object] | None] = mapped_column(JSONB)
    """Which calls of Today they look at (`services.calls.queue_filter`); all without."""
    einmalpasswort_bis: Mapped[datetime | None]
    """Somebody else gave the password: it holds until then, and has to be changed before anything else."""
    totp_salz: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    """Of the second factor's secret, which is made of it and SECRET_KEY."""
    totp_seit: Mapped[datetime | None]
    """When the second factor was confirmed by a code; before, it is only being set up."""
    totp_schritt: Mapped[int | None] = mapped_column(BigInteger)
    """The time step of the last code that was taken."""
    created_at: Mapped[CreatedAt]

    @property
    def has_second_factor(self) -> bool:
        """Whether a login needs a code as well."""
        return self.totp_seit is not None


class StaffSession(Base):
    """A login; only the token's SHA-256 is kept."""

    __tablename__ = "sessions"
    __table_args__ = (Index("ix_sessions_expires_at", "expires_at"), Index("ix_sessions_staff", "staff_id"))

    id: Mapped[int] = mapped_column(Identity(), unique=True)
    """What its owner calls it by; opens nothing."""

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey(Staff.id, ondelete="CASCADE"))
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[datetime]
    zuletzt_at: Mapped[datetime] = mapped_column(server_default=func.now())
    """When somebody last did something with it, to the minute."""
    browser: Mapped[str] = mapped_column(String(60), server_default="")
    """What its owner knows it by, such as `Firefox, Windows`."""


class PendingLogin(Base):
    """A login whose password was right and whose code is still missing; it opens no page."""

    __tablename__ = "pending_logins"
    __table_args__ = (Index("ix_pending_logins_expires_at", "expires_at"),)

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey(Staff.id, ondelete="CASCADE"))
    expires_at: Mapped[datetime]


class RecoveryCode(Base):
    """A code for whoever has lost their second factor; gone once used."""

    __tablename__ = "recovery_codes"

    staff_id: Mapped[int] = mapped_column(ForeignKey(Staff.id, ondelete="CASCADE"), primary_key=True)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)


class LoginTries(Base):
    """Tries to log in from one source or one known browser, itself only hashed, since the last success."""

    __tablename__ = "login_tries"
    __table_args__ = (Index("ix_login_tries_letzter_at", "letzter_at"),)

    key_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    versuche: Mapped[int]
    letzter_at: Mapped[datetime]
    gesperrt_bis: Mapped[datetime | None]
    """No try counts before this instant."""


class Draft(Base):
    """Text somebody is typing, kept so that neither an expired session nor a crash loses it."""

    __tablename__ = "drafts"
    __table_args__ = (UniqueConstraint("staff_id", "gegenstand", "gegenstand_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey(Staff.id, ondelete="CASCADE"))
    gegenstand: Mapped[str] = mapped_column(String(20))
    gegenstand_id: Mapped[int]
    felder: Mapped[dict[str, object]] = mapped_column(JSONB)
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ShiftNote(Base):
    """What one shift tells the next; it is gone once taken down or out of date."""

    __tablename__ = "shift_notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey(Staff.id))
    text: Mapped[str] = mapped_column(Text)
    gilt_bis: Mapped[date]
    """The last day on which it is shown."""
    created_at: Mapped[CreatedAt]


KEPT_SQL = "staff_id IS NOT NULL OR details <> '{}'::jsonb"
"""Of an activity: that there is something to blank."""


class Activity(Base):
    """Who did what when; ids and kinds only, never message content."""

    __tablename__ = "activity"
    __table_args__ = (
        Index("ix_activity_object", "object_type", "object_id", text("id DESC")),
        Index("ix_activity_at", text("at DESC")),
        Index("ix_activity_staff", "staff_id", text("at DESC")),
        Index("ix_activity_action", "action", text("at DESC")),
        Index("ix_activity_object_type", "object_type", text("at DESC")),
        Index("ix_activity_kept", "at", "id", postgresql_where=text(KEPT_SQL)),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    staff_id: Mapped[int | None] = mapped_column(ForeignKey(Staff.id))
    actor: Mapped[str] = mapped_column(String(20), comment="staff, api or system")
    api_key_id: Mapped[int | None] = mapped_column(ForeignKey(ApiKey.id))
    action: Mapped[str] = mapped_column(String(50))
    object_type: Mapped[str] = mapped_column(String(20))
    object_id: Mapped[int]
    details: Mapped[dict[str, object]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
