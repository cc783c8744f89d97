"""A caller of the application, without a socket and in the test's own event loop."""

import asyncio
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Self

import httpx
from litestar import Litestar


class Client(httpx.AsyncClient):
    """Starts the application, speaks to it over ASGI, follows redirects and ends it."""

    def __init__(self, app: Litestar, base_url: str = "http://testserver.local") -> None:
        super().__init__(
            base_url=base_url,
            headers={"user-agent": "testclient"},
            follow_redirects=True,
            transport=_OwnTask(app, client=("testclient", 50000)),  # pyright: ignore[reportArgumentType]
        )
        self.app = app
        self._application = _Running(app.lifespan())

    async def __aenter__(self) -> Self:
        await self._application.start()
        return await super().__aenter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await super().__aexit__(exc_type, exc_value, traceback)
        await self._application.stop()


class _OwnTask(httpx.ASGITransport):
    """Answers each request in a task of its own, as a server does: its context ends with it."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await asyncio.create_task(super().handle_async_request(request))


class _Running:
    """What the application opens when it starts, in a context of its own until it is to stop."""

    def __init__(self, lifespan: AbstractAsyncContextManager[None]) -> None:
        self._lifespan = lifespan
        self._started, self._stopping = asyncio.Event(), asyncio.Event()

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run())
        started = asyncio.create_task(self._started.wait())
        await asyncio.wait((self._task, started), return_when=asyncio.FIRST_COMPLETED)
        if not started.done():
            started.cancel()
            await self._task

    async def stop(self) -> None:
        self._stopping.set()
        await self._task

    async def _run(self) -> None:
        async with self._lifespan:
            self._started.set()
            await self._stopping.wait()
