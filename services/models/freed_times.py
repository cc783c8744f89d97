"""When calls stopped holding their time."""

from datetime import datetime

from sqlalchemy import BigInteger, text
from sqlalchemy.dialects.postgresql import TSRANGE, Range
from sqlalchemy.orm import Mapped, mapped_column

from services.models.base import Base


class FreedTime(Base):
    """A stretch of time in which a line became free, and the transaction by which it did.

    The database writes the row whenever a scheduled call ends, moves, gets shorter or is deleted (triggers).
    Nobody waits for anybody by that. `services.scheduling.freed_times` reads and removes them.
    """

    __tablename__ = "frei_geworden"

    xid: Mapped[int] = mapped_column(
        BigInteger,
        primary_key=True,
        autoincrement=False,
        server_default=text("pg_current_xact_id()::text::bigint"),
        comment="The transaction that freed it: whether a snapshot knows of it",
    )
    zeit: Mapped[Range[datetime]] = mapped_column(TSRANGE, primary_key=True)
