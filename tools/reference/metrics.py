"""`docs/reference/metrics.md`, from what the processes answer to `GET /metrics`."""

import asyncio
from collections.abc import Iterable
from typing import Any

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.ext.asyncio import create_async_engine

from services.desk.figures import ServiceFigures
from services.events.outbox import OutboxOverview
from services.models import EmailStatus
from services.sending.overview import QueueOverview
from shared.heartbeat import Heartbeats
from tools.reference.tables import table
from webapp.controllers.metrics import written_figures
from webapp.measured import measured
from webapp.process_figures import process_figures

OPENING = """# Metrics

What `GET /metrics` of a web process answers (an API key with the scope `metrics`) and, without a
key, that of a worker on `WORKER_HEALTH_PORT`; how to scrape both stands in
[operations](../how-to/operations.md#health-and-figures). Names and units are Prometheus' own: base
units, `_total` for what only grows. A histogram has `_bucket`, `_sum` and `_count`. No label holds
an id, a name or an address. Python's own (`process_`, `python_`) are there besides.
"""
OF_SERVICE = """## Of the service

From the database, so every web process answers the same: take the greatest, not the sum.
"""
OF_PROCESS = """## Of a process

What it counted itself since it started: add them up. `calldesk_http_` ones only web processes have.
"""
NOTHING = ServiceFigures(
    queue=QueueOverview(
        counts=dict.fromkeys(EmailStatus, 0),
        unclear=0,
        due=0,
        oldest_due=None,
        paused_until=None,
        pause_reason=None,
        hold=None,
        slow_domains=[],
    ),
    outbox=OutboxOverview(waiting=0, oldest_seconds=0, set_aside_count=0, set_aside=[]),
    mailboxes_in_trouble=0,
    incoming_undecided=0,
    scheduled_calls=0,
    calls_for_person=0,
)


def metrics_page() -> str:
    """Return every metric with its type, its labels and what it says."""
    service = _table(_families(written_figures(NOTHING, now=0)))
    process = _table(_families(asyncio.run(_of_a_process())))
    return "\n".join([OPENING, OF_SERVICE, service, OF_PROCESS, process])


async def _of_a_process() -> bytes:
    """Return what a web process with one loop writes that has answered one request."""

    async def answer(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def nothing(*_message: Any) -> dict[str, str]:
        return {"type": "http.request"}

    await measured(answer)({"type": "http", "method": "GET", "app": None}, nothing, nothing)  # pyright: ignore
    heartbeats = Heartbeats()
    heartbeats.of("any").turn(within=None)
    return process_figures(create_async_engine("postgresql+asyncpg://"), heartbeats)


def _families(exposition: bytes) -> list[Metric]:
    families = text_string_to_metric_families(exposition.decode())
    ours = [each for each in families if each.name.startswith("calldesk_") and not _is_birthday(each)]
    return sorted(ours, key=lambda each: each.name)


def _is_birthday(family: Metric) -> bool:
    return family.name.endswith("_created")


def _table(families: Iterable[Metric]) -> str:
    rows = [(f"`{_name(each)}`", each.type, _labels(each), each.documentation) for each in families]
    return table(("Metric", "Type", "Labels", "Meaning"), rows)


def _name(family: Metric) -> str:
    return f"{family.name}_total" if family.type == "counter" else family.name


def _labels(family: Metric) -> str:
    names = dict.fromkeys(label for sample in family.samples for label in sample.labels if label != "le")
    return ", ".join(f"`{name}`" for name in names)
