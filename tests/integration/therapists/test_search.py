"""Therapists are found by name, place or number, through indexes."""

from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from services.therapists.record import phone_columns
from services.therapists.search import search_therapists
from tests.factories import make_therapist
from tests.work import work_of


async def store(session: AsyncSession, *rows: object) -> None:
    async with session.begin():
        session.add_all(rows)


async def test_therapists_are_found_by_name_or_any_spelling_of_the_number(session: AsyncSession):
    await store(
        session,
        make_therapist(),
        make_therapist(id=2, vorname="Eva", nachname="von Berg", telefon_e164="+49409999999"),
    )
    for q in (
        "030/1234567",
        "030 1234567",
        "+49 30 1234567",
        "+49 (0)30 1234567",
        "0049301234567",
        "(030) 12 34 5",
        "030-123",
        "schm",
        "SCHMIDT",
        "jürgen schm",
        "Schmidt Jür",
        "Dr. Schmidt",
        "herr schmidt",
    ):
        assert [therapist.id for therapist in await search_therapists(work_of(session), q)] == [1], q
    for q in ("von", "berg", "von berg", "040"):
        assert [therapist.id for therapist in await search_therapists(work_of(session), q)] == [2], q


async def test_a_search_without_a_match_finds_nobody(session: AsyncSession):
    await store(session, make_therapist())
    for q in ("", "  ", "+", "%", "_", "Dr.", "0", "999", "1\\", "chmidt"):
        assert list(await search_therapists(work_of(session), q)) == [], q


@pytest.mark.parametrize(
    ("vorname", "nachname", "spellings"),
    [
        ("Emre", "Yılmaz", ("yilmaz", "Yılm", "YILMAZ", "yılmaz emre", "yil")),
        ("Deniz", "Yıldız", ("yildiz", "Yildız")),
        ("Cem", "Özdemir", ("ozdemir", "oezdemir", "özdemir", "ÖZDEMİR", "oez", "oe", "o\u0308zdemir")),
        ("Hans-Peter", "Großmann", ("grossmann", "großmann", "GROSSMANN", "GROẞMANN", "gros", "peter gro")),
        ("Łukasz", "Zieliński", ("zielinski", "zieliński", "lukasz zie", "łukasz")),
        ("Anaïs", "Petrović", ("petrovic", "petrović", "anais", "anaïs")),
        ("Jörg", "Müller", ("mueller", "muller", "müller", "joerg mue", "jorg mu", "Mue", "Herr Mueller")),
        ("Bärbel", "Mueller", ("müller", "muller", "mueller", "baerbel", "barbel")),
        ("Søren", "Bjørnæs", ("soren", "bjornas", "bjørnæs", "bjoernaes")),
        ("Sinéad", "O’Brien", ("o'brien", "obrien", "o’brien", "sinead")),
        ("İpek", "Çağlar-Şahin", ("ipek", "caglar", "sahin", "caglar-sahin", "çağlar şahin")),
        ("Eva", "von Berg", ("berg", "von berg", "eva berg")),
        ("Max", "Bauer", ("bauer", "bau", "baue")),
        ("Joël", "Goethe", ("goethe", "göthe", "goet", "joel", "joël")),
    ],
)
async def test_names_are_found_however_they_are_typed(
    session: AsyncSession, vorname: str, nachname: str, spellings: tuple[str, ...]
):
    await store(
        session,
        make_therapist(vorname=vorname, nachname=nachname),
        make_therapist(id=2, vorname="Klara", nachname="Wendt"),
    )
    for q in spellings:
        assert [therapist.id for therapist in await search_therapists(work_of(session), q)] == [1], q


async def test_no_sign_in_a_name_is_a_query(session: AsyncSession):
    await store(session, make_therapist())
    for q in (
        "schmidt:*",
        "!schmidt",
        "schmidt & jürgen",
        "(schmidt",
        "'schmidt",
        "schmidt <-> x",
        "⑴",
        "ʼ",
        "½",
    ):
        await search_therapists(work_of(session), q)
    assert len(await search_therapists(work_of(session), "schmidt | (jürgen)")) == 1


@pytest.mark.parametrize(
    ("q", "indexes"),
    [
        ("yilmaz emre", ["ix_therapists_names", "ix_therapists_place"]),
        ("99999", ["ix_therapists_telefon_e164", "ix_therapists_other_numbers", "ix_therapists_number_ends"]),
    ],
)
async def test_words_and_numbers_are_looked_up_in_indexes(
    session: AsyncSession, engine: AsyncEngine, q: str, indexes: list[str]
):
    asked: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        asked.append((statement, parameters))

    async with session.begin():
        await session.execute(
            text(
                """
                INSERT INTO communication_service.therapists
                    (id, vorname, nachname, abgerufen_at, ort, telefon_e164)
                SELECT n, 'Vorname' || n, md5(n::text), now(), 'Ort' || n % 40, '+493077' || n
                FROM generate_series(1, 5000) n
                """
            )
        )
        await session.execute(text("ANALYZE communication_service.therapists"))
    event.listen(engine.sync_engine, "before_cursor_execute", note)
    assert list(await search_therapists(work_of(session), q)) == []
    event.remove(engine.sync_engine, "before_cursor_execute", note)
    ((statement, parameters),) = asked
    async with session.begin():
        plan = await (await session.connection()).exec_driver_sql(f"EXPLAIN {statement}", parameters)
        steps = "\n".join(plan.scalars())
    assert [index for index in indexes if index not in steps] == []


async def test_a_therapist_is_found_by_place_and_by_the_end_of_any_number(session: AsyncSession):
    await store(
        session,
        make_therapist(ort="Bad Homburg", **phone_columns("030 23125 101, 0171 2345678")),
        make_therapist(id=2, nachname="Homburg", ort="Köln", telefon_e164="+49409999101"),
        make_therapist(id=3, nachname="Ohne", ort=None, telefon_e164=None),
    )
    for q, found in {
        "homburg": [2, 1],
        "bad homburg": [1],
        "schmidt bad": [1],
        "koeln": [2],
        "Köln Homburg": [2],
        "schmidt köln": [],
        "23125101": [1],
        "5678": [1],
        "23-45-678": [1],
        "101": [2, 1],
        "01": [],
        "4930 23125101": [1],
        "030 23125 101": [1],
    }.items():
        assert [therapist.id for therapist in await search_therapists(work_of(session), q)] == found, q
