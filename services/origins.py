"""Where what is made comes from: the caller's request, as the log of the web and the caller's trace know it.

Both go with an e-mail or call into the worker's log and its events, and from a call to those that follow from
it. They are the first request's: one that repeats it changes nothing.
"""

from dataclasses import dataclass
from typing import Self, TypedDict

from services.models import Email, PhoneCall


class OriginColumns(TypedDict):
    """The columns of an e-mail, call or event that say where it comes from."""

    anfrage_id: str | None
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class Origin:
    """A request, or none: what a worker makes by itself comes from nowhere.

    Attributes:
        request_id: what the web log calls `request_id`.
        traceparent: as in W3C Trace Context, version 00.
    """

    request_id: str | None = None
    traceparent: str | None = None

    @classmethod
    def of(cls, row: Email | PhoneCall) -> Self:
        """Return where an e-mail or call comes from."""
        return cls(row.anfrage_id, row.traceparent)

    @property
    def extensions(self) -> dict[str, str]:
        """What of it goes with events, as attributes of CloudEvents.

        `traceparent` is that of the extension for distributed tracing; `requestid` is our own.
        """
        given = {"requestid": self.request_id, "traceparent": self.traceparent}
        return {name: value for name, value in given.items() if value is not None}

    @property
    def columns(self) -> OriginColumns:
        """The columns that hold it."""
        return {"anfrage_id": self.request_id, "traceparent": self.traceparent}


NOWHERE = Origin()
