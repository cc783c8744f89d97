"""What anybody can send to the edges of the application: addresses, methods, hosts, origins."""

from collections.abc import AsyncGenerator

import pytest
from litestar import Litestar
from sqlalchemy import URL

from shared.config.settings import load_settings
from tests.clock import FakeClock
from tests.integration.api.test_emails import NEW
from tests.integration.conftest import Client
from webapp.app import create_app
from webapp.static_files import static_url

FRIEND = "https://app.example.de"


@pytest.fixture
async def development(database: URL, clock: FakeClock) -> AsyncGenerator[Client]:
    """The application in development, on a loopback address; one other site may use its API."""
    config = load_settings(
        env_file=None,
        app_env="development",
        cors_origins=FRIEND,
        database_url=database.render_as_string(hide_password=False),
    )
    async with Client(create_app(config, clock=clock), base_url="http://127.0.0.1:8004") as client:
        yield client


async def test_the_open_api_does_nothing_for_pages_of_other_sites(development: Client):
    as_page = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    body = '{"therapist_id": 1}'
    for headers in (as_page, {"Origin": "https://evil.example"}, {"Origin": "null"}):
        for kind in ({}, {"Content-Type": "text/plain"}, {"Content-Type": "application/json"}):
            answer = await development.post("/api/emails", content=body, headers=headers | kind)
            assert answer.status_code == 403, headers
            assert answer.headers["content-type"].startswith("application/problem+json")
        assert (await development.get("/api/emails", headers=headers)).status_code == 403
    assert (await development.post("/api/emails", json=NEW)).status_code == 201
    assert (await development.get("/api/emails")).json()["total"] == 1


async def test_a_name_that_was_made_to_lead_here_reads_nothing(development: Client):
    for path in ("/api/emails", "/login", "/metrics", "/static/app.css", "/api/docs/openapi.json"):
        answer = await development.get(path, headers={"Host": "rebound.evil.example:8004"})
        assert answer.status_code == 400, path
    assert (await development.get("/health", headers={"Host": "10.0.0.7:8004"})).status_code == 200
    assert (await development.get("/api/emails", headers={"Host": "localhost:8004"})).status_code == 200


async def test_sites_that_are_named_may_use_the_api_and_no_others(development: Client):
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    allowed = await development.options("/api/emails", headers={"Origin": FRIEND, **asks})
    assert allowed.headers["access-control-allow-origin"] == FRIEND
    as_page = {"Sec-Fetch-Site": "cross-site", "Origin": FRIEND}
    made = await development.post("/api/emails", json=NEW, headers=as_page)
    assert (made.status_code, made.headers["access-control-allow-origin"]) == (201, FRIEND)
    refused = await development.options("/api/emails", headers={"Origin": "https://evil.example", **asks})
    assert "access-control-allow-origin" not in refused.headers


async def test_no_site_is_named_by_default(client: Client):
    asks = {"Origin": FRIEND, "Access-Control-Request-Method": "GET"}
    answer = await client.options("/api/emails", headers=asks)
    assert "access-control-allow-origin" not in answer.headers


async def test_development_on_another_address_than_loopback_wants_a_key(database: URL, clock: FakeClock):
    config = load_settings(
        env_file=None,
        app_env="development",
        communication_service_host="0.0.0.0",
        database_url=database.render_as_string(hide_password=False),
    )
    async with Client(create_app(config, clock=clock)) as client:
        assert (await client.get("/api/emails")).status_code == 401
        assert (await client.get("/metrics")).status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "/static/%00",
        "/static/app.css%00",
        f"/static/{'x' * 300}",
        f"/static/{'x/' * 3000}y",
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static//etc/passwd",
        "/static/vendor",
        "/static/",
        "/static/%ff",
    ],
)
async def test_what_is_no_static_file_is_404_and_kept_by_nobody(client: Client, path: str):
    for method in ("GET", "HEAD"):
        answer = await client.request(method, path)
        assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store")


async def test_only_the_address_of_this_very_content_is_kept_for_ever(client: Client):
    newest = await client.get(static_url("app.css"))
    assert newest.headers["content-type"].startswith("text/css")
    assert newest.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert "set-cookie" not in newest.headers
    for other in ("/static/app.css", "/static/app.css?v=", "/static/app.css?v=0123456789ab"):
        answer = await client.get(other)
        assert (answer.text, answer.headers["cache-control"]) == (newest.text, "no-cache")
    head = await client.head(static_url("app.css"), headers={"Accept-Encoding": "identity"})
    assert (head.text, head.headers["content-length"]) == ("", str(len(newest.content)))
    wrong = await client.post(static_url("app.css"))
    assert (wrong.status_code, wrong.headers["cache-control"]) == (405, "no-store")


async def test_options_lists_what_an_address_can_do(client: Client, app: Litestar):
    answer = await client.options("/api/emails/1")
    assert answer.status_code == 204
    allowed = {
        "/api/emails": {"GET", "POST"},
        "/api/phone-calls/1": {"GET", "PUT", "DELETE"},
        "/health": {"GET"},
    }
    for path, methods in allowed.items():
        listed = set((await client.options(path)).headers["allow"].split(", "))
        assert methods | {"OPTIONS"} <= listed
        refused = await client.patch(path)
        assert refused.status_code == 405
        assert set(refused.headers["allow"].split(", ")) == listed


async def test_health_is_documented_as_open_and_the_rest_as_wanting_a_key(app: Litestar):
    document = app.openapi_schema.to_schema()
    assert document["security"] == [{"key": []}]
    for path, operations in document["paths"].items():
        for operation in operations.values():
            is_open = path in ("/health", "/health/live", "/health/ready")
            assert operation["security"] == ([{}] if is_open else [{"key": []}]), path
            assert bool(operation.get("x-scopes")) is not is_open, path
