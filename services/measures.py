"""What this process counts and times for monitoring, named as Prometheus wants it: base units, `_total`.

Labels are kinds with few values: never an id, a name, an address.
"""

from collections.abc import Generator
from contextlib import contextmanager
from time import perf_counter

from prometheus_client import Counter, Histogram

from services.errors import DomainError, TemporarilyUnavailable
from services.models import AttemptOutcome, AttemptStage, IncomingKind, OutcomeKind

QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
DELIVERY = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
WAITING = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14_400, 86_400)

email_attempts = Counter(
    "calldesk_email_attempts", "Attempts to deliver an e-mail, by outcome and stage", ["outcome", "stage"]
)
smtp_seconds = Histogram(
    "calldesk_smtp_delivery_seconds", "Time an attempt took, connecting included", buckets=DELIVERY
)
accepted_to_sent_seconds = Histogram(
    "calldesk_email_accepted_to_sent_seconds",
    "Time from an e-mail's entering the queue to the mail server's yes",
    buckets=WAITING,
)
events_published = Counter("calldesk_events_published", "Events acknowledged by the Kafka cluster")
events_refused = Counter("calldesk_events_refused", "Times the Kafka cluster refused an event for good")
outbox_lag_seconds = Histogram(
    "calldesk_outbox_lag_seconds",
    "Time from an event's being due to its being published",
    buckets=WAITING,
)
bookings = Counter("calldesk_bookings", "Calls booked into the calendar, and tries, by result", ["result"])
booking_seconds = Histogram(
    "calldesk_booking_seconds", "Time booking a call took, waiting for the calendar included", buckets=QUICK
)
call_outcomes = Counter("calldesk_call_outcomes", "Outcomes of calls recorded", ["outcome"])
incoming_emails = Counter("calldesk_incoming_emails", "Messages taken in from the mailbox", ["kind"])

for _result in ("booked", "refused", "busy", "failed"):
    bookings.labels(_result)
for _outcome in OutcomeKind:
    call_outcomes.labels(_outcome.value)
for _kind in IncomingKind:
    incoming_emails.labels(_kind.value)
email_attempts.labels(AttemptOutcome.SENT.value, AttemptStage.ACCEPTED.value)


@contextmanager
def booking() -> Generator[None]:
    """Count and time the booking inside the block."""
    started, result = perf_counter(), "failed"
    try:
        yield
        result = "booked"
    except TemporarilyUnavailable:
        result = "busy"
        raise
    except DomainError:
        result = "refused"
        raise
    finally:
        booked_since(started, result)


def booked_since(started: float, result: str = "booked") -> None:
    """Count and time a booking that began at an instant of `perf_counter`."""
    bookings.labels(result).inc()
    booking_seconds.observe(perf_counter() - started)
