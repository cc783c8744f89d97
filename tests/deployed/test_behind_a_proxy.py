"""The application behind nginx and Caddy as `deploy/` configures them, at a host's root and below a path."""

import re
import ssl
import subprocess
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import httpx
import pytest
from playwright.async_api import async_playwright, expect

from shared.config.settings import load_settings
from tests.crawl import Crawl
from tests.deployed.proxies import DEPLOY, Caddy, Nginx, program
from tests.e2e.app_process import RunningApp, running_app
from tests.e2e.browser import ARGUMENTS, find_browser
from webapp.app import create_app
from webapp.demo.sample.staff import PASSWORD

CSRF = re.compile(r'name="_csrf_token" value="([0-9a-f]+)"')


@pytest.fixture(scope="module", params=["", "/pult"], ids=["root", "prefix"])
def app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Generator[RunningApp]:
    settings = {"ROOT_PATH": request.param, "APP_ENV": "testing", "ALLOWED_HOSTS": "desk.example.de"}
    app = running_app(tmp_path_factory.mktemp("app"), settings)
    yield app
    app.stop()


@pytest.fixture(scope="module")
def browser_path() -> Path:
    path = find_browser()
    assert path, "no Chromium"
    return path


@pytest.fixture
def nginx(app: RunningApp, tmp_path: Path) -> Generator[Nginx]:
    with Nginx(tmp_path, [app.port], app.config.root_path) as nginx:
        yield nginx


@pytest.fixture
async def anna(app: RunningApp, nginx: Nginx) -> AsyncGenerator[httpx.AsyncClient]:
    """A browser without scripts after the login."""
    tls = ssl.create_default_context(cafile=nginx.ca_file)
    async with httpx.AsyncClient(base_url=nginx.base_url, verify=tls, timeout=30) as client:
        page = await client.get(f"{app.config.root_path}/login")
        token = CSRF.search(page.text)
        assert token
        form = {"name": "Anna", "password": PASSWORD, "_csrf_token": token[1]}
        answer = await client.post(f"{app.config.root_path}/login", data=form)
        assert answer.headers["location"] == f"{app.config.root_path}/"
        yield client


def test_nginx_takes_the_configuration(nginx: Nginx):
    assert "test is successful" in nginx.check()


def test_caddy_takes_the_configuration():
    command = [
        program("caddy"),
        "validate",
        "--config",
        str(DEPLOY / "caddy/Caddyfile"),
        "--adapter",
        "caddyfile",
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "not formatted" not in done.stderr


async def test_no_page_leads_out_of_the_application(app: RunningApp, anna: httpx.AsyncClient):
    routes = create_app(load_settings(env_file=None, root_path=app.config.root_path)).routes
    crawl = Crawl(anna, routes, app.config.root_path)
    await crawl.walk()
    assert crawl.leaks == set()
    assert crawl.broken == {}
    assert len(crawl.answers) > 80
    if app.config.root_path:
        assert (await anna.get("/")).status_code in (403, 404)


async def test_hints_arrive_as_they_are_made_and_pages_compressed(app: RunningApp, anna: httpx.AsyncClient):
    page = await anna.get(f"{app.config.root_path}/")
    assert page.headers["content-encoding"] == "gzip"
    async with anna.stream("GET", f"{app.config.root_path}/live") as stream:
        lines = stream.aiter_lines()
        assert "event: connected" in [await anext(lines), await anext(lines), await anext(lines)]
    key = {"Authorization": f"Bearer {app.api_key}"}
    listed = await anna.get(f"{app.config.root_path}/api/emails", headers=key)
    assert listed.headers["content-encoding"] == "gzip"


async def test_whose_address_it_is_arrives(app: RunningApp, anna: httpx.AsyncClient):
    forged = {"X-Forwarded-For": "203.0.113.9"}
    await anna.get(f"{app.config.root_path}/week", headers=forged)
    lines = [line for line in app.web.log_file.read_text().splitlines() if "/week" in line]
    marks = {re.sub(r"\x1b\[[0-9;]*m", "", line).partition("source=")[2].split()[0] for line in lines}
    await anna.get(f"{app.config.root_path}/week")
    assert len(marks) == 1


async def test_the_desk_works_in_a_browser(app: RunningApp, nginx: Nginx, browser_path: Path):
    root = app.config.root_path
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=browser_path, args=ARGUMENTS)
        context = await browser.new_context(
            base_url=nginx.base_url,
            locale="de-DE",
            ignore_https_errors=True,
            viewport={"width": 1280, "height": 800},
        )
        page = await context.new_page()
        troubles: list[str] = []
        page.on("console", lambda message: message.type == "error" and troubles.append(message.text))
        page.on("request", lambda request: outside(request.url, nginx.base_url + root, troubles))
        await page.goto(f"{root}/login")
        await page.locator("input[name=name]").fill("Anna")
        await page.locator("input[name=password]").fill(PASSWORD)
        await page.locator("main form button").first.click()
        await page.wait_for_url(f"**{root}/")
        await expect(page.locator("[data-live-state=on]").first).to_be_attached()
        protocol = await page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol")
        assert protocol == "h2"
        await page.locator(".next button").click()
        await expect(page.locator("#outcome")).to_be_visible()
        await page.locator("#find").fill("Falkenberg")
        await page.locator("#hits .hit").first.click()
        await page.wait_for_url(f"**{root}/therapists/*")
        await page.get_by_title("English").click()
        await expect(page.locator("html")).to_have_attribute("lang", "en")
        assert page.url.startswith(f"{nginx.base_url}{root}/therapists/")
        assert {cookie["path"] for cookie in await context.cookies()} == {root or "/"}
        await browser.close()
    assert troubles == []


def outside(url: str, inside: str, found: list[str]) -> None:
    if not url.startswith((f"{inside}/", "data:")):
        found.append(url)


async def test_caddy_passes_pages_and_hints_on(app: RunningApp, tmp_path: Path):
    root = app.config.root_path
    with Caddy(tmp_path, [app.port]) as caddy:
        async with httpx.AsyncClient(base_url=caddy.base_url, timeout=30) as client:
            token = CSRF.search((await client.get(f"{root}/login")).text)
            assert token
            form = {"name": "Anna", "password": PASSWORD, "_csrf_token": token[1]}
            assert (await client.post(f"{root}/login", data=form)).status_code == 303
            assert (await client.get(f"{root}/")).headers["content-encoding"] == "gzip"
            async with client.stream("GET", f"{root}/live") as stream:
                assert "event: connected" in [line async for _, line in _first(stream, 3)]


async def _first(stream: httpx.Response, count: int) -> AsyncGenerator[tuple[int, str]]:
    lines = stream.aiter_lines()
    for number in range(count):
        yield number, await anext(lines)
