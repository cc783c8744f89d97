"""Pages, styles and scripts come compressed; what is secret in a page does not show in its length."""

import re

import pytest

from services.models import Staff
from tests.factories import make_therapist
from tests.integration.conftest import CSRF_COOKIE, PASSWORD, Client, csrf
from tests.integration.pages.conftest import Store
from webapp.static_files import static_url

TOKENS = re.compile(r'name="_csrf_token" value="([0-9a-f]+)"')


@pytest.mark.parametrize("path", ["/", "/emails", static_url("app.css"), static_url("js/lists.js")])
async def test_what_a_browser_loads_is_compressed(staff_client: Client, path: str):
    answer = await staff_client.get(path, headers={"Accept-Encoding": "gzip, br"})
    assert answer.headers["content-encoding"] == "gzip"
    assert "accept-encoding" in answer.headers["vary"].lower()
    assert int(answer.headers["content-length"]) < len(answer.content) / 2
    plain = await staff_client.get(path, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers


async def test_no_page_carries_the_token_itself_and_every_form_its_own(staff_client: Client, store: Store):
    await store(make_therapist())
    pages = [(await staff_client.get("/therapists/1")).text for _ in range(2)]
    tokens = [token for page in pages for token in TOKENS.findall(page)]
    assert len(tokens) > 4
    assert len({token[-8:] for token in tokens}) == len(tokens)
    assert all(staff_client.cookies[CSRF_COOKIE] not in page for page in pages)


async def test_a_masked_token_is_accepted_and_one_for_another_browser_is_not(client: Client, anna: Staff):
    form = {"name": "anna", "password": PASSWORD, "next": "/emails"}
    theirs = await csrf(client)
    client.cookies.clear()
    mine = await csrf(client)
    for token in (theirs, mine[:-1] + ("0" if mine[-1] != "0" else "1"), "0" * len(mine), "ü", ""):
        refused = await client.post("/login", data={**form, "_csrf_token": token}, follow_redirects=False)
        assert refused.status_code == 403, token
    done = await client.post("/login", data={**form, "_csrf_token": mine}, follow_redirects=False)
    assert done.headers["location"] == "/emails"
