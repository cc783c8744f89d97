"""Reading what forms send, and telling what is wrong with it beside the field."""

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, time
from typing import Annotated, Any, ClassVar, Self, TypeAlias, TypeVar
from uuid import uuid4

from litestar.enums import RequestEncodingType
from litestar.params import Body

from services.emails.schedule import Expired
from services.emails.states import NotInThisState
from services.errors import DomainError, FieldError, InvalidInput
from services.idempotency import RepeatableRequest
from services.rules import YEARS, DeskRules
from webapp.i18n import gettext

Sent = TypeVar("Sent")
Submitted: TypeAlias = Annotated[Sent, Body(media_type=RequestEncodingType.URL_ENCODED)]
"""What a browser's form sent, as a handler's `data`."""

LONGEST_TEXT = 2_000

FormErrors = list[tuple[str, str]]
"""Pairs of a field's id and a translated message, as `partials/error_summary.html` lists them."""


@dataclass
class Form:
    """A form that is kept while it is typed: text, and nothing required, so that a draft is one too."""

    NOT_KEPT: ClassVar = frozenset({"version", "preview", "action"})

    @classmethod
    def read(cls, fields: Mapping[str, Any]) -> Self:
        """Return the form as a browser sent it or a draft kept it; what it does not know is passed over."""
        known = {field.name for field in dataclasses.fields(cls)}
        given = {name: value for name, value in fields.items() if name in known and isinstance(value, str)}
        return cls(**given)

    def to_draft(self) -> dict[str, str]:
        """Return what is worth keeping of the form; of a field given several times, all with commas."""
        kept = {name: value for name, value in asdict(self).items() if name not in self.NOT_KEPT}
        return {
            name: ",".join(several(value)) if isinstance(value, list) else value
            for name, value in kept.items()
        }


Several: TypeAlias = str | list[str]
"""A field that a form may hold several times: a browser sends one as a text, a draft all with commas."""


def several(value: Several) -> list[str]:
    """Return what a field holds, without empty ones."""
    given = value if isinstance(value, list) else value.split(",")
    return [text for text in given if text]


def read_date(text: str) -> date | None:
    """Return a date as `<input type=date>` sends it, or None."""
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        return None
    return day if day.year in YEARS else None


def asked_day(parameter: str, text: str) -> date | None:
    """Return the day a query parameter names, None when it is empty.

    Raises:
        InvalidInput: it can't be read.
    """
    day = read_date(text)
    if text and day is None:
        raise InvalidInput(FieldError(parameter, "Give a date."))
    return day


def read_time(text: str) -> time | None:
    """Return a time of day as `<input type=time>` sends it, or None."""
    try:
        at = time.fromisoformat(text.strip())
    except ValueError:
        return None
    return None if at.tzinfo else at.replace(second=0, microsecond=0)


def asked_moment(field: str, text: str) -> datetime | None:
    """Return the local day and time `<input type=datetime-local>` sends, naive; None when it is empty.

    Raises:
        InvalidInput: it can't be read.
    """
    if not text.strip():
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo or moment.year not in YEARS:
        raise InvalidInput(FieldError(field, "Give a day and a time."))
    return moment


def typed_moment(moment: datetime | None, rules: DeskRules) -> str:
    """Return an instant as `<input type=datetime-local>` wants it, nothing for none."""
    return f"{rules.local(moment):%Y-%m-%dT%H:%M}" if moment else ""


def read_number(text: str) -> int | None:
    """Return a whole number, or None."""
    stripped = text.strip()
    return int(stripped) if stripped.isascii() and stripped.isdigit() and len(stripped) < 10 else None


def limited(field: str, text: str) -> str | None:
    """Return a text somebody typed, None when empty.

    Raises:
        InvalidInput: it is too long.
    """
    if len(text) > LONGEST_TEXT:
        raise InvalidInput(FieldError(field, "At most %(limit)s characters.", (("limit", LONGEST_TEXT),)))
    return text.strip() or None


def form_errors(fields: Iterable[FieldError], ids: Mapping[str, str] | None = None) -> FormErrors:
    """Translate field errors; `ids` names the inputs that are called differently from their field."""
    return [
        ((ids or {}).get(error.field, error.field), gettext(error.message) % dict(error.values))
        for error in fields
    ]


def words_of(error: DomainError) -> str:
    """Translate a domain error."""
    if isinstance(error, NotInThisState):
        return gettext("This is not possible any more: the e-mail has changed meanwhile.")
    if isinstance(error, Expired):
        return gettext("The time to send this e-mail is over.")
    if isinstance(error, InvalidInput):
        return " ".join(words for _, words in form_errors(error.fields))
    return gettext(error.message_id) % error.values


def new_form_key() -> str:
    """Return a key for a form that makes something: sent twice, it makes it once."""
    return uuid4().hex


def repeatable(key: str, *parts: object) -> RepeatableRequest | None:
    """Return a form as a request that is safe to repeat; `parts` are what it asks for."""
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return RepeatableRequest(f"form-{key[:64]}", digest) if key else None
