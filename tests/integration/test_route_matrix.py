"""Every route, from the route table, as nobody, staff, an administrator and a service ask for it."""

import re

from litestar import Litestar
from litestar.routes import HTTPRoute
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.api_keys import create_key
from services.models import Staff
from tests.clock import FakeClock
from tests.factories import make_therapist
from tests.integration.conftest import CHEAP_HASH, Client, csrf, submit
from tests.work import work_of
from webapp.auth import is_service_path

PUBLIC = {
    "GET /login",
    "POST /login",
    "POST /login/code",
    "POST /logout",
    "GET /health",
    "GET /static/app.css",
}
ADMINISTRATORS = {
    "GET /activity",
    "GET /system/staff/new",
    "GET /system/staff/99",
    "POST /system/staff",
    "POST /system/staff/99/role",
    "POST /system/staff/99/password",
    "POST /system/staff/99/second-factor/remove",
    "POST /system/staff/99/close",
    "POST /system/staff/99/open",
    "POST /system/keys",
    "POST /system/keys/99/revoke",
    "POST /system/call-guides/99",
    "POST /system/queue/hold",
    "POST /system/queue/release",
    "GET /system/privacy",
    "POST /system/privacy/preview",
    "POST /system/privacy/export",
    "POST /system/privacy/erase",
}
"""What staff may not: named here, so that a guard that is missing is found."""

ENDS_THE_SESSION = ("POST /logout", "POST /account/sessions/end")
STREAM = "GET /live"
"""It does not end, so it is asked for only by those who don't get it."""


def routes(app: Litestar) -> list[str]:
    """Return method and address of every handler, its places filled; what ends the session at the end."""
    found: set[str] = set()
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            path = re.sub(r"\{\w+:path\}", "app.css", route.path)
            path = re.sub(r"\{\w+:(int|str)\}", "99", path)
            methods = {method for handler in route.route_handlers for method in handler.http_methods}
            found |= {f"{method} {path}" for method in methods - {"HEAD", "OPTIONS"}}
    return sorted(found, key=lambda route: (route in ENDS_THE_SESSION, route))


def pages(app: Litestar) -> list[str]:
    return [route for route in routes(app) if not is_service_path(route.split(" ")[1])]


async def ask(client: Client, route: str, key: str | None = None) -> tuple[int, str]:
    """Return the status of the answer and where it leads."""
    method, path = route.split(" ")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    if method == "POST" and not is_service_path(path) and not key:
        answer = await submit(client, path)
    else:
        answer = await client.request(method, path, headers=headers, follow_redirects=False)
    return answer.status_code, answer.headers.get("location", "").partition("?")[0]


async def refused(client: Client, route: str, key: str | None = None) -> bool:
    """Whether somebody is asked for a login or a key."""
    status, leads_to = await ask(client, route, key)
    return status == 401 or (status == 303 and leads_to == "/login" and route != "POST /logout")


def with_status(came: dict[str, tuple[int, str]], *wanted: int) -> set[str]:
    return {route for route, (status, _) in came.items() if status in wanted}


def to_the_door(came: dict[str, tuple[int, str]]) -> set[str]:
    return {route for route, answer in came.items() if answer == (303, "/login")}


async def log_in(client: Client, session: AsyncSession, *, admin: bool) -> None:
    async with session.begin():
        session.add(Staff(name="Anna", password_hash=CHEAP_HASH, admin=admin))
        session.add(make_therapist(id=99))
    form = {"name": "Anna", "password": "correct horse battery"}
    assert (await submit(client, "/login", form)).status_code == 303


async def test_nobody_gets_what_is_not_public(client: Client, app: Litestar):
    await csrf(client)
    let_in = {route for route in routes(app) if not await refused(client, route)}
    assert let_in == PUBLIC


async def test_staff_get_all_pages_but_those_of_administrators(
    client: Client, app: Litestar, session: AsyncSession
):
    await log_in(client, session, admin=False)
    came = {route: await ask(client, route) for route in pages(app) if route != STREAM}
    assert with_status(came, 403) == ADMINISTRATORS
    assert with_status(came, 401, 500, 503) == set()
    assert to_the_door(came) == set(ENDS_THE_SESSION)


async def test_administrators_get_all_pages(client: Client, app: Litestar, session: AsyncSession):
    await log_in(client, session, admin=True)
    came = {route: await ask(client, route) for route in pages(app) if route != STREAM}
    assert with_status(came, 401, 403, 500, 503) == set()
    assert to_the_door(came) == set(ENDS_THE_SESSION)


async def test_people_get_nothing_that_is_for_services(client: Client, app: Litestar, session: AsyncSession):
    await log_in(client, session, admin=True)
    services = set(routes(app)) - set(pages(app))
    assert {route for route in services if not await refused(client, route)} == set()


async def test_a_key_opens_what_is_for_services_and_no_page(
    client: Client, app: Litestar, session: AsyncSession, clock: FakeClock
):
    key = await create_key(work_of(session, now=clock()), "matching")
    for route in routes(app):
        method, path = route.split(" ")
        status, leads_to = await ask(client, route, key)
        if is_service_path(path):
            assert status not in (303, 401, 403, 500), route
        elif route not in PUBLIC:
            assert (status, leads_to) == (303, "/login") or (method, status) == ("POST", 403), route
