"""Answers are compressed, and a compressed answer tells by its length whether two texts in it are alike.

So no page carries the form's token as it is, but masked with other random bits each time: nothing that
somebody puts into an address can be alike with it (BREACH, breachattack.com; docs/decisions/0009).
"""

import re
import secrets

HEX = re.compile("(?:[0-9a-f]{2})*")


def masked(token: str) -> str:
    """Return a token of hexadecimal digits as random bits and what they make of it, twice as long."""
    plain = bytes.fromhex(token)
    mask = secrets.token_bytes(len(plain))
    return (mask + _combined(mask, plain)).hex()


def unmasked(sent: str, length: int) -> str:
    """Return the token of `length` digits that a form sent masked; what is not masked as it is."""
    if len(sent) != 2 * length or not HEX.fullmatch(sent):
        return sent
    both = bytes.fromhex(sent)
    half = len(both) // 2
    return _combined(both[:half], both[half:]).hex()


def _combined(mask: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(mask, other, strict=True))
