"""Forms of other sites, other people and other browsers are refused; a page open for long still works."""

from datetime import timedelta

import pytest
from sqlalchemy import URL

from services.models import Staff
from shared.config.settings import load_settings
from shared.database import SessionFactory
from tests.clock import FakeClock
from tests.integration.conftest import CSRF_COOKIE, CSRF_FIELD, PASSWORD, Client, csrf, submit
from webapp.app import create_app

ANNA = {"name": "Anna", "password": PASSWORD}


async def change(client: Client, token: str, cookie: str | None = None) -> int:
    """Send a form with a token, also planted as the cookie; return what is answered."""
    client.cookies.set(CSRF_COOKIE, cookie or token)
    form = {"sprache": "de", "_csrf_token": token}
    return (await client.post("/settings", data=form, follow_redirects=False)).status_code


async def test_the_token_of_nobody_or_of_somebody_else_is_worth_nothing(
    client: Client, anna: Staff, ben: Staff
):
    nobodys = await csrf(client)
    await submit(client, "/login", {"name": "Ben", "password": PASSWORD})
    bens = await csrf(client, "/system")
    await submit(client, "/logout")
    await submit(client, "/login", ANNA)
    annas = await csrf(client, "/system")
    assert len({nobodys, bens, annas}) == 3
    assert [await change(client, token) for token in (nobodys, bens, "0" * 64, "")] == [403] * 4
    assert await change(client, annas) == 303


async def test_the_same_person_in_another_browser_has_another_token(client: Client, anna: Staff):
    await submit(client, "/login", ANNA)
    elsewhere = await csrf(client, "/system")
    client.cookies.clear()
    await submit(client, "/login", ANNA)
    assert await change(client, elsewhere) == 403


async def test_a_page_opened_before_the_session_ended_works_after_logging_in_again(
    staff_client: Client, clock: FakeClock
):
    opened = CSRF_FIELD.search((await staff_client.get("/system")).text)
    assert opened
    clock.now += timedelta(hours=13)
    form = {"sprache": "de", "_csrf_token": opened[1]}
    dialog = await staff_client.post("/settings", data=form, headers={"HX-Request": "true"})
    assert dialog.status_code == 401
    in_dialog = CSRF_FIELD.search(dialog.text)
    assert in_dialog
    again = await staff_client.post(
        "/login", data=ANNA | {"_csrf_token": in_dialog[1]}, headers={"HX-Request": "true"}
    )
    assert again.status_code == 200
    assert (await staff_client.post("/settings", data=form, follow_redirects=False)).status_code == 303


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_other_sites_can_not_even_log_somebody_in(client: Client, anna: Staff, site: str):
    token = await csrf(client)
    headers = {"Sec-Fetch-Site": site}
    answer = await client.post("/login", data=ANNA | {"_csrf_token": token}, headers=headers)
    assert answer.status_code == 403


async def test_over_tls_no_other_host_can_set_our_cookies(
    database: URL, clock: FakeClock, anna: Staff, sessions: SessionFactory
):
    config = load_settings(
        env_file=None,
        app_env="production",
        secret_key="0123456789abcdefghijklmnopqrstuvwxyz",
        smtp_host="mail.example.de",
        smtp_use_tls="tls",
        email_sender="kontakt@example.de",
        therapist_service_url="https://therapists.example.de",
        database_url=database.render_as_string(hide_password=False),
    )
    app = create_app(config, clock=clock)
    async with Client(app, base_url="https://desk.example.de") as client:
        token = await csrf(client)
        form = ANNA | {"_csrf_token": token}
        answer = await client.post("/login", data=form, follow_redirects=False)
        assert answer.status_code == 303
        cookies = answer.headers.get_list("set-cookie")
        gone = (await submit(client, "/logout", page="/system")).headers.get_list("set-cookie")
    assert {cookie.partition("=")[0].removesuffix(f"_{anna.id}") for cookie in cookies} == {
        "__Host-calldesk_session",
        "__Host-calldesk_browser",
        next(cookie.partition("=")[0] for cookie in cookies if "csrf" in cookie),
    }
    for cookie in cookies + gone:
        assert cookie.startswith("__Host-")
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))
