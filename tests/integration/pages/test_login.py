from datetime import timedelta

import pytest
from litestar import Litestar
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.staff import set_active
from services.models import PhoneCall, Staff
from services.work import SYSTEM
from shared.database import SessionFactory
from tests.clock import FakeClock
from tests.factories import make_call, make_therapist
from tests.integration.conftest import CSRF_COOKIE, PASSWORD, Client, submit
from tests.work import work_of
from webapp.security import csrf_cookie_name


async def test_every_route_needs_a_session_or_a_key_unless_it_is_named_here(app: Litestar):
    health = {"/health", "/health/live", "/health/ready"}
    public = {"/login", "/login/code", "/logout", "/static/{file_path:path}", "/api/docs", *health}
    open_routes = {
        route.path
        for route in app.routes
        for handler in getattr(route, "route_handlers", [])
        if handler.opt.get("public")
    }
    assert open_routes == public


async def test_a_stranger_is_sent_to_the_login_page_and_back_afterwards(client: Client, anna: Staff):
    response = await client.get("/live", follow_redirects=False)
    assert response.status_code == 303
    assert response.headers["location"] == "/login?next=/live"
    answer = await submit(client, "/login", {"name": "anna", "password": PASSWORD, "next": "/emails"})
    assert answer.headers["location"] == "/emails"


async def test_whoever_asked_for_a_search_gets_it_after_logging_in(client: Client, anna: Staff):
    response = await client.get("/emails?show=failed&q=x%26y", follow_redirects=False)
    login = await client.get(response.headers["location"])
    assert 'name="next" value="/emails?show=failed&amp;q=x%26y"' in login.text


async def test_a_form_sent_after_the_session_ended_is_said_not_to_be_saved(
    staff_client: Client, clock: FakeClock
):
    clock.now += timedelta(hours=13)
    answer = await submit(staff_client, "/settings", {"sprache": "en"})
    login = await staff_client.get(answer.headers["location"])
    assert "what you sent was not saved" in login.text


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example"])
async def test_after_login_nobody_is_sent_to_another_site(client: Client, anna: Staff, target: str):
    answer = await submit(client, "/login", {"name": "Anna", "password": PASSWORD, "next": target})
    assert answer.headers["location"] == "/"


async def test_a_password_can_not_be_guessed_by_trying(client: Client, anna: Staff, clock: FakeClock):
    right, wrong = {"name": "Anna", "password": PASSWORD}, {"name": "anna", "password": "wrong wrong wrong"}
    for _ in range(4):
        assert (await submit(client, "/login", wrong)).status_code == 422
    assert (await submit(client, "/login", right)).status_code == 303
    for _ in range(5):
        await submit(client, "/login", wrong)
    assert (await submit(client, "/login", right)).status_code == 422
    clock.advance(seconds=61)
    assert (await submit(client, "/login", wrong)).status_code == 422
    assert (await submit(client, "/login", right)).status_code == 422
    clock.advance(seconds=61)
    assert (await submit(client, "/login", right)).status_code == 303


@pytest.mark.parametrize("name", ["Anna", "Nobody"])
async def test_a_wrong_password_and_an_unknown_name_look_the_same(client: Client, anna: Staff, name: str):
    answer = await submit(client, "/login", {"name": name, "password": "wrong wrong wrong"})
    assert answer.status_code == 422
    assert "Name and password don't belong together" in answer.text
    assert "calldesk_session" not in client.cookies


async def test_a_form_without_its_token_is_refused(client: Client, anna: Staff):
    answer = await client.post("/login", data={"name": "Anna", "password": PASSWORD})
    assert answer.status_code == 403


async def test_a_session_ends_after_its_hours(staff_client: Client, clock: FakeClock):
    clock.now += timedelta(hours=12, seconds=1)
    response = await staff_client.get("/live", follow_redirects=False)
    assert response.headers["location"] == "/login?next=/live"


async def test_a_fragment_of_an_ended_session_offers_the_login_dialog(staff_client: Client, clock: FakeClock):
    clock.now += timedelta(hours=13)
    answer = await submit(staff_client, "/settings", {"sprache": "en"}, htmx=True)
    assert answer.status_code == 401
    assert answer.headers["hx-retarget"] == "#dialog"
    assert "Your session has ended" in answer.text
    answer = await submit(staff_client, "/login", {"name": "Anna", "password": PASSWORD}, htmx=True)
    assert answer.status_code == 200
    assert "logged in again" in answer.text


async def test_a_closed_account_is_out_at_once(
    staff_client: Client, anna: Staff, sessions: SessionFactory, clock: FakeClock
):
    async with sessions() as session:
        await set_active(work_of(session, now=clock(), actor=SYSTEM), anna.id, False)
    assert (await staff_client.get("/live", follow_redirects=False)).status_code == 303
    answer = await submit(staff_client, "/login", {"name": "Anna", "password": PASSWORD})
    assert answer.status_code == 422


async def test_logging_out_ends_the_session_on_the_server(staff_client: Client):
    token = staff_client.cookies["calldesk_session"]
    await submit(staff_client, "/logout")
    staff_client.cookies.set("calldesk_session", token)
    assert (await staff_client.get("/live", follow_redirects=False)).status_code == 303


async def test_who_leaves_lets_go_of_the_call(
    staff_client: Client, anna: Staff, session: AsyncSession, sessions: SessionFactory, clock: FakeClock
):
    async with session.begin():
        session.add_all([make_therapist(), make_call(id=1)])
    holder = select(PhoneCall.bearbeitet_von)

    await submit(staff_client, "/calls/1/claim")
    assert await session.scalar(holder) == anna.id
    await submit(staff_client, "/logout")
    assert await session.scalar(holder) is None

    await submit(staff_client, "/login", {"name": "Anna", "password": PASSWORD})
    await submit(staff_client, "/calls/1/claim")
    async with sessions() as other:
        await set_active(work_of(other, now=clock(), actor=SYSTEM), anna.id, False)
    assert await session.scalar(holder) is None


async def test_the_language_follows_the_browser_until_somebody_chooses(staff_client: Client):
    german = await staff_client.get("/nowhere", headers={"Accept-Language": "de-DE,de;q=0.9"})
    assert "Unter dieser Adresse gibt es nichts." in german.text
    await submit(staff_client, "/settings", {"sprache": "en", "next": "/"})
    page = await staff_client.get("/login", headers={"Accept-Language": "de-DE"}, follow_redirects=False)
    assert page.status_code == 303


async def test_pages_carry_a_strict_policy_and_are_never_stored(client: Client):
    headers = (await client.get("/login")).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"


async def test_another_secret_key_locks_nobody_out(staff_client: Client):
    other = csrf_cookie_name("the key of yesterday, thirty-two characters")
    staff_client.cookies.set(other, "0" * 128)
    assert other != CSRF_COOKIE
    answer = await submit(staff_client, "/settings", {"sprache": "de", "next": "/system"})
    assert answer.headers["location"] == "/system"
