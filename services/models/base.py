"""The declarative base: one schema, stable constraint names, every instant a TIMESTAMPTZ."""

from datetime import datetime
from typing import Annotated

from sqlalchemy import CheckConstraint, DateTime, Dialect, MetaData, String, TypeDecorator, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

SCHEMA = "communication_service"

LARGEST_ID = 2**31 - 1
"""The largest value of an INTEGER, so of any id."""

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Instant(TypeDecorator[datetime]):
    """A TIMESTAMPTZ: comes back in UTC, and takes no datetime without a time zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Let an instant pass.

        Raises:
            TypeError: it is a wall clock's time, an instant nobody knows.
        """
        if value is not None and value.tzinfo is None:
            raise TypeError("a time zone is needed")
        return value


CreatedAt = Annotated[datetime, mapped_column(server_default=func.now())]


class Base(DeclarativeBase):
    """Base of all tables."""

    metadata = MetaData(schema=SCHEMA, naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012
        datetime: Instant(),
        dict[str, object]: JSONB,
    }
    __mapper_args__ = {"eager_defaults": True}  # noqa: RUF012


class FromRequest:
    """Columns of what a request may have made; `services.origins` says what they hold."""

    anfrage_id: Mapped[str | None] = mapped_column(String(64))
    traceparent: Mapped[str | None] = mapped_column(String(55))


def from_request_checks() -> tuple[CheckConstraint, CheckConstraint]:
    """Return the checks of `FromRequest`: no address and no sentence has room in what a caller may choose."""
    return (
        CheckConstraint("anfrage_id ~ '^[A-Za-z0-9][A-Za-z0-9._:/+=-]{0,63}$'", name="anfrage_id"),
        CheckConstraint("traceparent ~ '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$'", name="traceparent"),
    )


def is_possible_id(value: int) -> bool:
    """Whether a record can have this id."""
    return 0 < value <= LARGEST_ID


def one_of(column: str, values: type) -> CheckConstraint:
    """Return a check that `column` holds a value of the string enum `values`."""
    allowed = ", ".join(f"'{value}'" for value in values)  # pyright: ignore[reportGeneralTypeIssues, reportUnknownVariableType]
    return CheckConstraint(f"{column} IN ({allowed})", name=column)
