"""Reading a whole list of the API while others change it."""

import re
from datetime import date, time
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from services.calls.lists import CallFilters, list_calls
from services.emails.lists import EmailFilters, list_emails
from services.models import EmailStatus
from services.pagination import PageRequest
from tests.factories import make_call, make_email
from tests.integration.api.test_emails import api
from tests.integration.conftest import Client
from tests.work import work_of

__all__ = ["api"]

EMAILS, CALLS = "/api/emails", "/api/phone-calls"


async def make_rows(session: AsyncSession, number: int = 7) -> None:
    """Make e-mails, and calls of which the later ones are planned earlier."""
    async with session.begin():
        session.add_all(make_email(status="QUEUED" if n % 2 else "DRAFT") for n in range(number))
        session.add_all(
            make_call(therapist_id=n, geplantes_datum=date(2026, 11, 30 - n)) for n in range(1, number + 1)
        )


async def read(api: Client, path: str, **parameters: object) -> dict[str, Any]:
    answer = await api.get(path, params=parameters)  # pyright: ignore[reportArgumentType]
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(page: dict[str, Any]) -> list[int]:
    return [row["id"] for row in page["data"]]


@pytest.mark.parametrize("path", [EMAILS, CALLS])
async def test_after_reads_a_list_to_its_end(api: Client, session: AsyncSession, path: str):
    await make_rows(session)
    pages = [await read(api, path, after=0, limit=3)]
    while pages[-1]["next"] is not None:
        pages.append(await read(api, path, after=pages[-1]["next"], limit=3))
    assert [ids(page) for page in pages] == [[7, 6, 5], [4, 3, 2], [1]]
    assert {(page["total"], page["limit"], "page" in page) for page in pages} == {(7, 3, False)}
    full = await read(api, path, after=0, limit=7)
    assert (ids(full), full["next"]) == (list(range(7, 0, -1)), None)
    assert (await read(api, path, after=1))["data"] == []


@pytest.mark.parametrize("path", [EMAILS, CALLS])
async def test_pages_by_number_stay_as_they_are(api: Client, session: AsyncSession, path: str):
    await make_rows(session)
    first, second = await read(api, path, limit=3), await read(api, path, limit=3, page=2)
    assert [ids(first), ids(second)] == [[7, 6, 5], [4, 3, 2]]
    assert (first["page"], second["page"]) == (1, 2)
    assert ("next" in first) == (path == EMAILS)


async def test_emails_are_read_on_by_id_from_any_page(api: Client, session: AsyncSession):
    await make_rows(session)
    assert (await read(api, EMAILS, limit=3))["next"] == 5
    second = await read(api, EMAILS, limit=3, page=2)
    rest = await read(api, EMAILS, after=second["next"])
    assert (ids(second), ids(rest), rest["next"]) == ([4, 3, 2], [1], None)
    assert (await read(api, EMAILS, limit=7, page=1))["next"] is None


@pytest.mark.parametrize("path", [EMAILS, CALLS])
async def test_what_is_no_place_to_read_on_is_named(api: Client, path: str):
    for wrong in ("page=1&after=0", "page=2&after=1", "after=-1", "after=x", f"after={2**31}"):
        refused = await api.get(f"{path}?{wrong}")
        assert (refused.status_code, [e["field"] for e in refused.json()["errors"]]) == (422, ["after"])


async def test_a_call_moved_while_one_reads_is_neither_missed_nor_given_twice(
    api: Client, session: AsyncSession
):
    await make_rows(session)
    moves = iter([(7, "2026-12-24"), (1, "2026-11-01"), (2, "2026-12-23"), (6, "2026-11-02")])
    seen: list[int] = []
    after: int | None = 0
    while after is not None:
        page = await read(api, CALLS, after=after, limit=2)
        seen += ids(page)
        after = page["next"]
        if move := next(moves, None):
            call_id, day = move
            moved = await api.put(
                f"{CALLS}/{call_id}", json={"geplantes_datum": day, "geplante_zeit": "9:00"}
            )
            assert moved.status_code == 200, moved.text
    assert seen == [7, 6, 5, 4, 3, 2, 1]


async def test_an_email_that_leaves_the_list_while_one_reads_makes_no_other_be_missed(
    api: Client, session: AsyncSession
):
    await make_rows(session)
    first = await read(api, EMAILS, status="QUEUED", after=0, limit=1)
    assert (await api.put(f"{EMAILS}/{ids(first)[0]}", json={"status": "DRAFT"})).status_code == 200
    rest = await read(api, EMAILS, status="QUEUED", after=first["next"])
    assert (ids(first), ids(rest)) == ([6], [4, 2])


async def test_filters_narrow_what_is_read_by_id(api: Client, session: AsyncSession):
    await make_rows(session)
    async with session.begin():
        session.add_all(make_email(betreff="Rückfrage", therapist_id=5) for _ in range(3))
        session.add(make_call(therapist_id=5, geplante_zeit=time(15), geplantes_datum=date(2026, 11, 4)))
    assert ids(await read(api, EMAILS, q="rückfrage", therapist_id=5, after=10)) == [9, 8]
    assert ids(await read(api, CALLS, therapist_id=5, after=0)) == [8, 5]
    assert ids(await read(api, CALLS, geplantes_datum_to="2026-11-25", after=7)) == [6, 5]


FILL = """
    INSERT INTO communication_service.emails
        (therapist_id, betreff, body_html, body_text, empfaenger_email, empfaenger_name, absender_email,
         absender_name, status, sent_at, message_id, extern_id)
    SELECT n % 500 + 1, 'Anfrage', '', '', 'praxis@example.de', 'Praxis', 'a@example.de', 'A',
        CASE WHEN n % 100 = 0 THEN 'FAILED' ELSE 'SENT' END::communication_service.emailstatus, now(),
        n::text, 'bundle-' || n % 400
    FROM generate_series(1, 20000) n;
    INSERT INTO communication_service.phone_calls (therapist_id, geplantes_datum, geplante_zeit, status,
        extern_id)
    SELECT n % 500 + 1, date '2020-01-01' + n / 50, time '09:00',
        CASE WHEN n % 100 = 0 THEN 'failed' ELSE 'completed' END, 'bundle-' || n % 400
    FROM generate_series(1, 20000) n;
    ANALYZE communication_service.emails, communication_service.phone_calls;
"""


async def test_reading_by_id_goes_through_an_index_without_sorting(
    engine: AsyncEngine, session: AsyncSession
):
    statements: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "LIMIT" in statement:
            statements.append((statement, parameters))

    async with session.begin():
        connection = await (await session.connection()).get_raw_connection()
        await connection.driver_connection.execute(FILL)  # pyright: ignore
    event.listen(engine.sync_engine, "before_cursor_execute", note)
    request = PageRequest(limit=50, after=11_000)
    reference = "bundle-7"
    for emails in (
        EmailFilters(),
        EmailFilters(therapist_id=7),
        EmailFilters(status=EmailStatus.FAILED),
        EmailFilters(extern_id=reference),
    ):
        assert len((await list_emails(work_of(session), emails, request)).rows) >= 20
    for calls in (
        CallFilters(),
        CallFilters(therapist_id=7),
        CallFilters(status="failed"),  # pyright: ignore
        CallFilters(extern_id=reference),
    ):
        assert len((await list_calls(work_of(session), calls, request)).rows) >= 20
    assert len(statements) == 8
    for statement, parameters in statements:
        async with session.begin():
            connection = await (await session.connection()).get_raw_connection()
            rows = await connection.driver_connection.fetch(f"EXPLAIN {statement}", *parameters)  # pyright: ignore
        plan = "\n".join(row[0] for row in rows)
        assert "Index Cond: (id <" in plan or "AND (id <" in plan, plan
        assert not {"Seq Scan", "Filter:"} & set(re.findall("Seq Scan|Filter:", plan)), plan
