"""Who does not belong here tries to log in: slowed down, noted, and unable to lock anybody out."""

import asyncio
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.testing import capture_logs

from services.accounts import login_tries, passwords
from services.accounts.login_tries import FREE_TRIES_OF_A_SOURCE, KEPT, Visitor
from services.accounts.logins import NOBODY, log_in
from services.accounts.staff import reset_password, unlock
from services.housekeeping import Housekeeping
from services.models import Activity, LoginTries, Staff
from shared.database import SessionFactory
from tests.clock import FakeClock
from tests.integration.conftest import PASSWORD, Client, submit
from tests.work import work_of, workplace_of

RIGHT = {"name": "Anna", "password": PASSWORD}
WRONG = {"name": "anna", "password": "wrong wrong wrong"}
DAY = timedelta(days=1)


@contextmanager
def as_stranger(client: Client) -> Generator[None]:
    """Let the client be a browser nobody has logged in with, for a while."""
    kept = dict(client.cookies)
    client.cookies.clear()
    yield
    client.cookies.clear()
    client.cookies.update(kept)


async def tries(client: Client, form: dict[str, object], times: int) -> list[int]:
    return [(await submit(client, "/login", form)).status_code for _ in range(times)]


async def test_a_known_browser_gets_through_while_strangers_lock_the_account(
    client: Client, anna: Staff, clock: FakeClock
):
    assert await tries(client, RIGHT, 1) == [303]
    await submit(client, "/logout")
    with as_stranger(client):
        for _ in range(3):
            assert set(await tries(client, WRONG, 6)) == {422}
            clock.advance(minutes=1)
        await tries(client, WRONG, 1)
        assert await tries(client, RIGHT, 2) == [422, 429]
    assert await tries(client, RIGHT, 1) == [303]


async def test_a_known_browser_is_counted_by_itself(client: Client, anna: Staff, clock: FakeClock):
    await tries(client, RIGHT, 1)
    assert await tries(client, WRONG, 5) == [422] * 5
    assert await tries(client, RIGHT, 1) == [422]
    clock.advance(minutes=1)
    assert await tries(client, RIGHT, 1) == [303]


async def test_a_browser_is_known_for_the_account_it_was_used_with_only(client: Client, anna: Staff):
    await tries(client, RIGHT, 1)
    [(name, value)] = [item for item in client.cookies.items() if item[0].startswith("calldesk_browser_")]
    with as_stranger(client):
        await tries(client, WRONG, 5)
        for forged in (value[:-1] + ("0" if value[-1] != "0" else "1"), value.partition(".")[2], ""):
            client.cookies.set(name, forged)
            assert await tries(client, RIGHT, 1) == [422]
            client.cookies.delete(name)
        client.cookies.set("calldesk_browser_999", value)
        assert await tries(client, RIGHT, 1) == [422]


async def test_one_source_is_held_up_whatever_names_it_tries_and_longer_each_time(
    client: Client, anna: Staff, clock: FakeClock
):
    for number in range(FREE_TRIES_OF_A_SOURCE):
        assert (await submit(client, "/login", WRONG | {"name": f"nobody{number}"})).status_code == 422
    held_up = await submit(client, "/login", RIGHT)
    assert (held_up.status_code, held_up.headers["retry-after"]) == (429, "60")
    for minutes in (1, 2, 4):
        clock.advance(minutes=minutes)
        assert await tries(client, WRONG, 2) == [422, 429]
    clock.advance(minutes=8)
    assert await tries(client, RIGHT, 1) == [303]
    assert await tries(client, WRONG, 1) == [422]


async def test_one_source_alone_can_not_keep_an_account_paused(
    session: AsyncSession, anna: Staff, clock: FakeClock
):
    """At the end of a day of trying, the account is free nearly all the time."""
    attacker, elsewhere = Visitor("attacker"), Visitor("elsewhere")
    taken = 0
    for _ in range(60):
        clock.advance(minutes=1)
        try:
            async with work_of(session, clock=clock).transaction() as tx:
                taken += await login_tries.take_try(tx, anna, attacker)
        except login_tries.TooManyTries:
            break
    assert taken < 60
    clock.advance(minutes=1)
    async with work_of(session, clock=clock).transaction() as tx:
        assert await login_tries.take_try(tx, anna, elsewhere)


async def test_failures_are_logged_and_in_the_activity_by_id_only(
    client: Client, anna: Staff, session: AsyncSession
):
    with capture_logs() as logs:
        await tries(client, WRONG, 6)
        await submit(client, "/login", {"name": "Dr. Unbekannt", "password": "wrong wrong wrong"})
    failed = [line for line in logs if line["event"] == "login_failed"]
    assert [(line["staff_id"], line["reason"]) for line in failed] == [
        *[(anna.id, "wrong_password")] * 5,
        (anna.id, "account_paused"),
        (None, "unknown_name"),
    ]
    assert "Unbekannt" not in str(logs)
    assert "testclient" not in str(failed)
    async with session.begin():
        failed = select(Activity).where(Activity.action == "login_failed").order_by(Activity.id)
        noted = list(await session.scalars(failed))
    assert [entry.object_id for entry in noted] == [anna.id] * 6 + [NOBODY]
    assert "nbekannt" not in str([entry.details for entry in noted])


async def test_an_operator_can_unlock(client: Client, anna: Staff, session: AsyncSession, clock: FakeClock):
    await tries(client, WRONG, 5)
    for number in range(FREE_TRIES_OF_A_SOURCE):
        await submit(client, "/login", WRONG | {"name": f"nobody{number}"})
    assert await tries(client, RIGHT, 1) == [429]
    await unlock(work_of(session, clock=clock), "ANNA")
    assert await tries(client, RIGHT, 1) == [303]


async def test_a_new_password_ends_all_sessions_and_the_pause(
    staff_client: Client, anna: Staff, session: AsyncSession, clock: FakeClock
):
    with as_stranger(staff_client):
        await tries(staff_client, WRONG, 5)
    await reset_password(work_of(session, clock=clock), "Anna", "another password")
    assert (await staff_client.get("/system", follow_redirects=False)).status_code == 303
    with as_stranger(staff_client):
        assert await tries(staff_client, RIGHT, 1) == [422]
        assert await tries(staff_client, RIGHT | {"password": "another password"}, 1) == [303]


async def test_of_a_crowd_of_logins_a_few_get_their_turn(
    sessions: SessionFactory, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher())

    async def one() -> str:
        async with sessions() as session:
            try:
                assert await log_in(work_of(session, clock=clock), "nobody", "wrong", lasting=DAY) is None
            except passwords.TooManyLogins:
                return "turned away"
        return "refused"

    came = Counter(await asyncio.gather(*(one() for _ in range(40))))
    assert came == {"refused": passwords.PLACES_FOR_STRANGERS, "turned away": 40 - came["refused"]}
    assert await one() == "refused"


async def test_whoever_is_turned_away_is_told_when_to_come_back_and_a_known_browser_has_its_place(
    client: Client, anna: Staff, monkeypatch: pytest.MonkeyPatch
):
    await tries(client, RIGHT, 1)
    await submit(client, "/logout")
    monkeypatch.setattr(passwords, "PLACES_FOR_STRANGERS", 0)
    with as_stranger(client):
        refused = await submit(client, "/login", RIGHT)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    assert "log in at this moment" in refused.text
    assert await tries(client, RIGHT, 1) == [303]


async def test_a_new_login_ends_the_session_this_browser_had(
    staff_client: Client, anna: Staff, session: AsyncSession
):
    former = staff_client.cookies["calldesk_session"]
    assert await tries(staff_client, RIGHT, 1) == [303]
    assert staff_client.cookies["calldesk_session"] != former
    staff_client.cookies.set("calldesk_session", former)
    assert (await staff_client.get("/system", follow_redirects=False)).status_code == 303


async def test_old_tries_are_forgotten(sessions: SessionFactory, session: AsyncSession, clock: FakeClock):
    async with session.begin():
        for key, last in ((b"a" * 32, clock() - KEPT - timedelta(seconds=1)), (b"b" * 32, clock() - KEPT)):
            session.add(LoginTries(key_hash=key, versuche=1, letzter_at=last))
    await Housekeeping(workplace_of(sessions, clock)).tidy()
    async with session.begin():
        assert list(await session.scalars(select(LoginTries.key_hash))) == [b"b" * 32]
