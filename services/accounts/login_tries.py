"""How often somebody may try to log in: by where they come from, by account, by browser.

A stranger is held up at both of the first two. A browser its owner has logged in with before is counted by
itself, so that strangers can't lock the owner out (OWASP, "Device cookies").
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Float, Interval, case, delete, func, literal, or_, update
from sqlalchemy.dialects.postgresql import insert

from services.errors import TooManyRequests
from services.models import LoginTries, Staff
from services.work import Transaction

FREE_TRIES = 5
PAUSE = timedelta(minutes=1)
"""How long each further try for an account, or from a known browser, has to wait."""

FREE_TRIES_OF_A_SOURCE = 20
"""More than for an account: a whole office may come from one address."""

LONGEST_PAUSE_OF_A_SOURCE = timedelta(hours=1)
"""A source's pause doubles up to this, so that one source alone can't keep an account paused."""

LONGEST_PAUSE_FOR_CODES = timedelta(hours=1)
"""Of a million codes three are right at a time: as the pause doubles, a day allows some thirty tries."""

KEPT = timedelta(days=1)
"""How long the tries of a source or a browser count after the last."""


class TooManyTries(TooManyRequests):
    """Too many tries to log in from here. Wait a while; a browser you have used here before still works."""

    retry_after_seconds = 60


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who tries to log in.

    `source` stands for the network address, which is itself kept nowhere; without one it is not counted.
    `browsers` are the ids this browser was given at earlier logins, by account, `browser_name` is what its
    sessions are shown as.
    """

    source: str = ""
    browsers: Mapping[int, str] = field(default_factory=dict[int, str])
    browser_name: str = ""


async def take_try(tx: Transaction, staff: Staff | None, visitor: Visitor) -> bool:
    """Count a try before its password is looked at; False when account or known browser have to wait.

    Raises:
        TooManyTries: it comes too soon for its source.
    """
    browser = visitor.browsers.get(staff.id) if staff else None
    if browser is not None:
        return await _take(tx, _key("browser", browser), FREE_TRIES, PAUSE)
    source = _key("source", visitor.source)
    if visitor.source and not await _take(tx, source, FREE_TRIES_OF_A_SOURCE, LONGEST_PAUSE_OF_A_SOURCE):
        raise TooManyTries
    return staff is None or await _take_account(tx, staff.id)


async def take_code_try(tx: Transaction, staff_id: int, visitor: Visitor) -> bool:
    """Count a try before its code is looked at; False when account or known browser have to wait.

    Only who knows the password gets here, so strangers hold nobody up.
    """
    return await _take(tx, _code_key(staff_id, visitor), FREE_TRIES, LONGEST_PAUSE_FOR_CODES)


async def forget_tries(tx: Transaction, staff_id: int, visitor: Visitor) -> None:
    """Begin to count anew after a login."""
    await _free_account(tx, staff_id)
    browser = _key("browser", visitor.browsers.get(staff_id, ""))
    keys = [_key("source", visitor.source), browser, _code_key(staff_id, visitor)]
    await tx.session.execute(delete(LoginTries).where(LoginTries.key_hash.in_(keys)))


async def free_all(tx: Transaction, staff_id: int) -> None:
    """Let an account be tried again, from everywhere."""
    await _free_account(tx, staff_id)
    await tx.session.execute(delete(LoginTries))


async def remove_old_tries(tx: Transaction) -> None:
    """Forget the sources and browsers that were `KEPT`."""
    await tx.session.execute(delete(LoginTries).where(LoginTries.letzter_at < tx.now - KEPT))


async def _take(tx: Transaction, key: bytes, free: int, longest: timedelta) -> bool:
    tries = LoginTries.versuche + 1
    doubled = PAUSE.total_seconds() * func.power(2, func.least(tries - free, 16), type_=Float)
    seconds = func.least(doubled, longest.total_seconds())
    pause = literal(tx.now) + func.make_interval(0, 0, 0, 0, 0, 0, seconds, type_=Interval)
    first = {"key_hash": key, "versuche": 1, "letzter_at": tx.now}
    taken = await tx.session.scalar(
        insert(LoginTries)
        .values(first)
        .on_conflict_do_update(
            index_elements=[LoginTries.key_hash],
            set_={
                "versuche": tries,
                "gesperrt_bis": case((tries >= free, pause), else_=None),
                "letzter_at": tx.now,
            },
            where=or_(LoginTries.gesperrt_bis.is_(None), LoginTries.gesperrt_bis <= tx.now),
        )
        .returning(LoginTries.versuche)
    )
    return taken is not None


async def _take_account(tx: Transaction, staff_id: int) -> bool:
    tries = Staff.anmeldeversuche + 1
    taken = await tx.session.scalar(
        update(Staff)
        .where(Staff.id == staff_id, or_(Staff.anmeldung_ab.is_(None), Staff.anmeldung_ab <= tx.now))
        .values(anmeldeversuche=tries, anmeldung_ab=case((tries >= FREE_TRIES, tx.now + PAUSE), else_=None))
        .returning(Staff.id)
    )
    return taken is not None


async def _free_account(tx: Transaction, staff_id: int) -> None:
    free = update(Staff).where(Staff.id == staff_id).values(anmeldeversuche=0, anmeldung_ab=None)
    await tx.session.execute(free)


def _code_key(staff_id: int, visitor: Visitor) -> bytes:
    return _key("code", f"{staff_id}:{visitor.browsers.get(staff_id, '')}")


def _key(kind: str, value: str) -> bytes:
    return hashlib.sha256(f"{kind}:{value}".encode()).digest()
