"""What people do with their own account: password, sessions, and what ends them."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.login_tries import Visitor
from services.accounts.logins import Login, log_in
from services.accounts.staff import ONE_TIME_LASTS, give_one_time_password
from services.models import Activity, Staff, StaffSession
from shared.database import SessionFactory
from tests.clock import FakeClock
from tests.integration.conftest import PASSWORD, Client, submit
from tests.work import work_of

NEW = "vier Worte sind besser"
FORM = {"current_password": PASSWORD, "new_password": NEW, "repeated_password": NEW}


async def elsewhere(sessions: SessionFactory, clock: FakeClock, name: str = "Firefox, Windows") -> str:
    """Log Anna in with another browser and return its token."""
    async with sessions() as session:
        visitor = Visitor(browser_name=name)
        login = await log_in(
            work_of(session, now=clock()), "Anna", PASSWORD, lasting=timedelta(hours=12), visitor=visitor
        )
    assert isinstance(login, Login)
    return login.token


async def is_in(client: Client, token: str | None = None) -> bool:
    """Whether a session, by default the client's, opens a page."""
    kept = dict(client.cookies)
    if token is not None:
        client.cookies.clear()
        client.cookies.set("calldesk_session", token)
    answer = await client.get("/system", follow_redirects=False)
    if token is not None:
        client.cookies.clear()
        client.cookies.update(kept)
    return answer.status_code == 200


async def actions(session: AsyncSession) -> list[str]:
    async with session.begin():
        return list(await session.scalars(select(Activity.action).order_by(Activity.id)))


async def test_a_password_is_changed_and_other_browsers_are_out(
    staff_client: Client, sessions: SessionFactory, session: AsyncSession, clock: FakeClock
):
    other = await elsewhere(sessions, clock)
    answer = await submit(staff_client, "/account/password", FORM)
    assert answer.headers["location"] == "/account?done=password#done"
    assert "Your password is changed." in (await staff_client.get("/account?done=password")).text
    assert await is_in(staff_client)
    assert not await is_in(staff_client, other)
    assert (await actions(session))[-1] == "password_changed"
    staff_client.cookies.clear()
    for password, status in ((PASSWORD, 422), (NEW, 303)):
        answer = await submit(staff_client, "/login", {"name": "Anna", "password": password})
        assert answer.status_code == status


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"current_password": "not mine at all"}, "This is not your password."),
        ({"repeated_password": "vier Worte sind gut"}, "This is not the same as the new password above."),
        ({"new_password": "kurz", "repeated_password": "kurz"}, "A password has 10 to 200 characters."),
        ({"new_password": "Passwort123", "repeated_password": "Passwort123"}, "a common word or password"),
        ({"new_password": PASSWORD, "repeated_password": PASSWORD}, "another password than the one you have"),
    ],
)
async def test_a_password_that_is_refused_changes_nothing(
    staff_client: Client, session: AsyncSession, changed: dict[str, str], words: str
):
    answer = await submit(staff_client, "/account/password", FORM | changed)
    assert answer.status_code == 422
    assert words in answer.text.replace("&#39;", "'")
    assert not any(typed in answer.text for typed in (FORM | changed).values())
    assert "password_changed" not in await actions(session)


async def test_whoever_sits_at_an_open_screen_can_not_try_passwords(staff_client: Client, clock: FakeClock):
    for _ in range(5):
        await submit(staff_client, "/account/password", FORM | {"current_password": "not mine at all"})
    assert (await submit(staff_client, "/account/password", FORM)).status_code == 422
    clock.advance(seconds=61)
    assert (await submit(staff_client, "/account/password", FORM)).status_code == 303


async def test_a_one_time_password_is_changed_before_anything_else(
    client: Client, anna: Staff, sessions: SessionFactory, clock: FakeClock
):
    async with sessions() as session:
        given = await give_one_time_password(work_of(session, now=clock()), anna.id)
    wanted = {"next": "/week?start=2026-10-12"}
    answer = await submit(client, "/login", {"name": "Anna", "password": given} | wanted)
    page = await client.get(answer.headers["location"], follow_redirects=False)
    assert page.headers["location"] == "/account/password?next=/week%3Fstart%3D2026-10-12"
    form = (await client.get(page.headers["location"])).text
    assert "Choose a password of your own" in form
    assert "data-live-url" not in form
    for path in ("/", "/system", "/emails/1", "/account", "/live"):
        page = await client.get(path, follow_redirects=False)
        assert page.headers["location"].startswith("/account/password?next=")
    refused = await submit(client, "/system/queue/hold", {"reason": "x"}, htmx=True)
    assert (refused.status_code, refused.headers["hx-retarget"]) == (403, "#dialog")
    assert 'href="/account/password" target="_blank"' in refused.text
    assert (await submit(client, "/settings", {"sprache": "en"})).status_code == 303

    same = {"current_password": given, "new_password": given, "repeated_password": given}
    assert (await submit(client, "/account/password", same)).status_code == 422
    own = FORM | wanted | {"current_password": given}
    answer = await submit(client, "/account/password", own)
    assert answer.headers["location"] == "/week?start=2026-10-12"
    assert (await client.get("/system", follow_redirects=False)).status_code == 200


async def test_a_one_time_password_is_of_no_use_after_its_days(
    client: Client, anna: Staff, sessions: SessionFactory, session: AsyncSession, clock: FakeClock
):
    async with sessions() as other:
        given = await give_one_time_password(work_of(other, now=clock()), anna.id)
    clock.now += ONE_TIME_LASTS
    assert (await submit(client, "/login", {"name": "Anna", "password": given})).status_code == 422
    async with session.begin():
        [details] = await session.scalars(select(Activity.details).where(Activity.action == "login_failed"))
    assert details == {"reason": "one_time_password_over"}


async def test_sessions_are_listed_and_ended_one_by_one(
    staff_client: Client, sessions: SessionFactory, session: AsyncSession, clock: FakeClock
):
    clock.advance(minutes=30)
    other = await elsewhere(sessions, clock)
    clock.advance(minutes=10)
    page = (await staff_client.get("/account")).text
    assert page.count("this browser") == 1
    assert "Firefox, Windows" in page
    assert "last used 10 minutes ago" in page.replace("\xa0", " ")
    ids = select(StaffSession.id).order_by(StaffSession.created_at)
    async with session.begin():
        _, firefox = await session.scalars(ids)
    answer = await submit(staff_client, f"/account/sessions/{firefox}/end")
    assert answer.headers["location"] == "/account?done=session#done"
    assert not await is_in(staff_client, other)
    assert await is_in(staff_client)


async def test_nobody_ends_anothers_session(
    staff_client: Client, ben: Staff, sessions: SessionFactory, session: AsyncSession, clock: FakeClock
):
    async with sessions() as other:
        login = await log_in(work_of(other, now=clock()), "Ben", PASSWORD, lasting=timedelta(hours=1))
    assert isinstance(login, Login)
    async with session.begin():
        bens = await session.scalar(select(StaffSession.id).where(StaffSession.staff_id == ben.id))
    await submit(staff_client, f"/account/sessions/{bens}/end")
    assert await is_in(staff_client, login.token)


async def test_logging_out_everywhere_ends_this_session_too(
    staff_client: Client, sessions: SessionFactory, clock: FakeClock
):
    tokens = [await elsewhere(sessions, clock), staff_client.cookies["calldesk_session"]]
    answer = await submit(staff_client, "/account/sessions/end")
    assert answer.headers["location"] == "/login"
    for token in tokens:
        staff_client.cookies.set("calldesk_session", token)
        assert (await staff_client.get("/system", follow_redirects=False)).status_code == 303


async def test_a_session_ends_when_nobody_does_anything(staff_client: Client, clock: FakeClock):
    for _ in range(3):
        clock.advance(minutes=59)
        assert await is_in(staff_client)
    clock.advance(minutes=60)
    assert not await is_in(staff_client)


async def test_what_a_page_asks_for_by_itself_keeps_no_session_alive(staff_client: Client, clock: FakeClock):
    for _ in range(3):
        clock.advance(minutes=20)
        by_itself = {"X-Unasked": "true", "HX-Request": "true"}
        answer = await staff_client.get("/inbox/count?shown=0", headers=by_itself)
    assert answer.status_code == 401
    assert "Your session has ended" in answer.text


async def test_an_active_session_ends_after_its_hours_all_the_same(staff_client: Client, clock: FakeClock):
    for _ in range(12):
        assert await is_in(staff_client)
        clock.advance(minutes=60, seconds=-1)
    clock.advance(seconds=12)
    assert not await is_in(staff_client)


async def test_what_was_typed_outlives_a_session_that_went_unused(
    staff_client: Client, call: int, clock: FakeClock
):
    await submit(staff_client, f"/calls/{call}/claim")
    draft = {"version": 1, "ergebnis": "Ruft morgen zurück"}
    await submit(staff_client, f"/calls/{call}/draft", draft, htmx=True)
    clock.advance(minutes=60)
    asked = await submit(staff_client, f"/calls/{call}/draft", draft, htmx=True)
    assert (asked.status_code, asked.headers["hx-retarget"]) == (401, "#dialog")
    await submit(staff_client, "/login", {"name": "Anna", "password": PASSWORD}, htmx=True)
    await submit(staff_client, f"/calls/{call}/claim")
    assert "Ruft morgen zurück" in (await staff_client.get(f"/calls/{call}")).text
