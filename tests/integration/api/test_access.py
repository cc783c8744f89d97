from datetime import timedelta

import pytest
from sqlalchemy import URL

from services.accounts.api_keys import KeyTerms, create_key, revoke_key
from services.work import SYSTEM
from shared.config.settings import load_settings
from shared.database import SessionFactory
from tests.clock import FakeClock
from tests.integration.conftest import Client
from tests.work import work_of
from webapp import service_keys
from webapp.app import create_app


async def test_the_api_asks_for_a_key(client: Client):
    answer = await client.get("/api/emails")
    assert answer.status_code == 401
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert "Bearer" in answer.json()["message"]


@pytest.mark.parametrize("header", ["Bearer cd_wrong", "Basic abc", "Bearer"])
async def test_a_wrong_key_is_refused(client: Client, header: str):
    assert (await client.get("/api/emails", headers={"Authorization": header})).status_code == 401


async def test_a_key_opens_the_api_until_it_is_revoked(
    client: Client, sessions: SessionFactory, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(service_keys, "KEY_MEMORY_SECONDS", 0)
    async with sessions() as session:
        key = await create_key(work_of(session, now=clock()), "matching")
    headers = {"Authorization": f"Bearer {key}"}
    assert (await client.get("/api/emails", headers=headers)).status_code == 200
    async with sessions() as session:
        await revoke_key(work_of(session, now=clock(), actor=SYSTEM), 1)
    assert (await client.get("/api/emails", headers=headers)).status_code == 401


async def test_a_refused_key_is_told_why(client: Client, sessions: SessionFactory, clock: FakeClock):
    until = clock() + timedelta(hours=1)
    async with sessions() as session:
        work = work_of(session, now=clock())
        revoked = await create_key(work, "revoked")
        expiring = await create_key(work, "expiring", KeyTerms(expires_at=until))
        await revoke_key(work, 1)

    async def told(key: str) -> tuple[int, str]:
        answer = await client.get("/api/emails", headers={"Authorization": f"Bearer {key}"})
        assert "invalid_token" in answer.headers.get("WWW-Authenticate", "invalid_token")
        return answer.status_code, answer.json().get("detail", "")

    assert await told("cd_invented") == (401, "This API key is not valid.")
    assert await told(revoked) == (401, "This API key was revoked.")
    assert await told(expiring) == (200, "")
    clock.now = until
    reason = f"This API key expired at {until:%Y-%m-%dT%H:%M:%SZ}. Ask for a new one."
    assert await told(expiring) == (401, reason)


async def test_a_key_for_something_else_is_told_what_is_missing(
    client: Client, sessions: SessionFactory, clock: FakeClock
):
    async with sessions() as session:
        key = await create_key(work_of(session, now=clock()), "matching", KeyTerms(scopes=["calls"]))
    headers = {"Authorization": f"Bearer {key}"}
    listed = await client.get("/api/emails", headers=headers)
    assert listed.status_code == 403
    assert listed.json()["detail"] == "This needs an API key with the scope emails or read."
    made = await client.post("/api/emails", headers=headers, json={"anything": 1})
    assert made.json()["detail"] == "This needs an API key with the scope emails."
    assert made.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope"'
    assert made.headers["content-type"].startswith("application/problem+json")


async def test_the_description_says_which_scopes_open_a_route(
    client: Client, sessions: SessionFactory, clock: FakeClock
):
    async with sessions() as session:
        key = await create_key(work_of(session, now=clock()), "matching")
    answer = await client.get("/api/docs/openapi.json", headers={"Authorization": f"Bearer {key}"})
    emails = answer.json()["paths"]["/api/emails"]
    assert sorted(emails["get"]["x-scopes"]) == ["emails", "read"]
    assert emails["post"]["x-scopes"] == ["emails"]
    assert emails["post"]["description"].endswith("The key needs the scope `emails`.")


async def test_only_development_answers_without_a_key(database: URL, clock: FakeClock):
    config = load_settings(
        env_file=None, app_env="development", database_url=database.render_as_string(hide_password=False)
    )
    async with Client(create_app(config, clock=clock), base_url="http://127.0.0.1:8004") as client:
        assert (await client.get("/api/emails")).status_code == 200


async def test_a_page_session_does_not_open_the_api(staff_client: Client):
    assert (await staff_client.get("/api/emails")).status_code == 401
