"""What is known of everybody's picking up, learnt now and then from the calls made."""

from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.models.base import Base


class CallPattern(Base):
    """The one row with everybody's pattern (`services.reach.patterns`)."""

    __tablename__ = "call_pattern"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    learnt_at: Mapped[datetime]
    pattern: Mapped[dict[str, object]]
