"""Reads JSON bodies as they are documented: `"123"` is not a number, and `"false"` not a truth value.

Litestar makes plain values of a body and of those, leniently, the handler's type: right for query strings.
"""

import re
from functools import cache
from typing import Any

import msgspec
from litestar import Request
from litestar.exceptions import ClientException, ValidationException

FIELD_PATH = re.compile(r" - at `\$\.?(?P<field>[^`]*)`$")


class JsonRequest(Request[Any, Any, Any]):
    """A request whose JSON body becomes the handler's type in one strict step."""

    async def json(self) -> Any:
        """Return the body as the handler's `data`.

        Raises:
            ValidationException: names the field that is missing, unknown or of another type.
            ClientException: the body is not JSON.
        """
        wanted = self.route_handler.parsed_data_field
        if wanted is None:
            return await super().json()
        try:
            return _decoder(wanted.annotation).decode(await self.body())
        except msgspec.ValidationError as error:
            found = FIELD_PATH.search(str(error))
            entry = {"message": FIELD_PATH.sub("", str(error)), "key": found["field"] if found else ""}
            raise ValidationException(extra=[entry]) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ClientException("The body is not JSON, or nested too deeply.") from error


@cache
def _decoder(wanted: type[Any]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(wanted)
