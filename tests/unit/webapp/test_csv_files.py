import csv
import io
from collections.abc import AsyncGenerator
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.models import EmailStatus
from webapp.csv_files import FORMULA_STARTS, Lot, cell, csv_of

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, ""),
        (True, "1"),
        (False, "0"),
        (7, "7"),
        (-7, "-7"),
        (EmailStatus.SENT, "SENT"),
        (datetime(2026, 10, 14, 8, 42, tzinfo=UTC), "2026-10-14 10:42:00"),
        (date(2026, 10, 14), "2026-10-14"),
        (time(9, 30), "09:30:00"),
        ('Grüße; aus "Köln"', 'Grüße; aus "Köln"'),
        ("=cmd|'/c calc'!A1", "'=cmd|'/c calc'!A1"),
        ("+49 30", "'+49 30"),
        ("-1", "'-1"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
    ],
)
def test_what_stands_in_a_cell(value: object, written: str):
    assert cell(value, BERLIN) == written


@given(st.text())
def test_no_text_begins_as_a_formula_and_none_is_lost(text: str):
    written = cell(text, BERLIN)
    assert not written.startswith(FORMULA_STARTS)
    assert written in (text, f"'{text}")


@pytest.mark.parametrize(("language", "separator"), [("de", ";"), ("en", ",")])
async def test_rows_go_out_as_they_come_and_can_be_read_again(language: str, separator: str):
    asked: list[int] = []

    async def lots() -> AsyncGenerator[Lot]:
        for number in (1, 2):
            asked.append(number)
            yield [[number, 'a;b,c "d"\nend']]

    written = csv_of(("id", "betreff"), lots(), language=language, tz=BERLIN)
    head = await anext(written)
    assert head.startswith(b"\xef\xbb\xbfid")
    assert asked == []
    first = await anext(written)
    assert asked == [1]
    rest = [part async for part in written]
    text = b"".join([head, first, *rest]).decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(text, newline=""), delimiter=separator)) == [
        ["id", "betreff"],
        ["1", 'a;b,c "d"\nend'],
        ["2", 'a;b,c "d"\nend'],
    ]
