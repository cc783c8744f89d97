"""The client: one method for each thing to ask, one request each; lists are iterators."""

import uuid
from collections.abc import Iterator
from datetime import date
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec
from msgspec import Struct

from calldesk_client.errors import UnexpectedAnswer
from calldesk_client.models import (
    Absence,
    Call,
    CallChanges,
    Email,
    EmailChanges,
    EmailSummary,
    FreeSlots,
    IncomingMessage,
    NewCall,
    NewEmail,
    Rows,
    StoppedAddress,
)
from calldesk_client.retries import Backoff
from calldesk_client.transport import Ask, Transport

T = TypeVar("T")

ROWS = 100
"""Of one page: the most the service gives."""


class Client:
    """The communication service at `base_url`. Close it, or use it in a `with` block; threads may share it.

    Every method raises a `Refused` where the service refuses and `Unreachable` where no answer comes within
    `deadline_seconds`, tries and waits included.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | None = None,
        *,
        deadline_seconds: float = 30.0,
        backoff: Backoff | None = None,
    ) -> None:
        self._transport = Transport(
            base_url, api_key, deadline_seconds=deadline_seconds, backoff=backoff or Backoff()
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def create_email(self, email: NewEmail, *, idempotency_key: str | None = None) -> Email:
        """Queue an e-mail, or store a draft: once, however often it has to be asked.

        With a key of your own it stays one e-mail when your process starts anew and asks again.
        """
        return self._make("/api/emails", email, idempotency_key, Email)

    def get_email(self, email_id: int) -> Email:
        """Return an e-mail with its texts."""
        return self._get(f"/api/emails/{email_id}", Email)

    def update_email(self, email_id: int, changes: EmailChanges) -> Email:
        """Change what `changes` gives; the rest stays."""
        return self._put(f"/api/emails/{email_id}", changes, Email)

    def emails(self, **filters: Any) -> Iterator[EmailSummary]:
        """Yield e-mails, newest first, without their texts; filters are the API's, such as `status`."""
        return self._by_cursor("/api/emails", filters, EmailSummary)

    def incoming(self, email_id: int) -> Iterator[IncomingMessage]:
        """Yield what came in for an e-mail, oldest first."""
        return self._by_page(f"/api/emails/{email_id}/eingang", {}, IncomingMessage)

    def create_call(self, call: NewCall, *, idempotency_key: str | None = None) -> Call:
        """Plan a call, at its time or in the next free phone hour: once, like an e-mail."""
        return self._make("/api/phone-calls", call, idempotency_key, Call)

    def get_call(self, call_id: int) -> Call:
        """Return a call."""
        return self._get(f"/api/phone-calls/{call_id}", Call)

    def update_call(self, call_id: int, changes: CallChanges) -> Call:
        """Record an outcome, or change what `changes` gives; the rest stays."""
        return self._put(f"/api/phone-calls/{call_id}", changes, Call)

    def cancel_call(self, call_id: int) -> Call:
        """Cancel a call; one that is cancelled stays so."""
        answer = self._transport.send(Ask("DELETE", f"/api/phone-calls/{call_id}", repeatable=True))
        return _read(answer, Call)

    def calls(self, **filters: Any) -> Iterator[Call]:
        """Yield calls, those made last first; filters are the API's, such as `therapist_id`."""
        return self._by_cursor("/api/phone-calls", filters, Call)

    def free_slots(self, therapist_id: int, day: date, *, minutes: int | None = None) -> FreeSlots:
        """Return a day's times at which a call could start."""
        parameters = {"date": day, "dauer_minuten": minutes}
        return self._get(f"/api/therapists/{therapist_id}/slots", FreeSlots, parameters)

    def set_absence(self, therapist_id: int, first_day_back: date | None) -> Absence:
        """Set a therapist absent until a day, or there again."""
        body = msgspec.json.encode({"wieder_da_am": first_day_back})
        path = f"/api/therapists/{therapist_id}/absence"
        answer = self._transport.send(Ask("PUT", path, repeatable=False, body=body, headers=dict(JSON)))
        return _read(answer, Absence)

    def stopped(self, *, address: str | None = None) -> Iterator[StoppedAddress]:
        """Yield the addresses nobody writes to."""
        return self._by_page("/api/stop-list", {"adresse": address}, StoppedAddress)

    def _get(self, path: str, form: type[T], parameters: dict[str, Any] | None = None) -> T:
        ask = Ask("GET", path, repeatable=True, parameters=_written(parameters or {}))
        return _read(self._transport.send(ask), form)

    def _make(self, path: str, new: Struct, key: str | None, form: type[T]) -> T:
        headers = {**JSON, "Idempotency-Key": key or str(uuid.uuid4())}
        ask = Ask("POST", path, repeatable=True, body=msgspec.json.encode(new), headers=headers)
        return _read(self._transport.send(ask), form)

    def _put(self, path: str, changes: Struct, form: type[T]) -> T:
        ask = Ask("PUT", path, repeatable=False, body=msgspec.json.encode(changes), headers=dict(JSON))
        return _read(self._transport.send(ask), form)

    def _by_cursor(self, path: str, filters: dict[str, Any], form: type[T]) -> Iterator[T]:
        after: int | None = 0
        while after is not None:
            rows = self._get(path, Rows[form], {**filters, "limit": ROWS, "after": after})
            yield from rows.data
            after = rows.next

    def _by_page(self, path: str, filters: dict[str, Any], form: type[T]) -> Iterator[T]:
        page, read, total = 1, 0, 1
        while read < total:
            rows = self._get(path, Rows[form], {**filters, "limit": ROWS, "page": page})
            yield from rows.data
            page, read, total = page + 1, read + ROWS, rows.total


JSON = {"Content-Type": "application/json"}


def _written(parameters: dict[str, Any]) -> dict[str, str]:
    """Return parameters as a query writes them; those that are None are left out."""
    given = {name: value for name, value in parameters.items() if value is not None}
    return {name: value if isinstance(value, str) else _plain(value) for name, value in given.items()}


def _plain(value: Any) -> str:
    return msgspec.json.encode(value).decode().strip('"')


def _read(answer: bytes, form: type[T]) -> T:
    try:
        return msgspec.json.decode(answer, type=form)
    except msgspec.DecodeError as error:
        raise UnexpectedAnswer(f"this is no {form.__name__}") from error
