"""What administrators do for others: roles, lost passwords, who has gone."""

import asyncio
import re

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.staff import LastAdministrator, set_active, set_role
from services.models import Activity, PhoneCall, Staff
from services.work import Actor
from shared.database import SessionFactory
from tests.clock import FakeClock
from tests.factories import make_staff
from tests.integration.conftest import PASSWORD, Client, submit
from tests.work import work_of

ONE_TIME = re.compile(r'<code class="key">((?:[a-z2-9]{4}-){3}[a-z2-9]{4})</code>')


async def logs_in(client: Client, name: str, password: str) -> bool:
    kept = dict(client.cookies)
    client.cookies.clear()
    answer = await submit(client, "/login", {"name": name, "password": password})
    client.cookies.clear()
    client.cookies.update(kept)
    return answer.status_code == 303


async def load(session: AsyncSession, staff_id: int) -> Staff:
    async with session.begin():
        return await session.get_one(Staff, staff_id, populate_existing=True)


async def test_a_forgotten_password_becomes_a_one_time_password_shown_once(
    staff_client: Client, ben: Staff, session: AsyncSession
):
    page = await submit(staff_client, f"/system/staff/{ben.id}/password")
    given = ONE_TIME.search(page.text)
    assert given
    assert "It works until" in page.text
    assert given[1] not in (await staff_client.get(f"/system/staff/{ben.id}")).text
    assert not await logs_in(staff_client, "Ben", PASSWORD)
    assert await logs_in(staff_client, "Ben", given[1])
    async with session.begin():
        kept = await session.scalars(select(Activity).order_by(Activity.id))
        entry = [each for each in kept if each.action == "password_reset"][-1]
    assert (entry.object_id, entry.details) == (ben.id, {})


async def test_whoever_is_added_chooses_a_password_at_the_first_login(
    staff_client: Client, session: AsyncSession
):
    await submit(staff_client, "/system/staff", {"name": "Clara", "password": "long enough 1"})
    assert (await load(session, 2)).einmalpasswort_bis is not None


async def test_a_role_is_changed_from_the_next_click_on(
    staff_client: Client, ben: Staff, session: AsyncSession, sessions: SessionFactory
):
    answer = await submit(staff_client, f"/system/staff/{ben.id}/role", {"admin": "true"})
    assert "Ben is an administrator now." in (await staff_client.get(answer.headers["location"])).text
    assert (await load(session, ben.id)).admin
    answer = await submit(staff_client, "/system/staff/1/role", {"admin": "false"})
    assert answer.status_code == 303
    assert (await staff_client.get("/activity")).status_code == 403
    assert (await submit(staff_client, f"/system/staff/{ben.id}/role", {"admin": "false"})).status_code == 403


async def test_the_last_administrator_stays_one(staff_client: Client, anna: Staff, session: AsyncSession):
    answer = await submit(staff_client, f"/system/staff/{anna.id}/role", {"admin": "false"})
    assert answer.status_code == 409
    assert "There has to be an administrator." in answer.text
    assert (await load(session, anna.id)).admin


@pytest.mark.parametrize("change", ["role", "close"])
async def test_of_two_who_turn_each_other_out_one_stays(sessions: SessionFactory, anna: Staff, change: str):
    async with sessions() as session, session.begin():
        ben = make_staff(name="Ben", admin=True)
        session.add(ben)
        closed = make_staff(name="Clara", admin=True, aktiv=False)
        session.add(closed)

    async def turn_out(whom: Staff, by: Staff) -> None:
        async with sessions() as session:
            work = work_of(session, actor=Actor("staff", by.id))
            if change == "role":
                await set_role(work, whom.id, admin=False)
            else:
                await set_active(work, whom.id, False)

    came = await asyncio.gather(turn_out(anna, ben), turn_out(ben, anna), return_exceptions=True)
    assert [type(each) for each in came if each is not None] == [LastAdministrator]


async def test_closing_says_what_it_does_and_is_undone_at_once(
    staff_client: Client, ben: Staff, session: AsyncSession, call: int
):
    async with session.begin():
        row = await session.get_one(PhoneCall, call)
        row.bearbeitet_von, row.bearbeitet_bis = ben.id, row.created_at
    page = (await staff_client.get(f"/system/staff/{ben.id}")).text
    assert "Ben is logged out everywhere at once" in page
    answer = await submit(staff_client, f"/system/staff/{ben.id}/close")
    page = (await staff_client.get(answer.headers["location"])).text
    assert "Undo: open the account of Ben again" in page
    assert not (await load(session, ben.id)).aktiv
    assert not await logs_in(staff_client, "Ben", PASSWORD)
    async with session.begin():
        assert await session.scalar(select(PhoneCall.bearbeitet_von)) is None
    await submit(staff_client, f"/system/staff/{ben.id}/open")
    assert await logs_in(staff_client, "Ben", PASSWORD)


async def test_nobody_resets_their_own_account_here(staff_client: Client, anna: Staff):
    for change in ("password", "second-factor/remove"):
        assert (await submit(staff_client, f"/system/staff/{anna.id}/{change}")).status_code == 403


async def test_what_is_no_change_of_an_account_changes_nothing(
    staff_client: Client, ben: Staff, session: AsyncSession, clock: FakeClock
):
    assert (await submit(staff_client, f"/system/staff/{ben.id}/shut")).status_code == 404
    assert (await submit(staff_client, "/system/staff/99/close")).status_code == 404
    assert (await load(session, ben.id)).aktiv
