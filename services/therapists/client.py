"""Asks the Therapist Service over HTTP and makes storable values of whatever it answers."""

import asyncio
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple, cast

import httpx
import phonenumbers
import structlog

from services.errors import TemporarilyUnavailable
from services.models import is_possible_id
from shared.config import Settings

ATTEMPTS = 3
BACKOFF_SECONDS = 0.1
DEEPEST = 6
REGION = "DE"
LENGTHS = {
    "anrede": 20,
    "titel": 50,
    "vorname": 255,
    "nachname": 255,
    "strasse": 255,
    "plz": 10,
    "ort": 255,
    "telefon": 50,
    "email": 255,
}

Fields = dict[str, Any]
"""Values of columns of `therapists`, `id` among them."""


class TherapistPage(NamedTuple):
    """A page of the service's list, and whether another follows."""

    therapists: list[Fields]
    more: bool


log = structlog.get_logger(__name__)


class DirectoryUnavailable(TemporarilyUnavailable):
    """The therapist directory can't be reached right now."""

    retry_after_seconds = 10


class TherapistClient:
    """Reads from the Therapist Service; every call ends within the configured deadline.

    Args:
        client: its connections are reused; its time limits are not, they are set here.
    """

    def __init__(self, config: Settings, client: httpx.AsyncClient) -> None:
        self._client = client
        self._url = f"{config.get_service_url('therapist')}/api/therapists"
        self._deadline = config.therapist_deadline_seconds

    async def fetch(self, therapist_id: int) -> Fields | None:
        """Return a therapist, or None when the service knows none by this id.

        Raises:
            DirectoryUnavailable: no usable answer in time.
        """
        answer = await self._read(f"{self._url}/{therapist_id}")
        if answer is None:
            return None
        fields = read_therapist(answer)
        if fields is None or fields["id"] != therapist_id:
            log.warning("therapist_unreadable", therapist_id=therapist_id)
            raise DirectoryUnavailable
        return fields

    async def fetch_page(self, page: int, limit: int) -> TherapistPage:
        """Return a page of all therapists; entries that make no sense are left out.

        Raises:
            DirectoryUnavailable: no usable answer in time.
        """
        answer = await self._read(self._url, {"page": page, "limit": limit})
        table = cast(Mapping[str, object], answer) if isinstance(answer, Mapping) else {"data": answer}
        data, size, total = table.get("data"), table.get("limit"), table.get("total")
        rows = cast(list[object], data) if isinstance(data, list) else []
        therapists = [fields for fields in map(read_therapist, rows) if fields is not None]
        size = size if isinstance(size, int) and size > 0 else limit
        return TherapistPage(therapists, bool(rows) and (not isinstance(total, int) or page * size < total))

    async def _read(self, url: str, params: dict[str, int] | None = None) -> Any:
        """GET JSON, again when that may help; None for 404."""
        try:
            async with asyncio.timeout(self._deadline):
                for attempt in range(ATTEMPTS):
                    if attempt:
                        await asyncio.sleep(BACKOFF_SECONDS * 2**attempt)
                    try:
                        response = await self._client.get(url, params=params, timeout=self._deadline / 2)
                    except httpx.TransportError as error:
                        log.info("directory_attempt_failed", error=type(error).__name__, attempt=attempt + 1)
                        continue
                    if response.status_code == HTTPStatus.NOT_FOUND:
                        return None
                    if response.is_success:
                        return response.json()
                    log.info("directory_attempt_failed", status=response.status_code, attempt=attempt + 1)
                    if response.is_client_error and response.status_code != HTTPStatus.TOO_MANY_REQUESTS:
                        break
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError) as error:
            raise DirectoryUnavailable from error
        raise DirectoryUnavailable


def read_therapist(answer: object) -> Fields | None:
    """Return what can be stored of one therapist, or None without a usable id; odd values are left out."""
    if not isinstance(answer, Mapping):
        return None
    table = cast(Mapping[str, object], answer)
    if "id" not in table and isinstance(table.get("data"), Mapping):
        table = cast(Mapping[str, object], table["data"])
    therapist_id = table.get("id")
    if isinstance(therapist_id, bool) or not isinstance(therapist_id, int):
        return None
    if not is_possible_id(therapist_id):
        return None
    fields: Fields = {name: _text(table.get(name), length) for name, length in LENGTHS.items()}
    fields["vorname"] = fields["vorname"] or ""
    fields["nachname"] = fields["nachname"] or ""
    fields["id"] = therapist_id
    fields["status"] = (_text(table.get("status"), 20) or "aktiv").lower()
    fields["telefon_e164"] = e164(fields["telefon"])
    fields["telefonische_erreichbarkeit"] = _storable(table.get("telefonische_erreichbarkeit"))
    return fields


def e164(number: str | None) -> str | None:
    """Return a phone number as `+49301234567`, read as dialled in Germany; None when it is none."""
    if not number:
        return None
    try:
        parsed = phonenumbers.parse(number, REGION)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def _text(value: object, length: int) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = _clean(str(value)).strip()
    return text[:length] or None


def _storable(value: object, depth: int = 0) -> object:
    """Return JSON that PostgreSQL accepts: no NUL, no half characters, no NaN, not nested for ever."""
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if depth > DEEPEST:
        return None
    if isinstance(value, Mapping):
        table = cast(Mapping[str, object], value)
        return {_clean(key): _storable(entry, depth + 1) for key, entry in table.items()}
    if isinstance(value, list):
        return [_storable(entry, depth + 1) for entry in cast(list[object], value)]
    return value


def _clean(text: str) -> str:
    return text.replace("\0", "").encode("utf-8", "replace").decode()
