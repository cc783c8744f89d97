"""Which e-mails a phone call is about."""

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from services.models.base import SCHEMA, Base
from services.models.emails import Email


class CallEmail(Base):
    """An e-mail a call is about; `phone_calls.email_id` is one of its call's, and NULL where there is none.

    The database adds the row for `phone_calls.email_id` by itself (a trigger), the others are added by code.
    An e-mail that is answered leaves an open call that is about others as well; what a closed call was about
    stays.
    """

    __tablename__ = "anruf_emails"
    __table_args__ = (
        Index(
            "uq_anruf_emails_automatic",
            "email_id",
            unique=True,
            postgresql_where=text("automatisch"),
        ),
        Index("ix_anruf_emails_email", "email_id"),
    )

    call_id: Mapped[int] = mapped_column(
        ForeignKey(f"{SCHEMA}.phone_calls.id", ondelete="CASCADE"), primary_key=True
    )
    email_id: Mapped[int] = mapped_column(ForeignKey(Email.id), primary_key=True)
    automatisch: Mapped[bool] = mapped_column(
        default=False,
        server_default=text("false"),
        comment="It is this call by which nobody's answer was followed up; a next attempt is no second one",
    )
