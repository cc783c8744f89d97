"""Pages of lists."""

from dataclasses import dataclass
from typing import Generic, TypeVar

Row = TypeVar("Row")

DEFAULT_LIMIT = 20
LARGEST_LIMIT = 100


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page is wanted; pages count from 1."""

    page: int = 1
    limit: int = DEFAULT_LIMIT

    @property
    def offset(self) -> int:
        """How many rows come before this page."""
        return (self.page - 1) * self.limit


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page of a list and how many rows the whole list has."""

    rows: list[Row]
    request: PageRequest
    total: int
