"""The second factor: codes of an app that change every 30 seconds (TOTP, RFC 6238), and recovery codes.

A factor's secret is an HMAC of a random salt, which is in the table, under a key that is not: a copy of the
database alone makes no codes. Another SECRET_KEY makes all factors useless, recovery codes still work.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime

from pyotp.totp import TOTP
from sqlalchemy import delete, func, select

from services.accounts.sessions import end_all, end_others
from services.errors import Conflict, FieldError, InvalidInput
from services.models import RecoveryCode, Staff
from services.work import Action, Transaction, Work

ISSUER = "Anrufpult"
"""What apps list the codes under."""

SECRET_BYTES = 20
SALT_BYTES = 16
CLOCKS_DIFFER = (0, -1, 1)
"""Steps of 30 seconds by which a phone's clock may be wrong (RFC 6238, 5.2)."""

RECOVERY_CODES = 10
CODE_CHARACTERS = "abcdefghijkmnpqrstuvwxyz23456789"
"""Without what is mistaken for something else."""

CODE_LENGTH = 16

WRONG_CODE = "This is not the code. Wait for the next one, and see that the phone's clock is right."


class SecondFactorSet(Conflict):
    """You have a second factor already. Take it away before you set up another."""


class NoSecondFactor(Conflict):
    """There is no second factor."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What an app has to know: the secret in letters and figures, and all of it as an address."""

    secret: str
    uri: str


@dataclass(frozen=True, slots=True)
class FactorState:
    """What somebody has: since when, being set up, and how many recovery codes are left."""

    since: datetime | None
    begun: bool
    codes_left: int


async def factor_state(work: Work) -> FactorState:
    """Return the state of somebody's own second factor."""
    async with work.transaction() as tx:
        staff = await tx.existing(Staff, tx.staff_id)
        codes = select(func.count()).where(RecoveryCode.staff_id == tx.staff_id)
        left = await tx.session.scalar(codes)
    begun = staff.totp_salz is not None and not staff.has_second_factor
    return FactorState(staff.totp_seit, begun, left or 0)


async def begin_factor(work: Work) -> None:
    """Begin to set a second factor up; beginning anew makes another secret.

    Raises:
        SecondFactorSet: there is one already.
    """
    async with work.transaction() as tx:
        staff = await tx.locked(Staff, tx.staff_id)
        if staff.has_second_factor:
            raise SecondFactorSet
        staff.totp_salz = secrets.token_bytes(SALT_BYTES)
        staff.totp_schritt = None


def enrolment(staff: Staff, key: bytes) -> Enrolment:
    """Return what an app has to know of a second factor that is being set up.

    Raises:
        NoSecondFactor: none is.
    """
    totp = _totp(staff, key)
    return Enrolment(totp.secret, totp.provisioning_uri(name=staff.name, issuer_name=ISSUER))


async def confirm_factor(work: Work, code: str, key: bytes, *, token: str) -> list[str]:
    """Take a second factor into use, by its first code; ends all sessions but that of `token`.

    Returns:
        Recovery codes, the only time they can be seen.

    Raises:
        InvalidInput: the code is wrong.
        SecondFactorSet: it is in use already.
        NoSecondFactor: none is being set up.
    """
    async with work.transaction() as tx:
        staff = await tx.locked(Staff, tx.staff_id)
        if staff.has_second_factor:
            raise SecondFactorSet
        if not _take_step(staff, _plain(code), key, tx.now):
            raise InvalidInput(FieldError("code", WRONG_CODE))
        staff.totp_seit = tx.now
        await end_others(tx, staff.id, token)
        tx.record(Action.SECOND_FACTOR_SET, staff)
        return await _new_codes(tx, staff.id)


async def renew_recovery_codes(work: Work) -> list[str]:
    """Make somebody's former recovery codes useless and return others.

    Raises:
        NoSecondFactor: there is no factor they could stand in for.
    """
    async with work.transaction() as tx:
        staff = await tx.locked(Staff, tx.staff_id)
        if not staff.has_second_factor:
            raise NoSecondFactor
        tx.record(Action.RECOVERY_CODES_MADE, staff)
        return await _new_codes(tx, staff.id)


async def give_up_factor(work: Work) -> None:
    """Take one's own second factor away, or break off setting it up."""
    async with work.transaction() as tx:
        await _remove(tx, await tx.locked(Staff, tx.staff_id))


async def take_factor_away(tx: Transaction, staff: Staff) -> None:
    """Take a locked account's second factor away because it is lost, and end its sessions.

    Raises:
        NoSecondFactor: there is none.
    """
    if not staff.has_second_factor:
        raise NoSecondFactor
    await _remove(tx, staff)
    await end_all(tx, staff.id)


async def accept_code(tx: Transaction, staff: Staff, code: str, key: bytes) -> bool:
    """Say whether a code of a locked account's factor, or a recovery code, is right; each is taken once."""
    plain = _plain(code)
    if _take_step(staff, plain, key, tx.now):
        return True
    used = await tx.session.scalar(
        delete(RecoveryCode)
        .where(RecoveryCode.staff_id == staff.id, RecoveryCode.code_hash == _digest(plain))
        .returning(RecoveryCode.staff_id)
    )
    if used is not None:
        tx.record(Action.RECOVERY_CODE_USED, staff)
    return used is not None


async def _remove(tx: Transaction, staff: Staff) -> None:
    if staff.has_second_factor:
        tx.record(Action.SECOND_FACTOR_REMOVED, staff)
    staff.totp_salz = staff.totp_seit = staff.totp_schritt = None
    await tx.session.execute(delete(RecoveryCode).where(RecoveryCode.staff_id == staff.id))


async def _new_codes(tx: Transaction, staff_id: int) -> list[str]:
    await tx.session.execute(delete(RecoveryCode).where(RecoveryCode.staff_id == staff_id))
    codes = [
        "".join(secrets.choice(CODE_CHARACTERS) for _ in range(CODE_LENGTH)) for _ in range(RECOVERY_CODES)
    ]
    tx.session.add_all(RecoveryCode(staff_id=staff_id, code_hash=_digest(code)) for code in codes)
    return ["-".join(code[at : at + 4] for at in range(0, CODE_LENGTH, 4)) for code in codes]


def _take_step(staff: Staff, code: str, key: bytes, now: datetime) -> bool:
    """Whether this is the code of a time step later than the last that was taken; then it is taken."""
    totp = _totp(staff, key)
    current = totp.timecode(now)
    for step in (current + offset for offset in CLOCKS_DIFFER):
        fresh = staff.totp_schritt is None or step > staff.totp_schritt
        if fresh and hmac.compare_digest(totp.generate_otp(step).encode(), code.encode()):
            staff.totp_schritt = step
            return True
    return False


def _totp(staff: Staff, key: bytes) -> TOTP:
    if staff.totp_salz is None:
        raise NoSecondFactor
    made = hmac.new(key, staff.totp_salz + str(staff.id).encode(), hashlib.sha256).digest()
    return TOTP(base64.b32encode(made[:SECRET_BYTES]).decode())


def _plain(code: str) -> str:
    return "".join(sign for sign in code.lower() if sign.isalnum())


def _digest(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()
