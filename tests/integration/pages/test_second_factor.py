"""Codes from an app: setting up, logging in, losing the phone."""

import re
from datetime import timedelta

import pytest
from litestar import Litestar
from pydantic import SecretStr
from pyotp.totp import TOTP
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.logins import CODE_WITHIN
from services.accounts.second_factor import enrolment
from services.models import Activity, PendingLogin, RecoveryCode, Staff
from shared.config import Settings
from tests.clock import FakeClock
from tests.integration.conftest import CHEAP_HASH, PASSWORD, Client, submit
from webapp.auth import totp_key

NAME = {"name": "Anna", "password": PASSWORD}
OWN = {"current_password": PASSWORD}
TICKET = re.compile(r'name="ticket" value="([^"]+)"')
SECRET = re.compile(r'data-copy="([A-Z2-7]{32})"')
CODES = re.compile(r"(?:[a-z2-9]{4}-){3}[a-z2-9]{4}")
PAGE = "/account/second-factor"


def now_shown(secret: str, clock: FakeClock) -> str:
    """Return what the app shows."""
    return TOTP(secret).at(clock())


async def set_up(client: Client, clock: FakeClock) -> tuple[str, list[str]]:
    """Set up a second factor; return its secret and the recovery codes."""
    await submit(client, f"{PAGE}/begin", OWN)
    page = (await client.get(PAGE)).text
    assert "<svg" in page
    secret = SECRET.search(page)
    assert secret
    done = await submit(client, f"{PAGE}/confirm", {"code": now_shown(secret[1], clock)})
    assert done.status_code == 200
    codes = CODES.findall(done.text.split("data-copy")[0])
    assert len(codes) == 10
    clock.advance(seconds=30)
    return secret[1], codes


async def ticket(client: Client) -> str:
    """Give name and password; return what goes on with the login."""
    asked = await submit(client, "/login", NAME)
    assert asked.status_code == 200
    found = TICKET.search(asked.text)
    assert found
    return found[1]


async def gets_in(client: Client, code: str) -> bool:
    await submit(client, "/logout")
    answer = await submit(client, "/login/code", {"ticket": await ticket(client), "code": code})
    assert answer.status_code in (303, 422)
    return answer.status_code == 303


async def test_a_login_asks_for_the_code_and_opens_nothing_before(staff_client: Client, clock: FakeClock):
    secret, _ = await set_up(staff_client, clock)
    await submit(staff_client, "/logout")
    asked = await submit(staff_client, "/login", NAME | {"next": "/week"})
    found = TICKET.search(asked.text)
    assert found
    assert "calldesk_session" not in staff_client.cookies
    staff_client.cookies.set("calldesk_session", found[1])
    assert (await staff_client.get("/system", follow_redirects=False)).status_code == 303
    del staff_client.cookies["calldesk_session"]
    shown = now_shown(secret, clock)
    form = {"ticket": found[1], "code": f" {shown[:3]} {shown[3:]}", "next": "/week"}
    answer = await submit(staff_client, "/login/code", form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/week")
    assert (await staff_client.get("/system")).status_code == 200


async def test_a_code_is_taken_once_and_none_from_before(staff_client: Client, clock: FakeClock):
    secret, _ = await set_up(staff_client, clock)
    clock.advance(seconds=60)
    code, before = now_shown(secret, clock), TOTP(secret).at(clock() - timedelta(seconds=30))
    assert await gets_in(staff_client, code)
    assert not await gets_in(staff_client, code)
    assert not await gets_in(staff_client, before)
    clock.advance(seconds=30)
    assert await gets_in(staff_client, now_shown(secret, clock))


async def test_a_phones_clock_may_be_half_a_minute_wrong(staff_client: Client, clock: FakeClock):
    secret, _ = await set_up(staff_client, clock)
    clock.advance(minutes=5)
    assert not await gets_in(staff_client, TOTP(secret).at(clock() + timedelta(seconds=60)))
    assert await gets_in(staff_client, TOTP(secret).at(clock() - timedelta(seconds=30)))
    assert await gets_in(staff_client, TOTP(secret).at(clock() + timedelta(seconds=30)))


async def test_codes_can_not_be_tried_for_long(staff_client: Client, clock: FakeClock, session: AsyncSession):
    secret, _ = await set_up(staff_client, clock)
    wrong = f"{(int(now_shown(secret, clock)) + 1) % 1_000_000:06}"
    await submit(staff_client, "/logout")
    going_on = {"ticket": await ticket(staff_client)}
    for _ in range(5):
        assert (await submit(staff_client, "/login/code", going_on | {"code": wrong})).status_code == 422
    right = going_on | {"code": now_shown(secret, clock)}
    assert (await submit(staff_client, "/login/code", right)).status_code == 422
    clock.advance(seconds=61)
    right = going_on | {"code": now_shown(secret, clock)}
    assert (await submit(staff_client, "/login/code", right)).status_code == 303
    async with session.begin():
        failed = await session.scalars(
            select(Activity.details).where(Activity.action == "login_failed").order_by(Activity.id)
        )
        assert [each["reason"] for each in failed] == ["wrong_code"] * 5 + ["code_paused"]


async def test_a_recovery_code_lets_in_once(staff_client: Client, clock: FakeClock, session: AsyncSession):
    _, codes = await set_up(staff_client, clock)
    assert await gets_in(staff_client, codes[3].upper())
    assert "9 recovery codes left" in (await staff_client.get("/account")).text
    assert not await gets_in(staff_client, codes[3])
    assert await gets_in(staff_client, codes[4].replace("-", ""))
    renewed = await submit(staff_client, f"{PAGE}/codes", OWN)
    assert len(set(CODES.findall(renewed.text))) == 10
    assert not await gets_in(staff_client, codes[5])


async def test_a_login_that_took_too_long_begins_anew(staff_client: Client, clock: FakeClock):
    secret, _ = await set_up(staff_client, clock)
    await submit(staff_client, "/logout")
    late = {"ticket": await ticket(staff_client)}
    clock.now += CODE_WITHIN
    answer = await submit(staff_client, "/login/code", late | {"code": now_shown(secret, clock)})
    assert (answer.status_code, "That took too long." in answer.text) == (422, True)


async def test_the_dialog_of_an_ended_session_asks_for_the_code_too(staff_client: Client, clock: FakeClock):
    secret, _ = await set_up(staff_client, clock)
    clock.advance(hours=2)
    asked = await submit(staff_client, "/login", NAME, htmx=True)
    found = TICKET.search(asked.text)
    assert found
    assert "<dialog" in asked.text
    form = {"ticket": found[1], "code": "000000"}
    wrong = await submit(staff_client, "/login/code", form, htmx=True)
    assert (wrong.status_code, "<dialog" in wrong.text) == (422, True)
    right = await submit(staff_client, "/login/code", form | {"code": now_shown(secret, clock)}, htmx=True)
    assert (right.status_code, right.headers["hx-trigger-after-swap"]) == (200, "logged-in")


async def test_setting_up_and_taking_away_want_the_password(
    staff_client: Client, clock: FakeClock, session: AsyncSession
):
    refused = await submit(staff_client, f"{PAGE}/begin", {"current_password": "not mine at all"})
    assert (refused.status_code, "This is not your password." in refused.text) == (422, True)
    await submit(staff_client, f"{PAGE}/begin", OWN)
    wrong = await submit(staff_client, f"{PAGE}/confirm", {"code": "12345"})
    assert (wrong.status_code, "This is not the code." in wrong.text) == (422, True)
    await set_up(staff_client, clock)
    await submit(staff_client, f"{PAGE}/remove", {"current_password": "not mine at all"})
    assert "in use" in (await staff_client.get(PAGE)).text.lower()
    await submit(staff_client, f"{PAGE}/remove", OWN)
    async with session.begin():
        assert (await session.get_one(Staff, 1)).totp_salz is None
        assert await session.scalar(select(func.count()).select_from(RecoveryCode)) == 0
    assert (await submit(staff_client, "/login", NAME)).status_code == 303


async def test_an_administrator_takes_a_lost_one_away_and_ends_the_logins(
    staff_client: Client, session: AsyncSession, clock: FakeClock
):
    async with session.begin():
        ben = Staff(name="Ben", password_hash=CHEAP_HASH, totp_salz=b"x" * 16, totp_seit=clock())
        session.add(ben)
    kept = dict(staff_client.cookies)
    staff_client.cookies.clear()
    assert TICKET.search((await submit(staff_client, "/login", NAME | {"name": "Ben"})).text)
    staff_client.cookies.clear()
    staff_client.cookies.update(kept)
    answer = await submit(staff_client, f"/system/staff/{ben.id}/second-factor/remove")
    page = (await staff_client.get(answer.headers["location"])).text
    assert "The second factor of Ben is taken away" in page
    async with session.begin():
        assert await session.scalar(select(func.count()).select_from(PendingLogin)) == 0
    again = await submit(staff_client, f"/system/staff/{ben.id}/second-factor/remove")
    assert (again.status_code, "There is no second factor." in again.text) == (409, True)


@pytest.mark.parametrize(
    ("required", "admin", "asked"), [(True, True, True), (True, False, False), ("everybody", False, True)]
)
async def test_where_it_is_required_it_is_set_up_before_anything_else(
    client: Client,
    app: Litestar,
    session: AsyncSession,
    clock: FakeClock,
    config: Settings,
    required: bool | str,
    admin: bool,
    asked: bool,
):
    app.state.config = config.model_copy(update={"require_totp": required})
    async with session.begin():
        session.add(Staff(name="Anna", password_hash=CHEAP_HASH, admin=admin))
    assert (await submit(client, "/login", NAME)).status_code == 303
    page = await client.get("/week", follow_redirects=False)
    if not asked:
        assert page.status_code == 200
        return
    assert page.headers["location"] == f"{PAGE}?next=/week"
    assert "Your account needs a second factor." in (await client.get(PAGE)).text
    assert (await submit(client, "/settings", {"sprache": "en"})).status_code == 303
    await set_up(client, clock)
    assert (await client.get("/week", follow_redirects=False)).status_code == 200


async def test_the_database_alone_makes_no_codes(
    staff_client: Client, config: Settings, session: AsyncSession, clock: FakeClock
):
    secret, codes = await set_up(staff_client, clock)
    async with session.begin():
        anna = await session.get_one(Staff, 1)
        hashes = list(await session.scalars(select(RecoveryCode.code_hash)))
    other = config.model_copy(update={"secret_key": SecretStr("another key, thirty-two characters")})
    assert enrolment(anna, totp_key(config)).secret == secret
    assert enrolment(anna, totp_key(other)).secret != secret
    assert not any(code.encode() in kept for kept in hashes for code in codes)
