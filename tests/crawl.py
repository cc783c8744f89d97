"""Walks the desk from link to link, as whoever is logged in with a client."""

import re
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
from litestar.routes import BaseRoute, HTTPRoute

ADDRESSES = {"href", "action", "formaction", "src", "hx-get", "hx-post", "data-live-url", "srcset", "poster"}
FETCHED = {"href", "src", "hx-get"}
OTHER_SCHEMES = ("tel:", "sip:", "mailto:")
EACH = 2
"""How many addresses of one route, with the same parameters, are looked at."""

STREAM = "/live"
OF_SERVICES = "/api/"
"""Where a session opens nothing: the page about the API fetches its document with a key."""


@dataclass
class Crawl:
    """What was found: addresses by their answer, broken links, and what leads out of the application."""

    client: httpx.AsyncClient
    routes: list[BaseRoute]
    root: str = ""
    answers: dict[str, int] = field(default_factory=dict)
    broken: dict[str, int] = field(default_factory=dict)
    leaks: set[str] = field(default_factory=set)
    visited: set[str] = field(default_factory=set)
    _seen: Counter[object] = field(default_factory=Counter)

    async def walk(self) -> None:
        """Follow every link from the start page on, then ask for what none led to."""
        waiting = [f"{self.root}/"]
        while waiting:
            waiting += await self._look_at(waiting.pop())
        for route in self.routes:
            if isinstance(route, HTTPRoute) and "GET" in route.methods and route.path not in self.visited:
                filled = re.sub(r"\{\w+:\w+\}", "1", route.path)
                for found in await self._look_at(self.root + filled, linked=False):
                    await self._look_at(found)

    async def _look_at(self, address: str, *, linked: bool = True) -> list[str]:
        path = urlsplit(address).path.removeprefix(self.root) or "/"
        route = self._route(path)
        parameters = tuple(sorted(parse_qs(urlsplit(address).query)))
        kind = path if path.startswith("/static/") else (route, parameters)
        self._seen[kind] += 1
        if address in self.answers or self._seen[kind] > EACH or path == STREAM:
            return []
        answer = await self.client.get(address)
        self.answers[address] = answer.status_code
        if answer.status_code >= (400 if linked and not path.startswith(OF_SERVICES) else 500):
            self.broken[address] = answer.status_code
        self.visited.add(route)
        if "text/html" not in answer.headers.get("content-type", "") or path.endswith("/preview"):
            return []
        return self._links(answer.text, address)

    def _links(self, html: str, page: str) -> list[str]:
        found = _Addresses()
        found.feed(html)
        follow: list[str] = []
        for name, value in found.addresses:
            if value.startswith(OTHER_SCHEMES) or value.startswith("#"):
                continue
            absolute = urljoin(page, value)
            if not f"{absolute.partition('?')[0]}/".startswith(f"{self.root}/"):
                self.leaks.add(f"{page}: {name}={value}")
            elif name in FETCHED:
                follow.append(absolute.partition("#")[0])
        return follow

    def _route(self, path: str) -> str:
        for route in self.routes:
            pattern = re.sub(r"\{\w+:(\w+)\}", lambda kind: r"\d+" if kind[1] == "int" else ".+", route.path)
            if re.fullmatch(pattern, path):
                return route.path
        return path


class _Addresses(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [(name, value) for name, value in attrs if name in ADDRESSES and value]
