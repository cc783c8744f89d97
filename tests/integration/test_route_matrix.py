"""Every route, from the route table, as nobody, staff, an administrator and keys of all kinds ask for it."""

import re
from datetime import timedelta
from typing import Any

import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.api_keys import KeyTerms, create_key, revoke_key
from services.models import KeyScope, Staff
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
    "GET /api/docs",
    "GET /health",
    "GET /health/live",
    "GET /health/ready",
    "GET /static/app.css",
}
ADMINISTRATORS = {
    "GET /activity",
    "GET /emails/export",
    "GET /week/export",
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

EMAILS = {
    "GET /api/emails",
    "POST /api/emails",
    "GET /api/emails/99",
    "PUT /api/emails/99",
    "GET /api/emails/99/eingang",
    "GET /api/email-templates",
    "GET /api/email-templates/99",
    "POST /api/email-templates/99/preview",
    "GET /api/stop-list",
    "DELETE /api/stop-list/99",
}
CALLS = {
    "GET /api/phone-calls",
    "POST /api/phone-calls",
    "GET /api/phone-calls/99",
    "PUT /api/phone-calls/99",
    "DELETE /api/phone-calls/99",
    "GET /api/therapists/99/phone",
    "GET /api/therapists/99/slots",
    "PUT /api/therapists/99/absence",
}
OPENED = {
    KeyScope.EMAILS: EMAILS,
    KeyScope.CALLS: CALLS,
    KeyScope.READ: {route for route in EMAILS | CALLS if route.startswith("GET ")},
    KeyScope.METRICS: {"GET /metrics"},
}
"""What a key with only this scope may: a route that is new is named here, or a test fails."""

DESCRIPTION = "GET /api/docs"
"""How the API is described: every key may read it."""

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
    services = set(routes(app)) - set(pages(app)) - PUBLIC
    assert {route for route in services if not await refused(client, route)} == set()


def for_services(app: Litestar) -> set[str]:
    """Return what keys are asked for, without the description of it."""
    closed = set(routes(app)) - set(pages(app)) - PUBLIC
    return {route for route in closed if not route.startswith(DESCRIPTION)}


async def a_key(session: AsyncSession, clock: FakeClock, **terms: Any) -> str:
    return await create_key(work_of(session, now=clock()), "matching", KeyTerms(**terms))


def test_every_route_for_services_has_a_scope(app: Litestar):
    assert for_services(app) == set[str]().union(*OPENED.values())


@pytest.mark.parametrize("scope", KeyScope)
async def test_a_key_opens_what_its_scope_names(
    client: Client, app: Litestar, session: AsyncSession, clock: FakeClock, scope: KeyScope
):
    key = await a_key(session, clock, scopes=[scope])
    came = {route: await ask(client, route, key) for route in for_services(app)}
    assert came.keys() - with_status(came, 403) == OPENED[scope]
    assert with_status(came, 303, 401, 429, 500) == set()


async def test_every_key_reads_the_description(
    client: Client, app: Litestar, session: AsyncSession, clock: FakeClock
):
    key = await a_key(session, clock, scopes=[KeyScope.METRICS])
    described = [route for route in routes(app) if route.startswith(DESCRIPTION)]
    came = {route: await ask(client, route, key) for route in described}
    assert with_status(came, 200, 404) == set(described)


async def test_a_key_opens_no_page(client: Client, app: Litestar, session: AsyncSession, clock: FakeClock):
    key = await a_key(session, clock, scopes=list(KeyScope))
    for route in set(pages(app)) - PUBLIC:
        status, leads_to = await ask(client, route, key)
        assert (status, leads_to) == (303, "/login") or (route[:4], status) == ("POST", 403), route


async def test_an_expired_key_opens_nothing(
    client: Client, app: Litestar, session: AsyncSession, clock: FakeClock
):
    key = await a_key(session, clock, scopes=list(KeyScope), expires_at=clock() + timedelta(hours=1))
    clock.advance(hours=1)
    came = {route: await ask(client, route, key) for route in for_services(app)}
    assert with_status(came, 401) == for_services(app)


async def test_a_revoked_key_opens_nothing(
    client: Client, app: Litestar, session: AsyncSession, clock: FakeClock
):
    key = await a_key(session, clock, scopes=list(KeyScope))
    await revoke_key(work_of(session, now=clock()), 1)
    came = {route: await ask(client, route, key) for route in for_services(app)}
    assert with_status(came, 401) == for_services(app)
