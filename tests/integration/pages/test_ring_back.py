"""The therapist rings back: all there is to talk about is shown, settled with one outcome and taken back."""

from datetime import date, time, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from services.calls.claims import claim_call
from services.desk.hits import find_hits
from services.models import CallEmail, CallReason, CallStatus, Email, EmailStatus, PhoneCall, Staff
from services.work import Actor
from shared.database import SessionFactory
from tests.factories import NOW, make_call, make_email, make_therapist
from tests.integration.conftest import Client, submit
from tests.integration.pages.conftest import load_email, outcome, stored
from tests.statements import noting
from tests.work import work_of

FOLLOW_UP, OTHER = 7, 8
TOMORROW = date(2026, 10, 15)


@pytest.fixture
async def emails(sessions: SessionFactory) -> list[int]:
    """Two e-mails in one follow-up call of tomorrow, a third that waits, and a call of today about none."""
    week_ago = NOW - timedelta(days=6)
    about = [
        make_email(status=EmailStatus.SENT, created_at=week_ago, sent_at=week_ago, betreff=f"Anfrage {n}")
        for n in (1, 2, 3)
    ]
    await stored(sessions, make_therapist(), *about)
    await stored(
        sessions,
        make_call(
            id=FOLLOW_UP, email_id=about[0].id, grund=CallReason.NO_REPLY, geplantes_datum=TOMORROW,
            geplante_zeit=time(10),
        ),
        make_call(id=OTHER, notizen="Rechnung vom Mai"),
        CallEmail(call_id=FOLLOW_UP, email_id=about[1].id),
    )  # fmt: skip
    return [email.id for email in about]


async def everything(sessions: SessionFactory) -> object:
    """Every call and e-mail as they stand, times of change and versions aside."""
    left_out = ("version", "updated_at", "rueckgaengig", "rueckgaengig_bis")
    async with sessions() as session:
        rows = [
            [
                (column.name, getattr(row, column.name))
                for column in type(row).__table__.columns
                if column.name not in left_out
            ]
            for model in (PhoneCall, Email)
            for row in await session.scalars(select(model).order_by(model.id))
        ]
        links = (await session.execute(select(CallEmail.call_id, CallEmail.email_id))).all()
    return rows, sorted(map(tuple, links))


async def statuses(sessions: SessionFactory) -> dict[int, str]:
    async with sessions() as session:
        rows = await session.execute(select(PhoneCall.id, PhoneCall.status).order_by(PhoneCall.id))
        return {row.id: row.status for row in rows}


def ticks(emails: list[int], *calls: int, **fields: object) -> dict[str, object]:
    """What the form sends when these calls are settled along and these e-mails count as answered."""
    values = [f"{emails[0]}@{FOLLOW_UP}", f"{emails[1]}@{FOLLOW_UP}", str(emails[2])]
    return {"gezeigt": "1", "anliegen": list(calls), "beantwortet": values, **fields}


async def test_the_search_says_what_is_open_with_whoever_rings(staff_client: Client, emails: list[int]):
    found = (await submit(staff_client, "/search", {"q": "schmi"}, htmx=True)).text
    assert "2 matters" in found, "the e-mail that waits and the call of today; tomorrow's is left out"
    assert "Reachable now, until 12:00" in found
    assert "Call planned Wed 14 Oct" in found


async def test_a_search_takes_the_same_statements_however_many_are_found(
    sessions: SessionFactory, emails: list[int], ben: Staff, engine: AsyncEngine
):
    made = list[str]()

    async def found() -> tuple[int, list[int]]:
        made.clear()
        async with sessions() as session:
            hits = await find_hits(work_of(session, now=NOW, actor=Actor("staff", ben.id)), "schmidt")
        return len(made), [hit.matters for hit in hits.shown]

    with noting(engine, made.append):
        statements, [matters] = await found()
        await stored(sessions, *(make_therapist(id=n) for n in range(2, 6)))
        await stored(sessions, *(make_call(id=n, therapist_id=n, leitung=n) for n in range(2, 6)))
        assert await found() == (statements, [matters, 1, 1, 1, 1])


async def test_a_colleague_on_the_phone_with_them_is_named(
    staff_client: Client, emails: list[int], ben: Staff, sessions: SessionFactory
):
    async with sessions() as session:
        await claim_call(work_of(session, now=NOW, actor=Actor("staff", ben.id)), OTHER)
    found = (await submit(staff_client, "/search", {"q": "schmi"}, htmx=True)).text
    assert "Ben" in found
    assert "Reachable now" not in found


async def test_a_ring_back_shows_every_matter_and_the_words_of_the_emails(
    staff_client: Client, emails: list[int]
):
    panel = (await submit(staff_client, "/ring-backs/1", htmx=True)).text
    assert "In your hands" in panel
    for subject in ("Anfrage 1", "Anfrage 2", "Anfrage 3", "Rechnung vom Mai"):
        assert subject in panel
    assert panel.count('name="beantwortet"') == 3


@pytest.mark.parametrize("htmx", [True, False])
async def test_reached_on_a_ring_back_settles_all_of_it_and_one_undo_takes_all_of_it_back(
    staff_client: Client, emails: list[int], sessions: SessionFactory, htmx: bool
):
    await submit(staff_client, "/ring-backs/1", htmx=True)
    before = await everything(sessions)
    said = ticks(emails, FOLLOW_UP, ergebnis="Ein Platz ab Mai")
    answer = await outcome(staff_client, OTHER, htmx, ergebnis_art="erreicht", **said)
    page = answer.text if htmx else (await staff_client.get(answer.headers["location"])).text
    assert "Reached, saved for 4 matters." in page
    assert await statuses(sessions) == {FOLLOW_UP: "completed", OTHER: "completed"}
    assert {(await load_email(sessions, each)).antwortinhalt for each in emails} == {"Ein Platz ab Mai"}
    await submit(staff_client, f"/calls/{OTHER}/undo", htmx=htmx)
    assert await everything(sessions) == before


async def test_one_matter_alone_is_settled_as_before(staff_client: Client, emails: list[int]):
    await submit(staff_client, "/ring-backs/1", htmx=True)
    answer = await outcome(staff_client, OTHER, ergebnis_art="abgesagt", gezeigt="1")
    assert "Cancelled, saved." in answer.text


async def test_what_is_moved_together_is_said_in_number(staff_client: Client, emails: list[int]):
    await submit(staff_client, "/ring-backs/1", htmx=True)
    answer = await outcome(staff_client, OTHER, True, **ticks(emails, FOLLOW_UP), ergebnis_art="verschoben")
    assert "3 matters moved to Thu 15 Oct 10:00." in answer.text


async def test_who_has_nothing_open_gets_a_call_with_what_waits_and_it_is_settled_likewise(
    staff_client: Client, emails: list[int], sessions: SessionFactory
):
    await submit(staff_client, f"/calls/{OTHER}/outcome", {"version": 1, "ergebnis_art": "abgesagt"})
    await submit(staff_client, f"/calls/{FOLLOW_UP}/outcome", {"version": 1, "ergebnis_art": "abgesagt"})
    panel = (await submit(staff_client, "/ring-backs/1", htmx=True)).text
    assert panel.count('name="beantwortet"') == 3
    said: dict[str, object] = {"gezeigt": "1", "beantwortet": emails, "ergebnis": "Ja"}
    ring_back = min(await statuses(sessions))
    answer = await outcome(staff_client, ring_back, True, ergebnis_art="erreicht", **said)
    assert "Reached, saved for 4 matters." in answer.text
    assert {(await load_email(sessions, each)).antwortinhalt for each in emails} == {"Ja"}
    await submit(staff_client, f"/calls/{ring_back}/undo", htmx=True)
    assert {(await load_email(sessions, each)).antwort_erhalten for each in emails} == {False}
    await submit(staff_client, f"/calls/{ring_back}/take-off?version=3", htmx=True)
    taken_off = (await staff_client.get(f"/calls/{ring_back}")).text
    assert "The ring-back was recorded by mistake." in taken_off
    assert (await statuses(sessions))[ring_back] == CallStatus.CANCELED
    assert {(await load_email(sessions, each)).antwort_erhalten for each in emails} == {False}
