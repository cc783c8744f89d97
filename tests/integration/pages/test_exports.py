"""What people take along as CSV: all the screen's filters let through, nothing that runs, and it is noted."""

import csv
import io

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.desk import export
from services.models import Activity, EmailStatus, Staff
from tests.factories import NOW, make_call, make_email, make_therapist
from tests.integration.conftest import Client


def table(text: str, separator: str = ",") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=separator))


async def noted(session: AsyncSession) -> list[tuple[str, dict[str, str]]]:
    async with session.begin():
        rows = await session.scalars(select(Activity).where(Activity.action == "list_exported"))
        return [(row.object_type, row.details) for row in rows]


async def test_all_that_the_list_shows_goes_along_in_lots(
    staff_client: Client, session: AsyncSession, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(export, "AT_ONCE", 2)
    async with session.begin():
        session.add_all(make_email(status=EmailStatus.SENT, sent_at=NOW, betreff="=1+1") for _ in range(5))
        session.add(make_email(status=EmailStatus.FAILED, betreff="Anfrage"))
    sent = await staff_client.get("/emails/export", params={"show": "unanswered"})
    assert sent.headers["content-type"].startswith("text/csv")
    assert sent.headers["content-disposition"] == 'attachment; filename="emails.csv"'
    rows = table(sent.text)
    assert [row["status"] for row in rows] == ["SENT"] * 5
    assert {row["betreff"] for row in rows} == {"'=1+1"}
    assert len({row["id"] for row in rows}) == 5
    assert "body_text" not in rows[0]
    assert await noted(session) == [("staff", {"list": "emails"})]


async def test_the_list_links_to_its_file_with_its_filters(staff_client: Client, session: AsyncSession):
    async with session.begin():
        session.add(make_email(status=EmailStatus.FAILED))
    page = (await staff_client.get("/emails", params={"show": "failed"})).text
    assert 'href="/emails/export?show=failed"' in page


async def test_germans_get_semicolons(staff_client: Client, session: AsyncSession):
    async with session.begin():
        session.add(make_therapist())
        await session.flush()
        session.add(call := make_call())
    day = call.geplantes_datum.isoformat()
    answer = await staff_client.get("/week/export", params={"start": day}, headers={"Accept-Language": "de"})
    [row] = table(answer.text, ";")
    assert (row["geplantes_datum"], row["status"]) == (day, "scheduled")
    assert await noted(session) == [("staff", {"list": "calls"})]


async def test_numbers_are_for_all_staff_and_lists_are_not(
    staff_client: Client, anna: Staff, session: AsyncSession
):
    async with session.begin():
        (await session.merge(anna)).admin = False
    rows = table((await staff_client.get("/statistics/export", params={"days": 30})).text)
    assert len(rows) == 30
    assert list(rows[0]) == ["day", "sent", "answered", "calls", "reached"]
    assert (await staff_client.get("/emails/export")).status_code == 403
    assert (await staff_client.get("/week/export")).status_code == 403
    assert "/emails/export" not in (await staff_client.get("/emails")).text
    assert await noted(session) == []
