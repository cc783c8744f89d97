"""Passwords are kept as argon2 hashes (RFC 9106). One takes a core and 64 MiB, so there is a queue for them.

One hash at a time in a thread of its own: whoever sends logins in crowds waits and is turned away, while
pages are served on.
"""

import asyncio
import secrets
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from services.checks import composed, spellings
from services.errors import TemporarilyUnavailable

PLACES = 16
"""How many may wait for their hash at once."""

PLACES_FOR_STRANGERS = 8
"""How many of them may be browsers nobody has logged in with before."""

HASHER = PasswordHasher()
_threads = ThreadPoolExecutor(1, thread_name_prefix="argon2")
_waiting = 0

Result = TypeVar("Result")


class TooManyLogins(TemporarilyUnavailable):
    """Too many people log in at this moment. Try again in a few seconds."""

    retry_after_seconds = 5


@contextmanager
def place(*, known: bool = False) -> Generator[None]:
    """Hold a place in the queue of one process.

    Raises:
        TooManyLogins: all that this visitor may have are taken.
    """
    global _waiting
    if _waiting >= (PLACES if known else PLACES_FOR_STRANGERS):
        raise TooManyLogins
    _waiting += 1
    try:
        yield
    finally:
        _waiting -= 1


async def hash_password(password: str) -> str:
    """Return the hash to keep."""
    return await _in_turn(lambda: HASHER.hash(composed(password)))


async def matches(password_hash: str | None, password: str) -> bool:
    """Say whether a password is the one that was hashed, composed or as typed: one of before may be in parts.

    It takes as long where there is none.
    """
    return await _in_turn(
        lambda: any(_verify(password_hash or _hash_of_nobody(HASHER), spelt) for spelt in spellings(password))
    )


async def _in_turn(work: Callable[[], Result]) -> Result:
    return await asyncio.get_running_loop().run_in_executor(_threads, work)


def _verify(password_hash: str, password: str) -> bool:
    try:
        return HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


@cache
def _hash_of_nobody(hasher: PasswordHasher) -> str:
    return hasher.hash(secrets.token_hex())
