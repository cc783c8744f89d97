"""The signed token in our addresses by which we know what a mail belongs to. Pure.

`bounce+TOKEN@example.de` carries the e-mail's id and a mark only we can make, so nobody can have a mail
matched to an e-mail of their choice. Letters and digits only, in any case: mail systems on the way may write
an address in capitals.
"""

import hashlib
import hmac
import re
from base64 import b32decode, b32encode
from collections.abc import Iterator

_ID_OCTETS = 4
_MARK_OCTETS = 11
_LENGTH = 24
"""Characters of a token: base32 of both (RFC 4648) fits without padding."""

_PURPOSE = b"calldesk: token in an address\x00"
_IN_ADDRESS = re.compile(rf"\+([A-Za-z2-7]{{{_LENGTH}}})(?![A-Za-z0-9])")


def make_token(email_id: int, secret: bytes) -> str:
    """Return the token of an e-mail; the same each time."""
    octets = email_id.to_bytes(_ID_OCTETS, "big")
    return b32encode(octets + _mark(octets, secret)).decode("ascii").lower()


def address_with_token(address: str, token: str) -> str:
    """Return an address with a token before its @."""
    local_part, _, domain = address.rpartition("@")
    return f"{local_part}+{token}@{domain}"


def id_from_token(token: str, secret: bytes) -> int | None:
    """Return the id of the e-mail a token was made for, or None where we did not make it."""
    if not re.fullmatch(rf"[A-Za-z2-7]{{{_LENGTH}}}", token):
        return None
    octets = b32decode(token.upper())
    email_id, mark = octets[:_ID_OCTETS], octets[_ID_OCTETS:]
    return int.from_bytes(email_id, "big") if hmac.compare_digest(mark, _mark(email_id, secret)) else None


def id_from_address(address: str, secret: bytes) -> int | None:
    """Return the id of the e-mail whose token stands in an address.

    The address may have been wrapped on its way by a forwarder or a signer of senders (SRS, BATV).
    """
    return next((email_id for email_id in _ids(address, secret)), None)


def _ids(address: str, secret: bytes) -> Iterator[int]:
    for match in _IN_ADDRESS.finditer(address):
        if (email_id := id_from_token(match[1], secret)) is not None:
            yield email_id


def _mark(email_id: bytes, secret: bytes) -> bytes:
    return hmac.new(secret, _PURPOSE + email_id, hashlib.sha256).digest()[:_MARK_OCTETS]
