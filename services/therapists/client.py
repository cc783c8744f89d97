"""Asks the Therapist Service over HTTP; an answer is read up to a size, however it is packed."""

import asyncio
import json
import ssl
import zlib
from collections.abc import AsyncIterator, Mapping
from functools import cache
from http import HTTPStatus
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit

import httpx
import structlog

from services.errors import TemporarilyUnavailable
from services.therapists.record import Fields, read_therapist
from shared.backoff import Backoff
from shared.config import Settings
from shared.loopback import is_loopback
from shared.reasons import reason_of

ATTEMPTS = 3
RETRY = Backoff.of_seconds(0.2, 0.4)
LARGEST_ANSWER = 2 * 1024 * 1024
"""Bytes of an answer, as they come and unpacked."""

LONGEST_NUMBER = 18
"""Digits of a whole number; no column holds one that has more."""

NAMED_AT_MOST = 10
GZIP = 16 + zlib.MAX_WBITS
HEADERS = {"Accept": "application/json", "Accept-Encoding": "gzip"}


class TherapistPage(NamedTuple):
    """A page of the service's list, and whether another follows."""

    therapists: list[Fields]
    more: bool


log = structlog.get_logger(__name__)


class DirectoryUnavailable(TemporarilyUnavailable):
    """The therapist directory can't be reached right now."""

    retry_after_seconds = 10


class UnreadableAnswer(DirectoryUnavailable):
    """The therapist directory's answer can't be read."""


class AnotherTherapist(UnreadableAnswer):
    """The therapist directory answers about somebody else."""


def create_client(config: Settings) -> httpx.AsyncClient:
    """Return the client to read with; a service on this machine is asked directly, whatever proxy is set."""
    host = urlsplit(config.get_service_url("therapist")).hostname or ""
    return httpx.AsyncClient(
        timeout=config.therapist_deadline_seconds, trust_env=not is_loopback(host), verify=_trusted()
    )


@cache
def _trusted() -> ssl.SSLContext:
    """Return what a client trusts by default; to read all those certificates takes longer than a request."""
    return httpx.create_ssl_context()


class TherapistClient:
    """Reads from the Therapist Service; every call ends within the configured deadline.

    Args:
        client: its connections are reused; its time limits are not, they are set here.
    """

    def __init__(self, config: Settings, client: httpx.AsyncClient) -> None:
        self._client = client
        self._url = f"{config.get_service_url('therapist')}/api/therapists"
        self.deadline = config.therapist_deadline_seconds
        """The longest a call takes, in seconds."""

    async def fetch(self, therapist_id: int) -> Fields | None:
        """Return a therapist, or None when the service knows none by this id.

        Raises:
            UnreadableAnswer: the service answers, but nothing that describes a therapist.
            AnotherTherapist: it describes another one.
            DirectoryUnavailable: no usable answer in time.
        """
        answer = await self._read(f"{self._url}/{therapist_id}")
        if answer is None:
            return None
        fields = read_therapist(answer)
        if isinstance(fields, str):
            log.warning("therapist_unreadable", therapist_id=therapist_id, reason=fields)
            raise UnreadableAnswer
        if fields["id"] != therapist_id:
            log.warning("therapist_unreadable", therapist_id=therapist_id, reason="another id")
            raise AnotherTherapist
        return fields

    async def fetch_page(self, page: int, limit: int) -> TherapistPage:
        """Return a page of all therapists; entries that make no sense are left out, and named in the log.

        Raises:
            UnreadableAnswer: the service answers, but no JSON, or too much.
            DirectoryUnavailable: no usable answer in time.
        """
        answer = await self._read(self._url, {"page": page, "limit": limit})
        table = cast(Mapping[str, object], answer) if isinstance(answer, Mapping) else {"data": answer}
        data, size, total = table.get("data"), table.get("limit"), table.get("total")
        rows = cast(list[object], data) if isinstance(data, list) else []
        size = size if isinstance(size, int) and size > 0 else limit
        more = bool(rows) and (not isinstance(total, int) or page * size < total)
        return TherapistPage(_readable(rows, page), more)

    async def _read(self, url: str, params: dict[str, int] | None = None) -> Any:
        """GET JSON, again when that may help; None for 404."""
        try:
            async with asyncio.timeout(self.deadline):
                for attempt in range(ATTEMPTS):
                    if attempt:
                        await asyncio.sleep(RETRY.seconds(attempt))
                    try:
                        status, body = await self._get(url, params)
                    except httpx.TransportError as error:
                        log.info("directory_attempt_failed", reason=reason_of(error), attempt=attempt + 1)
                        continue
                    if status == HTTPStatus.NOT_FOUND:
                        return None
                    if httpx.codes.is_success(status):
                        return _json(body)
                    log.info("directory_attempt_failed", status=status, attempt=attempt + 1)
                    if httpx.codes.is_client_error(status) and status != HTTPStatus.TOO_MANY_REQUESTS:
                        break
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL) as error:
            raise DirectoryUnavailable from error
        raise DirectoryUnavailable

    async def _get(self, url: str, params: dict[str, int] | None) -> tuple[int, bytes]:
        """Return the status, and the body where it is one of success.

        Raises:
            UnreadableAnswer: the body is too large or can't be unpacked.
        """
        wait = self.deadline / 2
        async with self._client.stream("GET", url, params=params, headers=HEADERS, timeout=wait) as response:
            if not response.is_success:
                return response.status_code, b""
            packed = cast(AsyncIterator[bytes], response.stream)
            encoding = response.headers.get("content-encoding", "identity").strip().lower()
            return response.status_code, await _unpacked(packed, encoding)


async def _unpacked(stream: AsyncIterator[bytes], encoding: str) -> bytes:
    """Return a body of `LARGEST_ANSWER` bytes at most, however it is packed.

    Raises:
        UnreadableAnswer: it is larger, packed in another way than asked for, or broken.
    """
    if encoding not in ("identity", "", "gzip", "x-gzip"):
        raise _unreadable("packed as was not asked for")
    unpacker = zlib.decompressobj(GZIP) if "gzip" in encoding else None
    body = bytearray()
    received = 0
    async for chunk in stream:
        received += len(chunk)
        if received > LARGEST_ANSWER:
            raise _unreadable("too large")
        try:
            room = LARGEST_ANSWER - len(body) + 1
            body += unpacker.decompress(chunk, room) if unpacker else chunk
        except zlib.error:
            raise _unreadable("broken gzip") from None
        if len(body) > LARGEST_ANSWER:
            raise _unreadable("too large once unpacked")
    return bytes(body)


def _json(body: bytes) -> Any:
    """Read JSON; a number too long for any column becomes none.

    Raises:
        UnreadableAnswer: it is no JSON, or nested too deeply.
    """
    try:
        return json.loads(body, parse_int=_whole_number)
    except (ValueError, RecursionError):
        raise _unreadable("no JSON, or nested too deeply") from None


def _whole_number(digits: str) -> int | None:
    return int(digits) if len(digits) <= LONGEST_NUMBER else None


def _unreadable(reason: str) -> UnreadableAnswer:
    log.warning("directory_answer_unreadable", reason=reason)
    return UnreadableAnswer()


def _readable(rows: list[object], page: int) -> list[Fields]:
    """Return the therapists of a page that can be stored; name those that can't."""
    therapists: list[Fields] = []
    left_out = 0
    for number, row in enumerate(rows, start=1):
        fields = read_therapist(row)
        if not isinstance(fields, str):
            therapists.append(fields)
            continue
        left_out += 1
        if left_out <= NAMED_AT_MOST:
            log.warning("therapist_left_out", page=page, row=number, reason=fields)
    if left_out > NAMED_AT_MOST:
        log.warning("therapists_left_out", page=page, count=left_out)
    return therapists
