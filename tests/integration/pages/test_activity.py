"""Who did what when, for administrators."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.api_keys import create_key, revoke_key
from services.desk.activity import SHOWN, ActivityFilter, activity_page
from services.models import Activity, Staff
from services.work import Action
from tests.clock import FakeClock
from tests.factories import make_email
from tests.integration.conftest import PASSWORD, Client, submit
from tests.work import work_of
from webapp.screens import activity_words


def test_the_page_has_words_for_everything_that_is_noted():
    assert set(activity_words.ACTIONS) == set(Action)


async def entries(session: AsyncSession, clock: FakeClock, **wanted: object) -> list[int]:
    page = await activity_page(work_of(session, now=clock()), ActivityFilter(**wanted))  # pyright: ignore
    return [row.id for row in page.rows]


async def test_it_is_filtered_by_person_object_kind_and_time(
    anna: Staff, ben: Staff, session: AsyncSession, clock: FakeClock
):
    yesterday = clock() - timedelta(days=1)
    async with session.begin():
        await session.execute(text("DELETE FROM communication_service.activity"))
        for id_, at, staff_id, action, about in (
            (1, yesterday, anna.id, "call_moved", ("call", 7)),
            (2, yesterday, None, "login_failed", ("staff", ben.id)),
            (3, clock(), ben.id, "call_moved", ("call", 8)),
            (4, clock(), ben.id, "email_changed", ("email", 7)),
        ):
            actor = "staff" if staff_id else "system"
            session.add(
                Activity(
                    id=id_,
                    at=at,
                    staff_id=staff_id,
                    actor=actor,
                    action=action,
                    details={},
                    object_type=about[0],
                    object_id=about[1],
                )
            )
    today = clock().date()
    for wanted, ids in (
        ({}, [4, 3, 2, 1]),
        ({"staff_id": ben.id}, [4, 3]),
        ({"actor": "system"}, [2]),
        ({"action": Action.CALL_MOVED}, [3, 1]),
        ({"object_type": "call"}, [3, 1]),
        ({"object_type": "call", "object_id": 7}, [1]),
        ({"object_id": 7}, [4, 1]),
        ({"since": today}, [4, 3]),
        ({"until": today - timedelta(days=1)}, [2, 1]),
        ({"staff_id": ben.id, "action": Action.CALL_MOVED, "since": today, "until": today}, [3]),
    ):
        assert await entries(session, clock, **wanted) == ids, wanted


async def test_pages_follow_each_other_while_more_is_done(
    anna: Staff, session: AsyncSession, clock: FakeClock
):
    def noted(at: int) -> Activity:
        return Activity(
            at=clock() + timedelta(seconds=at // 3),
            staff_id=anna.id,
            actor="staff",
            action="logged_in",
            object_type="staff",
            object_id=anna.id,
            details={},
        )

    async with session.begin():
        session.add_all(noted(number) for number in range(2 * SHOWN + 10))
    work, seen, after = work_of(session, now=clock()), list[int](), None
    while True:
        page = await activity_page(work, ActivityFilter(), after=after)
        seen += [row.id for row in page.rows]
        after = page.next
        if after is None:
            break
        async with session.begin():
            session.add(noted(1000))
    assert len(seen) == len(set(seen)) == 2 * SHOWN + 10
    assert seen == sorted(seen, reverse=True)


async def test_failed_logins_and_refused_keys_are_in_it_without_what_was_typed(
    staff_client: Client, session: AsyncSession, clock: FakeClock
):
    key = await create_key(work_of(session, now=clock()), "matching")
    await revoke_key(work_of(session, now=clock()), 1)
    kept = dict(staff_client.cookies)
    staff_client.cookies.clear()
    await submit(staff_client, "/login", {"name": "Jemand Fremdes", "password": PASSWORD})
    staff_client.cookies.clear()
    for sent in (key, "cd_invented-by-somebody"):
        for _ in range(3):
            refused = await staff_client.get("/api/emails", headers={"Authorization": f"Bearer {sent}"})
            assert refused.status_code == 401
    clock.advance(minutes=1)
    await staff_client.get("/api/emails", headers={"Authorization": f"Bearer {key}"})
    staff_client.cookies.clear()
    staff_client.cookies.update(kept)
    page = (await staff_client.get("/activity")).text
    assert "nobody has this name, or the account is closed" in page
    assert page.count("An API key was refused</td>") + page.count(": it is revoked") == 2
    assert page.count(": it was never given out") == 1
    assert "matching" in page
    for secret in ("Jemand Fremdes", key, key[:8], "cd_invented", PASSWORD):
        assert secret not in page


async def test_the_page_says_who_did_what_to_whom(
    staff_client: Client, ben: Staff, session: AsyncSession, clock: FakeClock
):
    async with session.begin():
        session.add(make_email(betreff="Geheimer Betreff", id=5))
    await submit(staff_client, f"/system/staff/{ben.id}/role", {"admin": "true"})
    page = (await staff_client.get("/activity?who=1&action=role_changed&bis=2026-10-14")).text
    row = page.split("<tbody>")[1]
    assert row.count("<tr>") == 1
    assert "Anna" in row
    assert 'changed a role<span class="muted">: Administrator' in row
    assert f'<a href="/system/staff/{ben.id}">Ben</a>' in row
    nothing = await staff_client.get("/activity?who=system&action=logged_in")
    assert "Nothing was done that fits." in nothing.text
    assert (await staff_client.get("/activity?von=gestern")).status_code == 422
    assert (await staff_client.get("/activity?who=x&number=-1&after=y&action=z&object=w")).status_code == 200


@pytest.mark.parametrize("path", ["/activity", "/system/staff/1"])
async def test_only_administrators_see_it(client: Client, ben: Staff, path: str):
    await submit(client, "/login", {"name": "Ben", "password": PASSWORD})
    assert (await client.get(path)).status_code == 403
