"""CSV as spreadsheets open it: UTF-8 with a mark, a semicolon where the language has decimal commas.

A cell that would be taken for a formula gets an apostrophe before it (OWASP, CSV Injection).
"""

import csv
import io
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from datetime import datetime
from enum import Enum
from zoneinfo import ZoneInfo

BYTE_ORDER_MARK = "\ufeff"
"""By it Excel knows UTF-8."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
SEPARATORS = {"de": ";"}

Lot = Iterable[Sequence[object]]


async def csv_of(
    columns: Sequence[str], lots: AsyncIterator[Lot], *, language: str, tz: ZoneInfo
) -> AsyncGenerator[bytes]:
    """Yield a file with a line of names and a line for each row, as the rows come.

    Args:
        columns: the names.
        lots: rows, some at a time.
        language: decides on the separator.
        tz: in which instants are written.
    """
    separator = SEPARATORS.get(language, ",")
    yield (BYTE_ORDER_MARK + _lines([columns], separator, tz)).encode()
    async for lot in lots:
        yield _lines(lot, separator, tz).encode()


def _lines(rows: Lot, separator: str, tz: ZoneInfo) -> str:
    written = io.StringIO()
    csv.writer(written, delimiter=separator).writerows([cell(value, tz) for value in row] for row in rows)
    return written.getvalue()


def cell(value: object, tz: ZoneInfo) -> str:
    """Return what stands in a cell: instants by the wall clock, marks as 1 and 0, no formula."""
    match value:
        case None:
            return ""
        case bool():
            return "1" if value else "0"
        case datetime():
            return f"{value.astimezone(tz):%Y-%m-%d %H:%M:%S}"
        case Enum():
            return str(value.value)
        case str():
            return f"'{value}" if value.startswith(FORMULA_STARTS) else value
        case _:
            return str(value)
