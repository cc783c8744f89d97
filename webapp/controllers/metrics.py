"""Figures for monitoring, in Prometheus' text format."""

from litestar import Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from services.desk.figures import ServiceFigures, service_figures
from services.work import Work
from webapp.process_figures import process_figures
from webapp.service_keys import METRICS


@get("/metrics", include_in_schema=False, security=METRICS)
async def metrics(work: NamedDependency[Work], state: State) -> Response[bytes]:
    """Answer with the service's figures and this process' own; needs an API key with the scope `metrics`."""
    service = written_figures(await service_figures(work), work.now.timestamp())
    return Response(service + process_figures(state.engine, state.heartbeats), media_type=CONTENT_TYPE_LATEST)


def written_figures(figures: ServiceFigures, now: float) -> bytes:
    """Return the service's figures in Prometheus' text format; `now` is seconds since 1970."""
    registry = CollectorRegistry()
    queue, outbox = figures.queue, figures.outbox
    emails = Gauge("calldesk_emails", "E-mails by status", ["status"], registry=registry)
    for status, count in queue.counts.items():
        emails.labels(status.value).set(count)
    waiting = now - queue.oldest_due.timestamp() if queue.oldest_due else 0
    known: dict[str, tuple[str, float]] = {
        "emails_unclear": ("E-mails whose delivery is unclear", queue.unclear),
        "emails_due": ("Queued e-mails whose time has come", queue.due),
        "emails_oldest_due_seconds": ("How long the longest of them has been due", waiting),
        "mail_queue_paused": ("1 while sending is paused", 1 if queue.pause_reason else 0),
        "mail_queue_held": ("1 while an operator holds the queue", 1 if queue.hold else 0),
        "mail_domains_slow": ("Recipient domains that asked for patience", len(queue.slow_domains)),
        "outbox_waiting": ("Events not yet published", outbox.waiting),
        "outbox_oldest_seconds": ("How long the oldest due event has waited", outbox.oldest_seconds),
        "outbox_set_aside": ("Events refused too often", outbox.set_aside_count),
        "mailboxes_in_trouble": (
            "Mailboxes that can't be read",
            figures.mailboxes_in_trouble,
        ),
        "incoming_undecided": ("Incoming messages that wait for a person", figures.incoming_undecided),
        "calls_scheduled": (
            "Calls still to be made, planned for any day; Today counts therapists",
            figures.scheduled_calls,
        ),
        "calls_for_person": ("Calls that need somebody to decide", figures.calls_for_person),
    }
    for name, (meaning, value) in known.items():
        Gauge(f"calldesk_{name}", meaning, registry=registry).set(value)
    return generate_latest(registry)
