"""One of two commits that are compared: answers requests it is told to make, in a process of its own.

Run by `benchmarks.before` as a script, with the other commit's folder on `PYTHONPATH`: all it imports is that
commit's, so it uses only what both have. Reads a line of JSON for each turn, writes what came of it as one.
"""

import asyncio
import json
import logging
import os
import sys
import time
from typing import IO, Any

import httpx
import structlog
import uvloop

from benchmarks.busy_desk import NOW
from benchmarks.harness import bench_settings
from benchmarks.pages import logged_in
from webapp.app import create_app
from webapp.auth import SESSION_COOKIE


async def turn(browser: httpx.AsyncClient, path: str, requests: int) -> dict[str, Any]:
    """Open a page some times; returns the seconds of each, and the processor time of all."""
    seconds: list[float] = []
    used = time.process_time()
    for _ in range(requests):
        start = time.perf_counter()
        answer = await browser.get(path)
        seconds.append(time.perf_counter() - start)
        if answer.status_code != 200:
            raise RuntimeError(f"{path} answered {answer.status_code}")
    return {"seconds": seconds, "processor": time.process_time() - used}


async def run(url: str, answers: IO[str]) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    app = create_app(bench_settings(url, log_level="ERROR"), clock=lambda: NOW)
    transport = httpx.ASGITransport(app)  # pyright: ignore[reportArgumentType]
    async with app.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://desk") as browser:
        token, _ = await logged_in(app.state.sessions, app.state.rules)
        browser.cookies.set(SESSION_COOKIE, token)
        print(json.dumps("ready"), file=answers, flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(await turn(browser, **json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever the application prints is none
    uvloop.run(run(sys.argv[1], answers))
