"""Reads JSON bodies as they are documented: `"123"` is not a number, and `"false"` not a truth value.

Litestar makes plain values of a body and of those, leniently, the handler's type: right for query strings.
"""

import json
import re
from codecs import BOM_UTF8
from functools import cache
from typing import Any, cast

import msgspec
from litestar import Request
from litestar.exceptions import ClientException, HTTPException, ValidationException

from services.checks import NOT_TEXT, is_text

BEFORE_PATH = " - at `$"
SEND_JSON = "Send the body as application/json."
JSON_TYPE = re.compile(r"application/([a-z0-9.-]+\+)?json", re.IGNORECASE)


class JsonRequest(Request[Any, Any, Any]):
    """A request whose JSON body becomes the handler's type in one strict step."""

    async def body(self) -> bytes:
        """Return the body; a byte order mark before it is none of it (RFC 8259, 8.1).

        Raises:
            ClientException: there is none, and the handler needs one.
        """
        body = (await super().body()).removeprefix(BOM_UTF8)
        if not body and self.route_handler.parsed_data_field is not None:
            raise ClientException("The body is not JSON: there is none.")
        return body

    async def json(self) -> Any:
        """Return the body as the handler's `data`.

        It has to be declared as JSON: pages of other sites can send anything else without asking first. Where
        nothing is declared, what else is wrong is said before.

        Raises:
            ValidationException: names the field that is missing, unknown, of another type or there twice.
            ClientException: the body is not JSON.
            HTTPException: the body is said to be something else than plain JSON.
        """
        wanted = self.route_handler.parsed_data_field
        if wanted is None:
            return await super().json()
        self._refuse_other_formats()
        body = await self.body()
        try:
            data = _decoder(wanted.annotation).decode(body)
            twice = _field_given_twice(body)
        except msgspec.ValidationError as error:
            raise _wrong(*_field_and_message(str(error))) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            if field := _field_that_is_no_text(body):
                raise _wrong(field, NOT_TEXT) from error
            raise ClientException("The body is not JSON, or nested too deeply.") from error
        if twice:
            raise _wrong(twice, "This field is given more than once.")
        if not self._declared_type:
            raise HTTPException(status_code=415, detail=SEND_JSON)
        return data

    @property
    def _declared_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip()

    def _refuse_other_formats(self) -> None:
        """Refuse what is declared to be no JSON."""
        kind = self._declared_type
        if kind and not JSON_TYPE.fullmatch(kind):
            raise HTTPException(status_code=415, detail=SEND_JSON)
        if self.headers.get("content-encoding", "identity").strip().lower() != "identity":
            headers = {"Accept-Encoding": "identity"}
            raise HTTPException(status_code=415, detail="Send the body without encoding.", headers=headers)


def _wrong(field: str, message: str) -> ValidationException:
    return ValidationException(extra=[{"message": message, "key": field}])


def _field_and_message(words: str) -> tuple[str, str]:
    """Take apart what msgspec says: the path of the field, where it gives one, and the message."""
    message, found, path = words.rpartition(BEFORE_PATH)
    if not found or path.find("`") != len(path) - 1:
        return "", words
    return path[:-1].removeprefix(".").partition("[")[0], message


@cache
def _decoder(wanted: type[Any]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(wanted)


def _field_given_twice(body: bytes) -> str:
    """Return the path of a field that valid JSON has twice, or nothing."""
    path = _looking_for_twice.decode(body.decode())
    return ".".join(path) if isinstance(path, tuple) else ""


def _path_given_twice(members: list[tuple[str, Any]]) -> tuple[str, ...]:
    """Return the path to a name that an object, or one directly in it, has twice: in place of the object."""
    seen: set[str] = set()
    for name, value in members:
        if name in seen:
            return (name,)
        seen.add(name)
        if value and isinstance(value, tuple):
            return (name, *cast("tuple[str, ...]", value))
    return ()


_looking_for_twice = json.JSONDecoder(
    object_pairs_hook=_path_given_twice, parse_int=str, parse_float=str, strict=False
)


def _field_that_is_no_text(body: bytes) -> str:
    """Return the path of a field with half a surrogate pair, or nothing where the body is no JSON anyway."""
    try:
        return ".".join(_path_of_no_text(json.loads(body)))
    except (ValueError, RecursionError):
        return ""


def _path_of_no_text(sent: object) -> tuple[str, ...]:
    """Return the path to the first value, of an object or of one in it, that is no text."""
    for name, value in cast("dict[str, object]", sent).items() if isinstance(sent, dict) else ():
        if not is_text(name):
            continue
        if isinstance(value, dict):
            if path := _path_of_no_text(cast("object", value)):
                return (name, *path)
        elif not is_text(json.dumps(value, ensure_ascii=False)):
            return (name,)
    return ()
