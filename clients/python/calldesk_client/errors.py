"""What can go wrong, by name. Refusals carry the service's problem details (RFC 9457)."""

from typing import ClassVar

from msgspec import DecodeError, Struct, ValidationError
from msgspec.json import Decoder


class FieldProblem(Struct, frozen=True):
    """One field of the request and what is wrong with it."""

    field: str
    message: str


class Problem(Struct, frozen=True):
    """The body of a refusal."""

    title: str = ""
    detail: str = ""
    errors: list[FieldProblem] = []


class CalldeskError(Exception):
    """Nothing was done, or it is not known whether anything was; the subclasses say which."""


class Unreachable(CalldeskError):
    """No answer came within the deadline. Whether a change was made is not known."""


class UnexpectedAnswer(CalldeskError):
    """The answer is none of the communication service's: something else is at this address."""


class Refused(CalldeskError):
    """The service refused; nothing was changed. `status` is HTTP's, `fields` name what is wrong."""

    statuses: ClassVar[tuple[int, ...]] = ()

    def __init__(self, status: int, detail: str, fields: tuple[FieldProblem, ...] = ()) -> None:
        self.status = status
        self.detail = detail
        self.fields = fields
        super().__init__(f"{status}: {detail}")


class Invalid(Refused):
    """The request is not as it should be, or can't be carried out as it is."""

    statuses = (400, 415, 422)


class NotAuthorized(Refused):
    """The API key is missing, not valid, or has expired."""

    statuses = (401,)


class Forbidden(Refused):
    """The API key may not do this."""

    statuses = (403,)


class NotFound(Refused):
    """There is no such record."""

    statuses = (404,)


class Conflict(Refused):
    """The record is in another state, there is a newer version, or the time is taken."""

    statuses = (409,)


class TooLarge(Refused):
    """A text is too large."""

    statuses = (413,)


class TooManyRequests(Refused):
    """This API key asks too often, and the deadline ends before it may ask again."""

    statuses = (429,)


class Unavailable(Refused):
    """The service can't answer right now. Whether a change was made may not be known."""

    statuses = (500, 502, 503, 504)


_BY_STATUS = {status: kind for kind in Refused.__subclasses__() for status in kind.statuses}
_PROBLEM = Decoder(Problem)


def refusal(status: int, body: bytes) -> Refused:
    """Return the exception for a refusal; one that carries no problem details says its status only."""
    try:
        problem = _PROBLEM.decode(body)
    except (DecodeError, ValidationError):
        problem = Problem(detail=f"HTTP status {status}")
    kind = _BY_STATUS.get(status, Refused)
    return kind(status, problem.detail or problem.title, tuple(problem.errors))
