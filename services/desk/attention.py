"""What of the service needs somebody, at one glance: what is late, since when, and the server's own words."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from services.desk.system import SystemOverview

LATE = timedelta(minutes=5)
"""So long mail or events may be due before somebody should look; as in `deploy/alerts.yaml`."""


class Matter(StrEnum):
    """What needs somebody, the gravest first."""

    SENDING_HELD = "sending_held"
    SENDING_PAUSED = "sending_paused"
    MAIL_LATE = "mail_late"
    MAILBOX_UNREADABLE = "mailbox_unreadable"
    EVENTS_LATE = "events_late"
    EVENTS_SET_ASIDE = "events_set_aside"
    EMAILS_UNCLEAR = "emails_unclear"
    CALLS_UNDECIDED = "calls_undecided"


@dataclass(frozen=True, slots=True)
class Attention:
    """One matter.

    Attributes:
        count: of how many e-mails, events or calls it is.
        since: None where that is not known.
        words: why, as the server or whoever did it said; None where nobody said anything.
    """

    matter: Matter
    count: int = 1
    since: datetime | None = None
    words: str | None = None


def needs_attention(state: SystemOverview, now: datetime) -> list[Attention]:
    """Return what needs somebody; nothing where all is well. Pure."""
    return [*_sending(state, now), *_mailboxes(state), *_events(state, now), *_people(state)]


def _sending(state: SystemOverview, now: datetime) -> Iterator[Attention]:
    queue = state.queue
    if queue.hold:
        yield Attention(Matter.SENDING_HELD, queue.due, queue.hold.since, queue.hold.reason)
    elif queue.pause_reason:
        yield Attention(Matter.SENDING_PAUSED, queue.due, queue.oldest_due, queue.pause_reason)
    elif queue.oldest_due is not None and queue.oldest_due <= now - LATE:
        yield Attention(Matter.MAIL_LATE, queue.due, queue.oldest_due)


def _mailboxes(state: SystemOverview) -> Iterator[Attention]:
    for mailbox in state.mailboxes:
        if mailbox.fehler:
            yield Attention(Matter.MAILBOX_UNREADABLE, 1, mailbox.zuletzt_at, mailbox.fehler)


def _events(state: SystemOverview, now: datetime) -> Iterator[Attention]:
    outbox = state.outbox
    waiting = timedelta(seconds=outbox.oldest_seconds)
    if waiting >= LATE:
        yield Attention(Matter.EVENTS_LATE, outbox.waiting, now - waiting)
    if outbox.set_aside:
        first = outbox.set_aside[0]
        yield Attention(Matter.EVENTS_SET_ASIDE, outbox.set_aside_count, first.set_aside_at, first.last_error)


def _people(state: SystemOverview) -> Iterator[Attention]:
    if state.queue.unclear:
        yield Attention(Matter.EMAILS_UNCLEAR, state.queue.unclear)
    if state.calls_for_person_count:
        yield Attention(Matter.CALLS_UNDECIDED, state.calls_for_person_count)
