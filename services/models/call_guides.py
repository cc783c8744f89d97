"""What callers are to say, where an administrator has put it in other words than those shipped."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from services.models.base import Base, one_of
from services.models.call_kinds import CallReason
from services.models.staff import Staff


class CallGuide(Base):
    """The desk's own guide to the calls of one reason; without a row the one shipped holds."""

    __tablename__ = "gespraechsleitfaden"
    __table_args__ = (
        one_of("grund", CallReason),
        CheckConstraint("char_length(vorlage) BETWEEN 1 AND 4000", name="vorlage"),
    )

    grund: Mapped[str] = mapped_column(String(20), primary_key=True)
    vorlage: Mapped[str] = mapped_column(Text, comment="A Jinja2 template in German")
    updated_at: Mapped[datetime]
    geaendert_von: Mapped[int | None] = mapped_column(ForeignKey(Staff.id))
    version: Mapped[int] = mapped_column(default=1, server_default=text("1"))
