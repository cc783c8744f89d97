"""What the JSON controllers share: lists, instants, repeatable requests and strict query parameters."""

import hashlib
import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from http import HTTPStatus
from typing import Annotated, Any, Generic, Self, TypeVar

import msgspec
from litestar.connection import ASGIConnection
from litestar.constants import RESERVED_KWARGS
from litestar.datastructures import ResponseHeader
from litestar.enums import ParamType
from litestar.handlers.base import BaseRouteHandler
from litestar.openapi import ResponseSpec
from litestar.openapi.spec import Example
from litestar.params import BodyKwarg, HeaderParameter, ParameterKwarg, PathParameter, QueryParameter
from litestar.typing import FieldDefinition
from msgspec import UNSET, Struct, UnsetType

from services.checks import LONGEST_LINE, LONGEST_REFERENCE, check_line
from services.errors import FieldError, InvalidInput
from services.idempotency import RepeatableRequest
from services.models import LARGEST_ID
from services.pagination import LARGEST_LIMIT, Page, PageRequest
from services.rules import YEARS, DeskRules
from webapp.controllers.api.problems import PROBLEM_JSON, Problem
from webapp.controllers.api.strict_json import JsonRequest

Item = TypeVar("Item")
Row = TypeVar("Row")

Connection = ASGIConnection[Any, Any, Any, Any]

EVERYWHERE = (400, 401, 403, 422, 429, 503)
"""Not readable, no key, one for something else, a parameter that is not known, too often, no database."""

DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
INSTANT = DAY + r"[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?"
"""ISO 8601 has other spellings of both, such as weeks; none of them is meant."""

IDEMPOTENCY_KEY = "Idempotency-Key"

DECLARED_ONLY = "declared_only"
"""In a route's `opt`: it refuses parameters it does not declare."""

Reference = BodyKwarg(
    min_length=1,
    max_length=LONGEST_REFERENCE,
    description="Your own reference, printable, kept as it is. Never personal data: it stays when texts, "
    "names and addresses are deleted, and goes into events.",
    examples=[Example(value="bundle-4711")],
)
ReferenceFilter = Annotated[
    str | None,
    QueryParameter(
        min_length=1,
        max_length=LONGEST_REFERENCE,
        pattern=r"^[^\x00-\x1f\x7f]*$",
        description="Exactly this reference.",
    ),
]

PageNumber = Annotated[
    int | None,
    QueryParameter(ge=1, le=LARGEST_ID, description="Which page, from 1. By default the first."),
]
AfterId = Annotated[
    int | None,
    QueryParameter(
        ge=0,
        le=LARGEST_ID,
        description="Instead of `page`: the rows with smaller ids, newest first. Begin with 0, go on with "
        "each answer's `next` until it is null. No row that changes meanwhile is missed or given twice.",
    ),
]
PageLimit = Annotated[int, QueryParameter(ge=1, le=LARGEST_LIMIT, description="Rows of one page.")]
EmailId = Annotated[int, PathParameter(ge=1, le=LARGEST_ID, description="The e-mail's id.")]
CallId = Annotated[int, PathParameter(ge=1, le=LARGEST_ID, description="The call's id.")]
TherapistId = Annotated[
    int, PathParameter(ge=1, le=LARGEST_ID, description="The therapist's id at the Therapist Service.")
]
RecordIdFilter = Annotated[int | None, QueryParameter(ge=1, le=LARGEST_ID)]
DayOrInstantFilter = Annotated[
    str | None,
    QueryParameter(
        max_length=40,
        schema_extra={"pattern": f"^({DAY}|{INSTANT})$"},
        description="A day (`2025-06-10`, local) or an ISO 8601 instant (local without an offset).",
    ),
]
IdempotencyKeyHeader = Annotated[
    str | None,
    HeaderParameter(
        name=IDEMPOTENCY_KEY,
        schema_extra={"min_length": 1, "max_length": LONGEST_LINE},
        description="Makes a repeated request safe: same key and body, same answer; another body, 409. "
        "Each API key has its own.",
    ),
]


MADE_HEADERS = tuple(
    ResponseHeader(name=name, description=description, required=always, value="", documentation_only=True)
    for name, description, always in (
        ("Location", "Where it can be read.", True),
        ("Idempotent-Replayed", "`true` when the key was used before: nothing new was made.", False),
    )
)
"""What the answer to a POST that makes something carries."""


class Paged(Struct, Generic[Item], kw_only=True):
    """One page of a list; `total` counts the whole list.

    `page` is there where it was asked for by number, `next` where rows are in the order of their ids.
    Subclass with the item's type and name the type of `data` again: documentation knows no type variables.
    """

    data: list[Item]
    page: int | UnsetType = UNSET
    limit: int
    total: int
    next: int | UnsetType | None = UNSET

    @classmethod
    def of(cls, page: Page[Row], show: Callable[[Row], Item], *, by_id: bool) -> Self:
        """Return a page of rows as the API shows them; `by_id` says whether pages by number are so too."""
        by_number = page.request.after is None
        return cls(
            data=[show(row) for row in page.rows],
            page=page.request.page if by_number else UNSET,
            limit=page.request.limit,
            total=page.total,
            next=UNSET if by_number and not by_id else page.next,
        )


def page_request(page: int | None, after: int | None, limit: int) -> PageRequest:
    """Return which rows of a list are asked for.

    Raises:
        InvalidInput: they are asked for both by number and by id.
    """
    if page is not None and after is not None:
        raise InvalidInput(FieldError("after", "Give either page or after."))
    return PageRequest(page or 1, limit, after)


def problems(*statuses: int) -> dict[int, ResponseSpec]:
    """Return the documentation of refusals with these statuses, and of those every address knows."""
    return {
        status: ResponseSpec(
            Problem,
            generate_examples=False,
            description=HTTPStatus(status).phrase,
            media_type=PROBLEM_JSON,  # pyright: ignore[reportArgumentType]
        )
        for status in sorted({*statuses, *EVERYWHERE})
    }


def range_start(parameter: str, value: str | None, rules: DeskRules) -> datetime | None:
    """Return the first instant of a range given as day or instant.

    Raises:
        InvalidInput: it is neither.
    """
    if value is None:
        return None
    moment = _day_or_instant(parameter, value)
    return rules.aware(moment) if isinstance(moment, datetime) else rules.instant(moment, time.min)


def range_end(parameter: str, value: str | None, rules: DeskRules) -> datetime | None:
    """Return the instant before which a range ends; a day is meant to be part of it.

    Raises:
        InvalidInput: it is neither day nor instant.
    """
    if value is None:
        return None
    moment = _day_or_instant(parameter, value)
    if isinstance(moment, datetime):
        return rules.aware(moment)
    return rules.instant(moment + timedelta(days=1), time.min)


def read_instant(field: str, value: str) -> datetime:
    """Return an ISO 8601 instant of a body; naive where it has no offset.

    Raises:
        InvalidInput: it is none.
    """
    moment = _moment(value)
    if not isinstance(moment, datetime):
        raise InvalidInput(FieldError(field, "Give an instant such as 2025-06-10T12:30:00Z."))
    return moment


def check_days(**days: object) -> None:
    """Refuse what is a date, but none of a year that can be meant.

    Raises:
        InvalidInput: names each such date.
    """
    years = (("first", YEARS[0]), ("last", YEARS[-1]))
    errors = [
        FieldError(field, "Give a date of the years %(first)s to %(last)s.", years)
        for field, day in days.items()
        if isinstance(day, date) and day.year not in YEARS
    ]
    if errors:
        raise InvalidInput(*errors)


def _day_or_instant(parameter: str, value: str) -> date | datetime:
    moment = _moment(value)
    if moment is None:
        raise InvalidInput(
            FieldError(parameter, "Give a day such as 2025-06-10 or an instant such as 2025-06-10T12:30:00Z.")
        )
    return moment


def _moment(value: str) -> date | datetime | None:
    """Read a day or an instant, which may lack its offset."""
    if not re.fullmatch(f"{DAY}|{INSTANT}", value):
        return None
    try:
        moment = date.fromisoformat(value) if re.fullmatch(DAY, value) else datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.year in YEARS else None


async def repeatable(request: JsonRequest, key: str | None) -> RepeatableRequest | None:
    """Return the caller's key with a hash of what was sent, in whatever order and with whatever blanks.

    What was left out is not part of it: a field that a later release adds leaves the hash as it is.

    Raises:
        InvalidInput: the header says nothing, is too long, or is there twice.
    """
    if key is None:
        return None
    errors = check_line(IDEMPOTENCY_KEY, key)
    if len(request.headers.getall(IDEMPOTENCY_KEY)) > 1:
        errors.append(_given_twice(IDEMPOTENCY_KEY))
    if errors:
        raise InvalidInput(*errors)
    sent = msgspec.json.encode(msgspec.json.decode(await request.body()), order="deterministic")
    return RepeatableRequest(key, hashlib.sha256(sent).digest(), caller=request.auth.key_id)


def refuse_unknown_parameters(connection: Connection) -> None:
    """Refuse query parameters the handler does not declare, repeated ones, and `null` for a number.

    The framework reads `null` in a query as no value, and a filter that is not there finds everything.

    Raises:
        InvalidInput: names each such parameter.
    """
    if not connection.scope["query_string"] or DECLARED_ONLY not in connection.route_handler.opt:
        return
    given = connection.query_params
    known = _query_parameters(connection.route_handler)
    errors = [FieldError(name, "This parameter is not known.") for name in given if name not in known]
    errors += [_given_twice(name) for name in given if name in known and len(given.getall(name)) > 1]
    errors += [
        FieldError(name, "Leave it out, or give a value.")
        for name, value in given.items()
        if value.lower() == "null" and name in known and not known[name]
    ]
    if errors:
        raise InvalidInput(*errors)


def _given_twice(name: str) -> FieldError:
    return FieldError(name, "This parameter is given more than once.")


def _query_parameters(handler: BaseRouteHandler) -> dict[str, bool]:
    """Return the names of a handler's query parameters, and whether each may be any text."""
    not_from_query = RESERVED_KWARGS | handler.resolve_dependencies().keys()
    names: dict[str, bool] = {}
    for name, field in handler.parsed_fn_signature.parameters.items():
        kwarg = field.kwarg_definition
        if name in not_from_query:
            continue
        if not isinstance(kwarg, ParameterKwarg):
            names[name] = _may_be_any_text(field)
        elif kwarg.param_type not in (ParamType.HEADER, ParamType.COOKIE, ParamType.PATH):
            names[kwarg.name or name] = _may_be_any_text(field)
    return names


def _may_be_any_text(field: FieldDefinition) -> bool:
    return str in (field.annotation, *(inner.annotation for inner in field.inner_types))
