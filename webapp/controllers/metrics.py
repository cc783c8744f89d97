"""Figures for monitoring."""

from datetime import datetime

from litestar import Response, get
from litestar.di import NamedDependency
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from services.desk.system import SystemOverview, system_overview
from services.work import Work
from webapp.service_keys import METRICS


@get("/metrics", include_in_schema=False, security=METRICS)
async def metrics(work: NamedDependency[Work]) -> Response[bytes]:
    """Answer in Prometheus' text format; needs an API key with the scope `metrics`."""
    return Response(await render_metrics(work), media_type=CONTENT_TYPE_LATEST)


async def render_metrics(work: Work) -> bytes:
    """Return the metrics in Prometheus' text format; the same figures as on the System page."""
    registry = CollectorRegistry()
    _fill(registry, await system_overview(work), work.now)
    return generate_latest(registry)


def _fill(registry: CollectorRegistry, state: SystemOverview, now: datetime) -> None:
    emails = Gauge("calldesk_emails", "E-mails by status", ["status"], registry=registry)
    for status, count in state.queue.counts.items():
        emails.labels(status.value).set(count)
    oldest_due = state.queue.oldest_due
    waiting = (now - oldest_due).total_seconds() if oldest_due else 0
    figures: dict[str, tuple[str, float]] = {
        "emails_unclear": ("E-mails whose delivery is unclear", state.queue.unclear),
        "emails_due": ("Queued e-mails whose time has come", state.queue.due),
        "emails_oldest_due_seconds": ("How long the longest of them has been due", waiting),
        "mail_queue_paused": ("1 while sending is paused", 1 if state.queue.pause_reason else 0),
        "mail_queue_held": ("1 while an operator holds the queue", 1 if state.queue.hold else 0),
        "mail_domains_slow": ("Recipient domains that asked for patience", len(state.queue.slow_domains)),
        "outbox_waiting": ("Events not yet published", state.outbox.waiting),
        "outbox_oldest_seconds": ("How long the oldest due event has waited", state.outbox.oldest_seconds),
        "outbox_set_aside": ("Events refused too often", state.outbox.set_aside_count),
        "calls_scheduled": ("Calls still to be made", state.scheduled_calls),
        "calls_for_person": ("Calls that need somebody to decide", state.calls_for_person_count),
    }
    for name, (meaning, value) in figures.items():
        Gauge(f"calldesk_{name}", meaning, registry=registry).set(value)
