import pytest
from litestar.testing import AsyncTestClient
from sqlalchemy import URL

from services.accounts.api_keys import create_key, revoke_key
from services.work import SYSTEM
from shared.config.settings import load_settings
from shared.database import SessionFactory
from tests.clock import FakeClock
from tests.integration.conftest import Client
from tests.work import work_of
from webapp import auth
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
    monkeypatch.setattr(auth, "KEY_MEMORY_SECONDS", 0)
    async with sessions() as session:
        key = await create_key(work_of(session, now=clock()), "matching")
    headers = {"Authorization": f"Bearer {key}"}
    assert (await client.get("/api/emails", headers=headers)).status_code == 200
    async with sessions() as session:
        await revoke_key(work_of(session, now=clock(), actor=SYSTEM), 1)
    assert (await client.get("/api/emails", headers=headers)).status_code == 401


async def test_only_development_answers_without_a_key(database: URL, clock: FakeClock):
    config = load_settings(
        env_file=None, app_env="development", database_url=database.render_as_string(hide_password=False)
    )
    async with AsyncTestClient(create_app(config, clock=clock), base_url="http://127.0.0.1:8004") as client:
        assert (await client.get("/api/emails")).status_code == 200


async def test_a_page_session_does_not_open_the_api(staff_client: Client):
    assert (await staff_client.get("/api/emails")).status_code == 401
