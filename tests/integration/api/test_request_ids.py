import structlog

from tests.integration.conftest import Client


async def test_the_callers_id_comes_back_also_where_it_is_refused(client: Client):
    for path in ("/api/emails", "/nowhere", "/health", "/login"):
        answer = await client.get(path, headers={"X-Request-ID": "matching-17"})
        assert answer.headers.get_list("x-request-id") == ["matching-17"], path


async def test_what_is_logged_meanwhile_carries_it(client: Client):
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        await client.get(
            "/api/emails", headers={"Authorization": "Bearer cd_wrong", "X-Request-ID": "matching-17"}
        )
    assert [line["request_id"] for line in lines if line["event"] == "api_key_refused"] == ["matching-17"]
