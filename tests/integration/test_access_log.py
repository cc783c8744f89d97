"""What the log says of requests, and from whom they are taken to come."""

import json
import logging
from collections.abc import Awaitable, Callable, Generator

import httpx
import pytest
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from shared.config import Settings
from webapp.app import create_app
from webapp.browsers import source_mark
from webapp.logs import configure_logging

Lines = list[dict[str, object]]
Ask = Callable[..., Awaitable[Lines]]

PEER = "10.1.2.3"
VISITOR = "203.0.113.9"


@pytest.fixture
def ask(config: Settings, capsys: pytest.CaptureFixture[str]) -> Generator[Ask]:
    """Ask as a proxy at 10.1.2.3 does, and return what the log says of it."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    production = config.model_copy(
        update={"app_env": "production", "log_level": "INFO", "root_path": "/pult"}
    )

    async def ask(path: str, proxies: str = "10.0.0.0/8", access_log: bool = True, **forwarded: str) -> Lines:
        settings = production.model_copy(update={"access_log": access_log})
        configure_logging(settings)
        app = create_app(settings)
        transport = httpx.ASGITransport(ProxyHeadersMiddleware(app, proxies), client=(PEER, 4711))
        headers = {name.replace("_", "-"): value for name, value in forwarded.items()}
        async with app.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://desk") as client:
            await client.get(path, headers=headers)
        said = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
        return [line for line in said if line["event"] == "request"]

    yield ask
    root.handlers, root.level = before


async def test_a_request_is_a_line_without_what_somebody_looked_for(ask: Ask):
    [line] = await ask("/pult/emails/17?q=Falkenberg")
    assert (line["method"], line["route"], line["status"]) == ("GET", "/emails/17", 303)
    assert isinstance(line["milliseconds"], float)
    assert "Falkenberg" not in str(line)
    assert PEER not in str(line)


@pytest.mark.parametrize(
    ("path", "route"),
    [("/pult/api/email-templates/Falkenberg", "/api/email-templates/{name}"), ("/x@y.de", None)],
)
async def test_what_a_path_holds_besides_numbers_is_not_said(ask: Ask, path: str, route: str | None):
    [line] = await ask(path)
    assert line["route"] == route
    assert path.rpartition("/")[2] not in str(line)


async def test_a_probe_that_fares_well_and_a_log_that_is_off_say_nothing(ask: Ask):
    assert await ask("/health") == []
    assert await ask("/pult/login", access_log=False) == []


@pytest.mark.parametrize(
    ("proxies", "forwarded", "came_from"),
    [
        ("10.0.0.0/8", VISITOR, VISITOR),
        ("10.0.0.0/8", f"198.51.100.1, {VISITOR}", VISITOR),
        ("10.0.0.0/8", f"198.51.100.1, {VISITOR}, 10.9.9.9", VISITOR),
        ("10.1.2.3,192.0.2.7", f"{VISITOR}:51234", VISITOR),
        ("10.0.0.0/8", "", PEER),
        ("10.0.0.0/8", None, PEER),
        ("127.0.0.1,::1", VISITOR, PEER),
    ],
)
async def test_the_last_address_that_is_no_proxys_is_whose_request_it_is(
    ask: Ask, config: Settings, proxies: str, forwarded: str | None, came_from: str
):
    headers = {} if forwarded is None else {"X_Forwarded_For": forwarded}
    [line] = await ask("/pult/login", proxies, **headers)
    assert line["source"] == source_mark(came_from, config)[:8]
