"""A key's requests in a minute, over one web process and over several."""

import pytest
from sqlalchemy import URL, select, text

from services.accounts.api_keys import KeyTerms, create_key
from services.accounts.rate_limits import RateLimits
from services.models import ApiKey
from shared.config.settings import load_settings
from shared.database import SessionFactory
from shared.direct_connection import DirectPool
from tests.clock import FakeClock
from tests.eventually import eventually
from tests.integration.conftest import Client
from tests.work import work_of
from webapp.app import create_app

FIGURES = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


async def bearer(sessions: SessionFactory, clock: FakeClock, name: str, limit: int | None) -> dict[str, str]:
    async with sessions() as session:
        terms = KeyTerms(requests_per_minute=limit)
        return {"Authorization": f"Bearer {await create_key(work_of(session, now=clock()), name, terms)}"}


async def test_a_key_may_make_so_many_requests_a_minute(
    client: Client, sessions: SessionFactory, clock: FakeClock
):
    key = await bearer(sessions, clock, "matching", 3)
    other = await bearer(sessions, clock, "reporting", 3)
    clock.advance(seconds=20)
    answers = [
        await client.get(path, headers=key) for path in ("/api/emails", "/api/emails/7", "/api/emails")
    ]
    assert [answer.status_code for answer in answers] == [200, 404, 200]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["2", "1", "0"]
    refused = await client.get("/api/emails", headers=key)
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "40"
    assert [refused.headers[name] for name in FIGURES] == ["3", "0", "40"]
    assert refused.headers["content-type"].startswith("application/problem+json")
    assert refused.json()["detail"].startswith("This API key may make 3 requests a minute")
    assert (await client.get("/api/emails", headers=other)).status_code == 200
    clock.advance(seconds=40)
    assert (await client.get("/api/emails", headers=key)).headers["RateLimit-Remaining"] == "2"


async def test_what_is_refused_counts_too(client: Client, sessions: SessionFactory, clock: FakeClock):
    key = await bearer(sessions, clock, "matching", 2)
    statuses = [(await client.get("/metrics", headers=key)).status_code for _ in range(3)]
    assert statuses == [403, 403, 429]


async def test_without_a_limit_nothing_is_said(client: Client, sessions: SessionFactory, clock: FakeClock):
    answer = await client.get("/api/emails", headers=await bearer(sessions, clock, "matching", 0))
    assert not answer.headers.keys() & {name.lower() for name in FIGURES}
    assert "ratelimit-limit" not in (await client.get("/health")).headers


async def test_the_setting_holds_where_a_key_has_no_limit_of_its_own(
    database: URL, sessions: SessionFactory, clock: FakeClock
):
    config = load_settings(
        env_file=None,
        app_env="testing",
        database_url=database.render_as_string(hide_password=False),
        api_rate_limit_per_minute=7,
    )
    key = await bearer(sessions, clock, "matching", None)
    async with Client(create_app(config, clock=clock), base_url="http://127.0.0.1:8004") as client:
        assert (await client.get("/api/emails", headers=key)).headers["RateLimit-Limit"] == "7"


@pytest.mark.parametrize(("limit", "at_least"), [(1, 1), (7, 7), (50, 46), (1_000, 900)])
async def test_several_processes_never_grant_more_than_the_limit(
    database: URL, sessions: SessionFactory, clock: FakeClock, limit: int, at_least: int
):
    await bearer(sessions, clock, "matching", limit)
    pool = DirectPool(database, application_name="test", size=2)
    processes = [RateLimits(pool) for _ in range(3)]
    asked = [processes[number % 3] for number in range(3 * limit)]
    granted = sum([(await process.spend(1, limit, clock())).granted for process in asked])
    await pool.close()
    assert at_least <= granted <= limit


async def test_when_a_key_was_last_used_is_noted_to_the_minute(
    client: Client, sessions: SessionFactory, clock: FakeClock
):
    key = await bearer(sessions, clock, "matching", None)

    async def noted(expected: FakeClock) -> bool:
        async with sessions() as session:
            return await session.scalar(select(ApiKey.last_used_at)) == expected()

    first = FakeClock(clock())
    for _ in range(3):
        await client.get("/api/emails", headers=key)
    await eventually(lambda: noted(first))
    clock.advance(seconds=59)
    await client.get("/api/emails", headers=key)
    assert await noted(first)
    clock.advance(seconds=1)
    await client.get("/api/emails", headers=key)
    await eventually(lambda: noted(clock))


async def test_no_request_waits_for_the_note_of_its_use(
    client: Client, sessions: SessionFactory, clock: FakeClock
):
    key = await bearer(sessions, clock, "matching", None)
    async with sessions() as other, sessions() as session:

        async def note_waits() -> bool:
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            return bool(await session.scalar(text(waiting)))

        async with other.begin():
            await other.execute(select(ApiKey).with_for_update(key_share=True))
            assert (await client.get("/api/emails", headers=key)).status_code == 200
            await eventually(note_waits)
            assert (await client.get("/api/emails", headers=key)).status_code == 200
