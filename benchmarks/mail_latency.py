"""How long an accepted e-mail takes with the queue idle: from the API's 201 to the mail server's acceptance.

`python -m benchmarks.mail_latency [--quick] [--emails N]`.

Web process, worker and sink are processes of their own, the first two as in production. One e-mail at a time
over HTTP, with a pause between. The request's own time is shown beside it.
"""

import asyncio
import logging
import multiprocessing
import random
import time
from statistics import median
from typing import IO

import structlog
import uvloop

from benchmarks.api_emails import REQUEST
from benchmarks.harness import migrated_database, percentiles, read_arguments, running, serve_api
from benchmarks.http_load import new_key, post, send
from benchmarks.mail_setting import mail_settings, sink
from benchmarks.verdict import report
from services.worker import run_worker
from shared.config import Settings

PAUSE_SECONDS = (0.03, 0.07)
WARM_UP = 20


def work(config: Settings) -> None:
    """Be the worker process."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    run_worker(config)


async def measure(
    port: int, request: bytes, accepted: IO[str], count: int
) -> tuple[list[float], list[float]]:
    """Return the seconds each request took, and those from its 201 to the sink's acceptance."""
    requests: list[float] = []
    deliveries: list[float] = []
    for _ in range(WARM_UP + count):
        await asyncio.sleep(random.uniform(*PAUSE_SECONDS))
        load = await send(port, [request], clients=1)
        answered = time.monotonic_ns()
        load.check(201)
        _, at = (await asyncio.to_thread(accepted.readline)).split()
        requests += load.latencies
        deliveries.append((int(at) - answered) / 1e9)
    return requests[WARM_UP:], deliveries[WARM_UP:]


def main(count: int) -> None:
    with migrated_database() as database_url, sink("--report") as (sink_port, process):
        assert process.stdout is not None
        config = mail_settings(database_url, sink_port)
        request = post("/api/emails", REQUEST, uvloop.run(new_key(config)))
        worker = multiprocessing.get_context("spawn").Process(target=work, args=(config,), daemon=True)
        worker.start()
        try:
            with running(serve_api, config) as api:
                requests, deliveries = uvloop.run(measure(api.port, request, process.stdout, count))
        finally:
            worker.terminate()
            worker.join(10)
    print(
        f"{count} e-mails, one at a time: 201 to acceptance {percentiles(deliveries, 50, 99)},"
        f" max {max(deliveries) * 1e3:.1f} ms; the request itself {percentiles(requests, 50, 99)}"
    )
    report("201 to the mail server's acceptance, p50", median(deliveries) * 1e3, at_most=20, unit=" ms")


if __name__ == "__main__":
    main(read_arguments(__doc__, emails=(300, 50)).emails)
