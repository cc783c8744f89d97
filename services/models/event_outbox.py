"""Events waiting for Kafka, and keys that make a POST safe to repeat."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.models.base import Base, CreatedAt, FromRequest, from_request_checks


class OutboxEvent(FromRequest, Base):
    """An event, written in the transaction of the change it reports; `id` is the order within a key."""

    __tablename__ = "event_outbox"
    __table_args__ = (
        Index(
            "ix_event_outbox_waiting",
            "id",
            postgresql_where=text("published_at IS NULL AND set_aside_at IS NULL"),
        ),
        Index(
            "ix_event_outbox_waiting_key",
            "key",
            "id",
            postgresql_where=text("published_at IS NULL AND set_aside_at IS NULL"),
        ),
        Index(
            "ix_event_outbox_published_at", "published_at", postgresql_where=text("published_at IS NOT NULL")
        ),
        Index("ix_event_outbox_set_aside", "id", postgresql_where=text("set_aside_at IS NOT NULL")),
        *from_request_checks(),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    event_id: Mapped[UUID] = mapped_column(unique=True)
    event_type: Mapped[str] = mapped_column(String(100))
    topic: Mapped[str] = mapped_column(String(100))
    key: Mapped[str] = mapped_column(String(100))
    payload: Mapped[dict[str, object]] = mapped_column(JSONB)
    created_at: Mapped[CreatedAt]
    available_at: Mapped[datetime]
    published_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    last_error: Mapped[str | None] = mapped_column(Text)
    set_aside_at: Mapped[datetime | None]


class IdempotencyKey(Base):
    """What a caller's `Idempotency-Key` made; kept for 90 days."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (
        UniqueConstraint("scope", "key"),
        Index("ix_idempotency_keys_created_at", "created_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    scope: Mapped[str] = mapped_column(String(20))
    key: Mapped[str] = mapped_column(String(255))
    request_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    resource_id: Mapped[int]
    created_at: Mapped[CreatedAt]
