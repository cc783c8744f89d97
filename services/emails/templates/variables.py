"""What a mail template needs to be told: declared in its `mail.toml`, checked before anything is rendered."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, cast

from services.checks import LONGEST_LINE, REQUIRED, check_line, check_note, is_blank
from services.errors import FieldError

LONGEST_LIST = 50
LARGEST_NUMBER = 1_000_000

UNKNOWN_VARIABLE = "The template has no such variable."
NOT_A_STRING = "Give a text."
NOT_A_NUMBER = "Give a whole number from %(least)s to %(most)s."
NOT_A_DATE = "Give a date such as 2025-06-10."
NOT_A_LIST = "Give a list of at most %(limit)s texts."


class VariableKind(StrEnum):
    """What a variable holds, as JSON writes it."""

    LINE = "zeile"
    TEXT = "text"
    NUMBER = "zahl"
    DATE = "datum"
    LIST = "liste"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One variable of a template. An optional one that is missing is `default`.

    `least` is the smallest number, `longest` the characters of an entry of a list.
    """

    name: str
    kind: VariableKind
    description: str
    sample: Any
    required: bool
    default: Any = None
    least: int = 1
    longest: int = LONGEST_LINE


def check_data(variables: tuple[Variable, ...], data: Mapping[str, Any]) -> list[FieldError]:
    """Return what is wrong with a template's data; each error names `template_data.<variable>`."""
    known = {variable.name for variable in variables}
    errors = [FieldError(f"template_data.{name}", UNKNOWN_VARIABLE) for name in data if name not in known]
    for variable in variables:
        field = f"template_data.{variable.name}"
        value = _given(variable, data)
        if value is not None:
            errors += _check(field, variable, value)
        elif variable.required:
            errors.append(FieldError(field, REQUIRED))
    return errors


def values(variables: tuple[Variable, ...], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return valid data as the template sees it: dates as dates, defaults filled in."""
    given: dict[str, Any] = {}
    for variable in variables:
        value = _given(variable, data)
        if value is None:
            given[variable.name] = variable.default
        else:
            given[variable.name] = date.fromisoformat(value) if variable.kind is VariableKind.DATE else value
    return given


def _given(variable: Variable, data: Mapping[str, Any]) -> Any:
    """Return what is given for a variable; an empty list or a text that shows nothing is nothing."""
    value = data.get(variable.name)
    match variable.kind:
        case VariableKind.LINE | VariableKind.TEXT:
            return None if isinstance(value, str) and is_blank(value) else value
        case VariableKind.LIST:
            return None if value == [] else value
        case _:
            return value


def _check(field: str, variable: Variable, value: object) -> list[FieldError]:
    match variable.kind:
        case VariableKind.LINE:
            return check_line(field, value) if isinstance(value, str) else [FieldError(field, NOT_A_STRING)]
        case VariableKind.TEXT:
            return check_note(field, value) if isinstance(value, str) else [FieldError(field, NOT_A_STRING)]
        case VariableKind.NUMBER:
            return _check_number(field, value, variable.least)
        case VariableKind.DATE:
            return [] if _is_date(value) else [FieldError(field, NOT_A_DATE)]
        case VariableKind.LIST:
            return _check_list(field, value, variable.longest)


def _check_number(field: str, value: object, least: int) -> list[FieldError]:
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= LARGEST_NUMBER:
        return []
    return [FieldError(field, NOT_A_NUMBER, (("least", least), ("most", LARGEST_NUMBER)))]


def _check_list(field: str, value: object, longest: int) -> list[FieldError]:
    entries = cast("list[object]", value) if isinstance(value, list) else None
    if entries is None or len(entries) > LONGEST_LIST:
        return [FieldError(field, NOT_A_LIST, (("limit", LONGEST_LIST),))]
    if not all(isinstance(entry, str) for entry in entries):
        return [FieldError(field, NOT_A_STRING)]
    return [error for entry in entries for error in check_line(field, str(entry), longest=longest)][:1]


def _is_date(value: object) -> bool:
    try:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False
