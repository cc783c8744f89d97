"""HEAD, wherever GET is."""

import pytest

from services.accounts.api_keys import KeyTerms, create_key
from services.models import KeyScope
from shared.database import SessionFactory
from tests.clock import FakeClock
from tests.integration.api.test_emails import NEW
from tests.integration.conftest import Client
from tests.work import work_of

CHANGING = {"date", "set-cookie", "ratelimit-remaining", "x-request-id"}
ITS_OWN_LENGTH = {"/metrics": {"content-length"}}
"""What also differs: these figures count the request before."""


@pytest.fixture
async def api(client: Client, sessions: SessionFactory, clock: FakeClock) -> Client:
    """A service that may do everything."""
    async with sessions() as session:
        terms = KeyTerms(scopes=list(KeyScope))
        key = await create_key(work_of(session, now=clock()), "matching", terms)
    client.headers["Authorization"] = f"Bearer {key}"
    return client


async def same_headers(client: Client, path: str) -> int:
    """Return the status of a HEAD that is answered as a GET is, without a body."""
    read = await client.get(path, follow_redirects=False)
    headed = await client.head(path, follow_redirects=False)
    assert headed.content == b""
    assert headed.status_code == read.status_code, path
    changing = CHANGING | ITS_OWN_LENGTH.get(path, set())
    assert {name: value for name, value in headed.headers.items() if name not in changing} == {
        name: value for name, value in read.headers.items() if name not in changing
    }
    return headed.status_code


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/emails", 200),
        ("/api/emails/1", 200),
        ("/api/emails/2", 404),
        ("/api/emails?limit=0", 422),
        ("/api/phone-calls", 200),
        ("/api/email-templates", 200),
        ("/api/docs/openapi.json", 200),
        ("/health", 200),
        ("/metrics", 200),
        ("/static/app.css", 200),
        ("/nowhere", 404),
    ],
)
async def test_services_ask_for_headers_only(api: Client, path: str, status: int):
    await api.post("/api/emails", json=NEW)
    assert await same_headers(api, path) == status


@pytest.mark.parametrize("path", ["/", "/week", "/emails", "/therapists", "/statistics", "/system", "/login"])
async def test_so_do_browsers(staff_client: Client, path: str):
    staff_client.headers["Accept-Encoding"] = "identity"  # compressed, no two pages are of one length
    assert await same_headers(staff_client, path) in (200, 303)


async def test_without_a_session_it_leads_to_the_login_as_a_get_does(client: Client):
    assert await same_headers(client, "/emails") == 303


async def test_a_stream_ends_with_its_headers(staff_client: Client):
    answer = await staff_client.head("/live")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("text/event-stream")


async def test_what_can_only_be_sent_has_no_head(staff_client: Client):
    assert (await staff_client.head("/logout")).status_code == 405
    assert "HEAD" not in (await staff_client.options("/logout")).headers["allow"]


async def test_an_address_says_that_it_has_one(api: Client):
    for answer in (await api.options("/api/emails"), await api.patch("/api/emails")):
        assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"
