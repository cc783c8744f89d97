"""Finding e-mails by words, however they are typed."""

import unicodedata
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from services.emails import lists
from services.emails.lists import EmailFilters, list_emails
from services.pagination import PageRequest
from tests.factories import make_email
from tests.work import work_of


async def find(session: AsyncSession, q: str) -> list[int]:
    return [
        email.id for email in (await list_emails(work_of(session), EmailFilters(q=q), PageRequest())).rows
    ]


@pytest.mark.parametrize(
    ("subject", "spellings"),
    [
        ("Grüße aus Köln", ("gruesse", "grüße", "GRÜSSE", "grusse", "koeln", "Koln", "köln", "gr koe")),
        (
            unicodedata.normalize("NFD", "Rückfrage von Bärbel"),
            ("rückfrage", "rueckfrage", "baerbel", "barb"),
        ),
        ("Rückruf an +49 30 2312-5101", ("+49 30 2312", "49 30", "+49", "5101", "(+49) 30/2312-5101")),
        ("Neu: <Wichtig> & <b>eilig</b>", ("wichtig", "<wichtig>", "eilig", "<Wichtig> eilig")),
        (
            "„Gruppe“ bei Yılmaz/Bjørnæs (Zieliński)",
            ("gruppe", "„Gruppe“", "yilmaz", "bjornaes", "ziel"),
        ),
        ("Joël & Sinéad O’Brien: 3×Plätze", ("joel", "sinead obrien", "o'brien", "plaetze", "platze")),
        ("Plätze… ab 1.9.2026!", ("plaetze ab", "1.9.2026", "2026", "1.9.")),
        ("Straße 7–9, EG_links", ("strasse", "straße 7-9", "STRASSE", "links", "eg_links")),
    ],
)
async def test_words_of_a_subject_are_found_in_any_spelling(
    session: AsyncSession, subject: str, spellings: tuple[str, ...]
):
    async with session.begin():
        session.add_all([make_email(betreff=subject), make_email(empfaenger_name="Klara Wendt")])
    for q in (
        *spellings,
        subject,
        unicodedata.normalize("NFD", subject),
        unicodedata.normalize("NFC", subject),
    ):
        assert await find(session, q) == [1], q


async def test_recipients_are_found_as_they_are_shown(session: AsyncSession):
    async with session.begin():
        session.add_all(
            [
                make_email(empfaenger_name="Dr. Jürgen Groß", empfaenger_email="praxis.gross@müller-x.de"),
                make_email(empfaenger_name="Klara Wendt"),
            ]
        )
    for q in (
        "Dr. Jürgen Groß <praxis.gross@müller-x.de>", "juergen gross", "praxis.gross@mueller-x.de",
        "mueller", "gross praxis", "müller-x",
    ):  # fmt: skip
        assert await find(session, q) == [1], q


async def test_signs_are_neither_words_nor_a_query(session: AsyncSession):
    async with session.begin():
        session.add(make_email(betreff="Anfrage"))
    for q in ("+", "<>", "„“", "…", "🌻"):
        assert await find(session, q) == [], q
    for q in ("anfrage:*", "!anfrage", "(anfrage", "'anfrage", "anfrage & (drei", "<anfrage", "❶", "ʼ", "½"):
        await find(session, q)
    assert await find(session, "anfrage | (jürgen)") == [1]


async def test_words_are_looked_up_in_an_index(session: AsyncSession, engine: AsyncEngine):
    async with session.begin():
        await session.execute(
            text(
                """
                INSERT INTO communication_service.emails
                    (therapist_id, betreff, body_html, body_text, empfaenger_email, empfaenger_name,
                     absender_email, absender_name, message_id)
                SELECT 1, 'Anfrage ' || md5(n::text), '', '', 'praxis@example.de', 'Praxis', 'a@example.de',
                    'A', n::text
                FROM generate_series(1, 5000) n
                """
            )
        )
        await session.execute(text("ANALYZE communication_service.emails"))
    asked: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        asked.append((statement, parameters))

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    assert len((await list_emails(work_of(session), EmailFilters(q="praxis"), PageRequest())).rows) == 20
    event.remove(engine.sync_engine, "before_cursor_execute", note)
    set_local, *queries = asked
    async with session.begin():
        connection = await session.connection()
        await connection.exec_driver_sql(set_local[0])
        for statement, parameters in queries:
            plan = await connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
            assert "ix_emails_search" in "\n".join(plan.scalars()), statement


@pytest.mark.parametrize("newest", [{"betreff": "Anfrage neu"}, {"betreff": "Ganz anderes"}])
async def test_a_word_of_most_emails_finds_the_same_whether_or_not_the_newest_have_it(
    session: AsyncSession, monkeypatch: pytest.MonkeyPatch, newest: dict[str, str]
):
    async with session.begin():
        session.add_all([make_email(id=number, betreff="Anfrage") for number in range(1, 13)])
        session.add_all([make_email(id=number, **newest) for number in range(13, 19)])
    for request in (PageRequest(limit=3), PageRequest(limit=3, after=12), PageRequest(limit=3, page=2)):
        usual = await list_emails(work_of(session), EmailFilters(q="anfrage"), request)
        with monkeypatch.context() as fewer:
            fewer.setattr(lists, "COMMON", 1)
            found = await list_emails(work_of(session), EmailFilters(q="anfrage"), request)
        assert [email.id for email in found.rows] == [email.id for email in usual.rows]
        assert (found.total, found.next) == (usual.total, usual.next)
