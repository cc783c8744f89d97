"""The application below a path of its host: nothing leads out of where it stands."""

import re
from collections.abc import AsyncGenerator

import pytest

from shared.config import ConfigurationError, Settings
from tests.clock import FakeClock
from tests.crawl import Crawl
from tests.integration.conftest import CSRF_FIELD, Client
from webapp.app import create_app
from webapp.demo.sample.day import load_sample_day
from webapp.demo.sample.staff import PASSWORD
from webapp.prefix import ATTRIBUTES
from webapp.templating import VIEWS

ROOT = "/pult"


@pytest.fixture
async def desk(config: Settings) -> AsyncGenerator[Client]:
    """Anna's browser on a desk with a day's work."""
    await load_sample_day(config)
    config = config.model_copy(update={"root_path": ROOT, "app_env": "development"})
    async with Client(create_app(config), base_url="http://127.0.0.1:8004") as client:
        client.follow_redirects = False
        await log_in(client)
        yield client


async def log_in(client: Client) -> None:
    page = await client.get(f"{ROOT}/emails?show=failed")
    assert page.headers["location"] == f"{ROOT}/login?next=/emails%3Fshow%3Dfailed"
    page = await client.get(page.headers["location"])
    token = CSRF_FIELD.search(page.text)
    assert token
    form = {
        "name": "Anna",
        "password": PASSWORD,
        "next": "/emails?show=failed",
        "_csrf_token": token[1],
    }
    answer = await client.post(f"{ROOT}/login", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{ROOT}/emails?show=failed")
    paths = {part.partition("Path=")[2].partition(";")[0] for part in answer.headers.get_list("set-cookie")}
    assert paths == {ROOT}


async def test_nothing_leads_out_of_the_application(desk: Client):
    await check_headers(desk)
    await check_what_scripts_say(desk)
    crawl = Crawl(desk, desk.app.routes, ROOT)
    await crawl.walk()
    assert crawl.leaks == set()
    assert crawl.broken == {}
    assert len(crawl.answers) > 80


async def check_headers(client: Client) -> None:
    page = await client.get(f"{ROOT}/emails/new?therapist=5")
    token = CSRF_FIELD.search(page.text)
    assert token
    form = {
        "therapist_id": "5",
        "empfaenger_email": "praxis@example.de",
        "empfaenger_name": "Praxis",
        "betreff": "Anfrage",
        "body_text": "Guten Tag",
        "action": "draft",
        "_csrf_token": token[1],
    }
    made = await client.post(f"{ROOT}/emails/new", data=form, headers={"HX-Request": "true"})
    assert made.headers["hx-redirect"].startswith(f"{ROOT}/emails/")
    assert (await client.get("/health")).status_code == 200


async def check_what_scripts_say(client: Client) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": f"http://desk{ROOT}/week?start=2026-10-12"}
    page = await client.get(f"{ROOT}/week")
    assert f'data-root="{ROOT}"' in page.text
    other = await client.get(f"{ROOT}/week", headers={**headers, "X-Staff": "999"})
    assert other.status_code == 403
    assert f'href="{ROOT}/week?start=2026-10-12"' in other.text


@pytest.mark.parametrize("asked", [f"{ROOT}/api/docs", "/api/docs"])
async def test_the_viewer_of_the_api_stays_below_the_prefix(desk: Client, asked: str):
    """Also behind a proxy that takes the prefix off."""
    page = await desk.get(asked)
    assert page.status_code == 200
    addresses = re.findall(r'\s(?:href|src)="([^"]+)"', page.text)
    assert {address.split("?")[0].removeprefix(ROOT).rsplit("/", 1)[-1] for address in addresses} == {
        "", "openapi.json", "icon.svg", "swagger-ui.css", "viewer.css", "swagger-ui-bundle.js", "viewer.js",
    }  # fmt: skip
    assert [address for address in addresses if not address.startswith(f"{ROOT}/")] == []
    for address in addresses:
        assert (await desk.get(address)).status_code == 200, address
    described = re.search(r'rel="service-desc" href="([^"]+)"', page.text)
    assert described
    document = (await desk.get(described[1])).json()
    assert document["servers"] == [{"url": ROOT}]
    assert (await desk.get(f"{ROOT}/health")).status_code == 200


def test_a_prefix_that_is_an_address_of_our_own_is_refused(config: Settings, clock: FakeClock):
    with pytest.raises(ConfigurationError, match="ROOT_PATH: /emails is an address of the application's own"):
        create_app(config.model_copy(update={"root_path": "/emails/desk"}), clock=clock)


def test_templates_write_addresses_where_they_are_found():
    """In an attribute that `webapp.prefix` knows, between double quotation marks."""
    known = {*ATTRIBUTES, "data-key"}
    for path in VIEWS.rglob("*.html"):
        source = path.read_text()
        assert re.findall(r"=\s*'/[^']", source) == [], path
        assert set(re.findall(r'\s([\w-]+)="/', source)) <= known, path
