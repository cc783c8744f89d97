"""What the domain refuses. `webapp/errors.py` is the one place that turns these into HTTP.

A class's docstring is its message: English, a gettext message id, with the keyword arguments filled in.
"""

import inspect
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field of the input and what is wrong with it.

    `message` is an English gettext message id with `%(name)s` places for `values`.
    """

    field: str
    message: str
    values: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        return self.message % dict(self.values) if self.values else self.message


class DomainError(Exception):
    """The request can't be carried out."""

    def __init__(self, **values: Any) -> None:
        self.values = values
        super().__init__(str(self))

    @property
    def message_id(self) -> str:
        """The untranslated message with its places still open."""
        return inspect.cleandoc(type(self).__doc__ or "").splitlines()[0]

    def __str__(self) -> str:
        return self.message_id % self.values if self.values else self.message_id


class InvalidInput(DomainError):
    """The input has errors."""

    def __init__(self, *fields: FieldError) -> None:
        self.fields = fields
        super().__init__()


class NotFound(DomainError):
    """There is no such record."""


class Conflict(DomainError):
    """The record is not in a state that allows this."""


class StaleVersion(Conflict):
    """Somebody else has changed this in the meantime."""


class IdempotencyConflict(Conflict):
    """This idempotency key was used with another request."""


class TemporarilyUnavailable(DomainError):
    """Something this needs can't be reached right now."""

    retry_after_seconds = 30


class RecordBusy(TemporarilyUnavailable):
    """Somebody else is changing this right now. Try again in a moment."""

    retry_after_seconds = 2


class TooManyRequests(DomainError):
    """Too many requests. Wait a while."""

    retry_after_seconds = 30
