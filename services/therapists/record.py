"""Makes storable values of whatever the Therapist Service says about one therapist."""

import json
import math
from collections.abc import Mapping
from itertools import islice
from typing import Any, cast

from services.hours.windows import LONGEST_ENTRY, MOST_ENTRIES, without_padding
from services.models import LARGEST_ID, is_possible_id
from services.therapists.phone_numbers import cut_field, dialable, read_numbers

DEEPEST = 6
LENGTHS = {
    "anrede": 20,
    "titel": 50,
    "vorname": 255,
    "nachname": 255,
    "strasse": 255,
    "plz": 10,
    "ort": 255,
}
LONGEST_EMAIL = 255
LONGEST_STATUS = 20

LARGEST_HOURS = 16 * 1024
"""Characters of a therapist's phone hours as JSON, beyond which further days are left out."""

LEFT_OUT = "…"
"""Stands for what was left out of phone hours; it can't be read, so it is named to the staff."""

Fields = dict[str, Any]
"""Values of columns of `therapists`, `id` among them."""


def read_therapist(answer: object) -> Fields | str:
    """Return what can be stored of one therapist, or why nothing can; odd values are left out."""
    if not isinstance(answer, Mapping):
        return "not an object"
    table = cast(Mapping[str, object], answer)
    if "id" not in table and isinstance(table.get("data"), Mapping):
        table = cast(Mapping[str, object], table["data"])
    therapist_id = table.get("id")
    if isinstance(therapist_id, bool) or not isinstance(therapist_id, int):
        return "no id that is a whole number"
    if not is_possible_id(therapist_id):
        return f"an id that is not from 1 to {LARGEST_ID}"
    fields: Fields = {name: _text(table.get(name), length) for name, length in LENGTHS.items()}
    fields["vorname"] = fields["vorname"] or ""
    fields["nachname"] = fields["nachname"] or ""
    fields["id"] = therapist_id
    fields["email"] = _uncut(table.get("email"), LONGEST_EMAIL)
    fields["status"] = ((_line(table.get("status")) or "aktiv").lower())[:LONGEST_STATUS]
    fields |= phone_columns(table.get("telefon"))
    fields["telefonische_erreichbarkeit"] = storable_hours(table.get("telefonische_erreichbarkeit"))
    return fields


def storable_hours(value: object) -> object:
    """Return phone hours that PostgreSQL accepts and of which no reader has much to do.

    What is too much is left out, with `LEFT_OUT` in its place.
    """
    if not isinstance(value, Mapping):
        kept = _storable(value)
        return kept if len(json.dumps(kept)) <= LARGEST_HOURS else LEFT_OUT
    days: dict[str, object] = {}
    size = 0
    for name, entries in cast(Mapping[str, object], value).items():
        day, kept = _storable(name), _storable(entries)
        size += len(json.dumps([day, kept]))
        if len(days) >= MOST_ENTRIES or size > LARGEST_HOURS:
            days[LEFT_OUT] = LEFT_OUT
            break
        days[str(day)] = kept
    return days


def phone_columns(value: object) -> Fields:
    """Return the phone field as it is kept, with the numbers in it by which a therapist is found."""
    text = _line(value)
    field = cut_field(text) if text else None
    numbers = [number.e164 for number in dialable(field)]
    others = dict.fromkeys(number.e164 for number in read_numbers(field) if number.e164 not in numbers[:1])
    return {
        "telefon": field or None,
        "telefon_e164": numbers[0] if numbers else None,
        "telefon_e164_weitere": list(others) or None,
    }


def _line(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return _clean(str(value)).strip() or None


def _text(value: object, length: int) -> str | None:
    return (_line(value) or "")[:length].rstrip() or None


def _uncut(value: object, length: int) -> str | None:
    """Return what would be something else if it were cut, such as an address; None where it is too long."""
    text = _line(value)
    return text if text is not None and len(text) <= length else None


def _storable(value: object, depth: int = 0) -> object:
    """Return JSON that PostgreSQL accepts: no NUL, no half characters, no NaN, not nested for ever."""
    if isinstance(value, str):
        text = _clean(without_padding(value))
        return text if len(text) <= LONGEST_ENTRY else text[:LONGEST_ENTRY] + LEFT_OUT
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if depth > DEEPEST:
        return None
    if isinstance(value, Mapping):
        table = cast(Mapping[str, object], value)
        kept = {
            str(_storable(key)): _storable(entry, depth + 1)
            for key, entry in islice(table.items(), MOST_ENTRIES)
        }
        return kept if len(table) <= MOST_ENTRIES else kept | {LEFT_OUT: LEFT_OUT}
    if isinstance(value, list):
        entries = cast(list[object], value)
        items = [_storable(entry, depth + 1) for entry in entries[:MOST_ENTRIES]]
        return items if len(entries) <= MOST_ENTRIES else [*items, LEFT_OUT]
    return value


def _clean(text: str) -> str:
    return text.replace("\0", "").encode("utf-8", "replace").decode()
