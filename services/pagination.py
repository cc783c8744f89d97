"""Pages of lists: by number, or by the id after which to read on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, SQLColumnExpression

from services.models import Email, PhoneCall

Row = TypeVar("Row")
Cells = TypeVar("Cells")
Listed = TypeVar("Listed", Email, PhoneCall)

DEFAULT_LIMIT = 20
LARGEST_LIMIT = 100


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page is wanted. Pages count from 1; with `after`, it is the rows of smaller ids, newest first.

    A row that moves within the list, or leaves it, while somebody reads page by page shifts all others. Ids
    stay, so by them whoever reads to the end gets each row that is in the list all the time exactly once.
    Zero stands before the newest.
    """

    page: int = 1
    limit: int = DEFAULT_LIMIT
    after: int | None = None

    @property
    def offset(self) -> int:
        """How many rows come before this page."""
        return (self.page - 1) * self.limit

    def cut(
        self, matching: Select[Cells], id_: SQLColumnExpression[int], *order: SQLColumnExpression[Any]
    ) -> Select[Cells]:
        """Return the query of this page and one row more, in `order` unless it goes by id."""
        if self.after is None:
            ordered = matching.order_by(*order).offset(self.offset)
        else:
            older = matching.where(id_ < self.after) if self.after else matching
            ordered = older.order_by(id_.desc())
        return ordered.limit(self.limit + 1)


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page of a list and how many rows the whole list has; more of them come `after` the id `next`."""

    rows: list[Row]
    request: PageRequest
    total: int
    next: int | None = None


def page_of(found: Sequence[Listed], request: PageRequest, total: int) -> Page[Listed]:
    """Return the page of what a query that was `cut` found."""
    rows = list(found[: request.limit])
    return Page(rows, request, total, next=rows[-1].id if len(found) > len(rows) else None)
