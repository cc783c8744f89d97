"""One line in the log for an outage, not one for every try."""

import time

import structlog

from shared.reasons import reason_of

REMIND_SECONDS = 600

log = structlog.get_logger(__name__)


class Outage:
    """Says that something has failed once, reminds of it every ten minutes, and says when it is over.

    Args:
        event: the line's name; with `_over` the name of the last one.
        known: further values of the lines.
    """

    def __init__(self, event: str, **known: object) -> None:
        self._event = event
        self._known = known
        self._said_at: float | None = None

    @property
    def is_news(self) -> bool:
        """Whether the next failure is going to be logged."""
        return self._said_at is None or time.monotonic() - self._said_at > REMIND_SECONDS

    def note(self, error: BaseException) -> None:
        """Log that it failed, unless that was said lately."""
        if self.is_news:
            log.warning(self._event, reason=reason_of(error), **self._known)
            self._said_at = time.monotonic()

    def over(self) -> None:
        """Log that it works again, if it was said that it does not."""
        if self._said_at is not None:
            log.info(f"{self._event}_over", **self._known)
        self._said_at = None
