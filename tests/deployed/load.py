"""Requests that go on while something is done to the application: all are counted, failures kept."""

import asyncio
import re
from collections import Counter
from collections.abc import Callable
from typing import Self
from uuid import uuid4

import httpx

from tests.integration.api.test_emails import NEW
from webapp.demo.sample.staff import PASSWORD

CSRF = re.compile(r'name="_csrf_token" value="([0-9a-f]+)"')
PAGES = ("/", "/emails", "/week", "/therapists", "/emails/1")


class Load:
    """A service that writes and reads e-mails and a person who looks at pages, several of each, to the end.

    Args:
        client: makes a client to the application.
        key: the service's API key.
    """

    def __init__(self, client: Callable[[], httpx.AsyncClient], key: str, each: int = 4) -> None:
        self._client = client
        self._key = key
        self._each = each
        self._ended = False
        self.answers: Counter[str] = Counter()
        self.failed: list[str] = []
        self.made: set[int] = set()

    async def __aenter__(self) -> Self:
        async with self._client() as anna:
            token = CSRF.search((await anna.get("/login")).text)
            assert token
            form = {"name": "Anna", "password": PASSWORD, "_csrf_token": token[1]}
            assert (await anna.post("/login", data=form)).status_code == 303
            cookies = anna.cookies
        workers = [self._service() for _ in range(self._each)]
        workers += [self._person(cookies) for _ in range(self._each)]
        self._tasks = [asyncio.create_task(worker) for worker in workers]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._ended = True
        await asyncio.gather(*self._tasks)

    async def until(self, count: int) -> None:
        """Wait until so many requests more were answered."""
        wanted = self.answers.total() + count
        while self.answers.total() < wanted:  # noqa: ASYNC110
            await asyncio.sleep(0.05)

    async def _service(self) -> None:
        async with self._client() as client:
            client.headers["Authorization"] = f"Bearer {self._key}"
            while not self._ended:
                made = await self._ask(client, "POST", "/api/emails", json=NEW | {"status": "DRAFT"})
                if made is not None:
                    email_id = made.json()["id"]
                    self.made.add(email_id)
                    await self._ask(client, "GET", f"/api/emails/{email_id}")

    async def _person(self, cookies: httpx.Cookies) -> None:
        async with self._client() as client:
            client.cookies = cookies
            while not self._ended:
                for page in PAGES:
                    await self._ask(client, "GET", page)

    async def _ask(self, client: httpx.AsyncClient, method: str, path: str, **how: object):
        headers = {"Idempotency-Key": str(uuid4())} if method == "POST" else {}
        try:
            answer = await client.request(method, path, headers=headers, **how)
        except httpx.HTTPError as error:
            self.failed.append(f"{method} {path}: {error!r}")
            return None
        self.answers[f"{method} {answer.status_code}"] += 1
        if answer.status_code >= 300:
            self.failed.append(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
            return None
        return answer
