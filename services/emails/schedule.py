"""From when until when an e-mail is sent: not before `send_at`, not from `expires_at` on.

A `send_at` that is past means at once. What has expired has FAILED (`Unsent.EXPIRED`), unless its hand-over
had begun: the senders see to that (`services.sending.queue`).
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, or_

from services.errors import Conflict, FieldError
from services.models import Email

FARTHEST = timedelta(days=366)
"""So far ahead both times can be."""

OVER_ALREADY = "Give an instant that is to come: it would never be sent."
TOO_FAR_AHEAD = "At most %(days)s days ahead."
SENT_TOO_LATE = "Give an instant before it expires: it would never be sent."
EXPIRES_FIRST = "Give an instant after it is to be sent: it would never be sent."


class Expired(Conflict):
    """This e-mail was to be sent before %(until)s, so it is not sent any more."""


def check_times(
    now: datetime, given: Mapping[str, datetime | None], send_at: datetime | None, expires_at: datetime | None
) -> list[FieldError]:
    """Return what is wrong with an e-mail's times, of which those `given` are new."""
    too_far = (("days", FARTHEST.days),)
    errors = [
        FieldError(field, TOO_FAR_AHEAD, too_far)
        for field, at in given.items()
        if at is not None and at > now + FARTHEST
    ]
    if expires_at is None or errors:
        return errors
    if "expires_at" in given and expires_at <= now:
        return [FieldError("expires_at", OVER_ALREADY)]
    if send_at is None or expires_at > send_at:
        return []
    if "expires_at" in given:
        return [FieldError("expires_at", EXPIRES_FIRST)]
    return [FieldError("send_at", SENT_TOO_LATE)]


def first_attempt_at(now: datetime, send_at: datetime | None) -> datetime:
    """Return when an e-mail that is queued now is first tried."""
    return max(now, send_at) if send_at else now


def keep_from_expired(email: Email, now: datetime) -> None:
    """Refuse to queue an e-mail whose time is over.

    Raises:
        Expired: says since when.
    """
    if email.expires_at is not None and email.expires_at <= now:
        raise Expired(until=f"{email.expires_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC")


def not_expired(now: datetime) -> ColumnElement[bool]:
    """Return that an e-mail's time is not over."""
    return or_(Email.expires_at.is_(None), Email.expires_at > now)
