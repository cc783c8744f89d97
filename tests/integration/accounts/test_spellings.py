"""Names and passwords typed in other characters than they were set in."""

import asyncio
import unicodedata
from datetime import timedelta

import pytest
from alembic import command
from argon2 import PasswordHasher
from sqlalchemy import URL, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from migrations.upgrade import alembic_config
from services.accounts.api_keys import KeyNameTaken, create_key, list_keys
from services.accounts.logins import log_in
from services.accounts.staff import NameTaken, add_staff, reset_password, unlock
from services.errors import InvalidInput
from services.models import Staff
from tests.clock import FakeClock
from tests.factories import make_staff
from tests.work import work_of

NAME, SECRET = "Jürgen Weber", "Größe füllt Körbe"
DAY = timedelta(days=1)
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def apart(typed: str) -> str:
    """Return the same letters, typed in parts."""
    return unicodedata.normalize("NFD", typed)


async def logs_in(session: AsyncSession, name: str, password: str) -> bool:
    return await log_in(work_of(session), name, password, lasting=DAY) is not None


@pytest.mark.parametrize("name", [NAME, apart(NAME)])
async def test_an_account_is_opened_by_either_spelling_of_name_and_password(session: AsyncSession, name: str):
    added = await add_staff(work_of(session), name, apart(SECRET), admin=False)
    assert added.name == NAME
    for typed in (NAME, apart(NAME), apart(NAME).upper(), f" {NAME.lower()} "):
        for password in (SECRET, apart(SECRET)):
            assert await logs_in(session, typed, password), (typed, password)
    assert not await logs_in(session, NAME, SECRET.replace("ö", "o"))


async def test_there_is_one_account_of_a_name_however_it_is_spelt(session: AsyncSession):
    await add_staff(work_of(session), NAME, SECRET, admin=False)
    for typed in (apart(NAME), apart(NAME).lower(), "Ｊürgen Weber"):
        with pytest.raises(NameTaken):
            await add_staff(work_of(session), typed, SECRET, admin=False)


async def test_a_password_is_as_long_as_it_looks(session: AsyncSession):
    with pytest.raises(InvalidInput) as refused:
        await add_staff(work_of(session), NAME, apart("üüüüüüüüü"), admin=False)
    assert [error.field for error in refused.value.fields] == ["password"]
    longest = "".join(chr(ord("à") + n * n % 31) for n in range(200))
    assert len(apart(longest)) > len(longest)
    await add_staff(work_of(session), NAME, apart(longest), admin=False)
    assert await logs_in(session, NAME, longest)


async def test_an_operator_may_type_the_name_in_parts_too(session: AsyncSession):
    await add_staff(work_of(session), NAME, SECRET, admin=False)
    await reset_password(work_of(session), apart(NAME), apart("Neues Wort für später"))
    await unlock(work_of(session), apart(NAME))
    assert await logs_in(session, NAME, "Neues Wort für später")


async def test_what_was_set_in_parts_before_still_opens_the_account(session: AsyncSession):
    async with session.begin():
        session.add_all(
            [
                make_staff(name=apart(NAME), password_hash=CHEAP.hash(apart(SECRET))),
                make_staff(name="Ben", password_hash=CHEAP.hash(apart(SECRET))),
            ]
        )
    for name in (apart(NAME), "Ben"):
        assert await logs_in(session, name, apart(SECRET))
        assert not await logs_in(session, name, "another one, wrong")


async def test_of_two_that_look_the_same_each_opens_its_own(session: AsyncSession):
    async with session.begin():
        session.add_all(
            [
                make_staff(name=NAME, password_hash=CHEAP.hash("composed secret")),
                make_staff(name=apart(NAME), password_hash=CHEAP.hash("another secret")),
            ]
        )
    assert await logs_in(session, NAME, "composed secret")
    assert await logs_in(session, apart(NAME), "another secret")


async def test_keys_have_composed_names_too(session: AsyncSession, clock: FakeClock):
    await create_key(work_of(session, now=clock()), apart("Zürich"))
    assert [key.name for key in await list_keys(work_of(session))] == ["Zürich"]
    with pytest.raises(KeyNameTaken):
        await create_key(work_of(session, now=clock()), "Zürich")


async def test_the_migration_composes_names_but_makes_no_two_the_same(database: URL, session: AsyncSession):
    alembic = alembic_config(database)
    await asyncio.to_thread(command.downgrade, alembic, "0010")
    async with session.begin():
        names = (apart(NAME), apart("Jörg"), "Bärbel", apart("bärbel"), "Ben")
        added = [{"name": name, "password_hash": "unusable"} for name in names]
        await session.execute(insert(Staff.__table__), added)
    await asyncio.to_thread(command.upgrade, alembic, "head")
    async with session.begin():
        names = await session.scalars(select(Staff.name).order_by(Staff.id))
        kept = [NAME, "Jörg", "Bärbel", apart("bärbel"), "Ben"]
        assert list(names) == kept
