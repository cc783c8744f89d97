"""Keys of other services: what they may, until when, and how much of it in a minute."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, String, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from services.models.base import Base, CreatedAt

MOST_PER_MINUTE = 1_000_000
"""The largest limit; more than a server answers."""


class KeyScope(StrEnum):
    """What a key may; each stands for itself.

    `emails` and `calls` read and change what they name, `read` reads all of the JSON API and changes nothing,
    `metrics` is for monitoring.
    """

    EMAILS = "emails"
    CALLS = "calls"
    READ = "read"
    METRICS = "metrics"


def _known_scopes() -> str:
    known = ", ".join(f"'{scope}'" for scope in KeyScope)
    return f"cardinality(scopes) > 0 AND scopes <@ ARRAY[{known}]::text[]"


class ApiKey(Base):
    """A key of another service; only its SHA-256 is kept."""

    __tablename__ = "api_keys"
    __table_args__ = (
        CheckConstraint(_known_scopes(), name="scopes"),
        CheckConstraint("expires_at > created_at", name="expires_at"),
        CheckConstraint(f"requests_per_minute BETWEEN 0 AND {MOST_PER_MINUTE}", name="requests_per_minute"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    key_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    prefix: Mapped[str] = mapped_column(String(12))
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    requests_per_minute: Mapped[int | None]
    """Instead of API_RATE_LIMIT_PER_MINUTE; 0 is no limit."""
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    """To the minute."""
    revoked_at: Mapped[datetime | None]


class ApiKeyMinute(Base):
    """How many of a minute's requests web processes have taken for a key, to be spent by each of them.

    Unlogged: a crash of the database empties it, and the running minute counts anew.
    """

    __tablename__ = "api_key_minutes"
    __table_args__ = (
        CheckConstraint("taken > 0", name="taken"),
        {"prefixes": ["UNLOGGED"]},
    )

    minute: Mapped[datetime] = mapped_column(primary_key=True)
    api_key_id: Mapped[int] = mapped_column(ForeignKey(ApiKey.id, ondelete="CASCADE"), primary_key=True)
    taken: Mapped[int]
