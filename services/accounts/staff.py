"""Staff accounts: who works here, as what, and who has gone. Only an argon2 hash of a password is kept."""

import secrets
from datetime import timedelta

from sqlalchemy import Select, func, select, update
from sqlalchemy.exc import IntegrityError

from services.accounts import passwords
from services.accounts.login_tries import free_all
from services.accounts.password_rules import check_password
from services.accounts.second_factor import take_factor_away
from services.accounts.sessions import end_all
from services.checks import check_name, composed, spellings
from services.errors import Conflict, FieldError, InvalidInput, NotFound
from services.models import Staff
from services.work import Action, Transaction, Work

LANGUAGES = ("de", "en")

ONE_TIME_LASTS = timedelta(days=3)
"""How long a password that somebody else gave may be used: over a weekend."""

ONE_TIME_CHARACTERS = "abcdefghijkmnpqrstuvwxyz23456789"
"""Without what is mistaken for something else when it is read out."""

ONE_TIME_GROUPS, ONE_TIME_GROUP = 4, 4


class NameTaken(Conflict):
    """Somebody of this name has an account already."""


class NoSuchAccount(NotFound):
    """Nobody of this name has an account."""


class LastAdministrator(Conflict):
    """There has to be an administrator. Make somebody else one first."""


async def add_staff(
    work: Work,
    name: str,
    password: str,
    *,
    admin: bool,
    language: str | None = None,
    one_time: bool = False,
) -> Staff:
    """Create an account; a `one_time` password has to be changed before anything else.

    Raises:
        InvalidInput: the name is empty or too long, the password too short, too long or easily guessed.
        NameTaken: the name is in use, whatever its case.
    """
    name = composed(name).strip()
    if problems := [*check_name(name), *check_password(password, name=name)]:
        raise InvalidInput(*problems)
    staff = Staff(
        name=name,
        password_hash=await passwords.hash_password(password),
        admin=admin,
        sprache=language,
        einmalpasswort_bis=work.now + ONE_TIME_LASTS if one_time else None,
        created_at=work.now,
    )
    try:
        async with work.transaction() as tx:
            tx.session.add(staff)
            await tx.session.flush()
            tx.record(Action.STAFF_ADDED, staff)
    except IntegrityError:
        raise NameTaken from None
    return staff


async def list_staff(work: Work) -> list[Staff]:
    """Return all accounts by name."""
    async with work.transaction() as tx:
        return await read_staff(tx)


async def read_staff(tx: Transaction) -> list[Staff]:
    """Return the same in a transaction that has begun."""
    return list(await tx.session.scalars(select(Staff).order_by(func.lower(Staff.name))))


async def load_staff(work: Work, staff_id: int) -> Staff:
    """Return an account.

    Raises:
        NotFound: there is none.
    """
    async with work.transaction() as tx:
        return await tx.existing(Staff, staff_id)


async def change_settings(
    work: Work, staff_id: int, *, language: str | None = None, shortcuts: bool | None = None
) -> None:
    """Choose a language for the screens, or switch the keyboard shortcuts on or off.

    Raises:
        InvalidInput: there is no such language.
    """
    if language is not None and language not in LANGUAGES:
        raise InvalidInput(FieldError("sprache", "Choose German or English."))
    values: dict[str, object] = {}
    if language is not None:
        values["sprache"] = language
    if shortcuts is not None:
        values["tastenkuerzel"] = shortcuts
    if not values:
        return
    async with work.transaction() as tx:
        await tx.session.execute(update(Staff).where(Staff.id == staff_id).values(values))


async def set_active(work: Work, staff_id: int, active: bool) -> None:
    """Open or close an account; closing it ends its sessions and lets go of its call at once.

    Raises:
        NotFound: there is no such account.
        LastAdministrator: nobody would be left who administers; an operator may do that all the same.
    """
    async with work.transaction() as tx:
        if not active:
            await _keep_an_administrator(tx, staff_id)
        staff = await tx.locked(Staff, staff_id)
        staff.aktiv = active
        if not active:
            await end_all(tx, staff_id)
        tx.record(Action.STAFF_OPENED if active else Action.STAFF_CLOSED, staff)


async def set_role(work: Work, staff_id: int, *, admin: bool) -> None:
    """Make somebody an administrator, or an ordinary member of staff; it counts from their next click on.

    Raises:
        NotFound: there is no such account.
        LastAdministrator: nobody would be left who administers; an operator may do that all the same.
    """
    async with work.transaction() as tx:
        if not admin:
            await _keep_an_administrator(tx, staff_id)
        staff = await tx.locked(Staff, staff_id)
        if staff.admin != admin:
            staff.admin = admin
            tx.record(Action.ROLE_CHANGED, staff, admin=admin)


async def give_one_time_password(work: Work, staff_id: int) -> str:
    """Give an account another password and return it, the only time it can be seen.

    It has to be changed at the next login, and is of no use after `ONE_TIME_LASTS`. Sessions end, and the
    account can be tried at once.

    Raises:
        NotFound: there is no such account.
    """
    password = _one_time_password()
    password_hash = await passwords.hash_password(password)
    async with work.transaction() as tx:
        await _reset(tx, await tx.locked(Staff, staff_id), password_hash)
    return password


async def reset_password(work: Work, name: str, password: str | None = None) -> str:
    """Do what `give_one_time_password` does, by name; the password may be given.

    Raises:
        InvalidInput: the password is too short, too long or easily guessed.
        NoSuchAccount: nobody has this name.
    """
    if password is None:
        password = _one_time_password()
    elif problems := check_password(password, name=name):
        raise InvalidInput(*problems)
    password_hash = await passwords.hash_password(password)
    async with work.transaction() as tx:
        await _reset(tx, await _of_name(tx, name), password_hash)
    return password


async def remove_second_factor(work: Work, staff_id: int) -> None:
    """Take the second factor of somebody away who has lost it; their sessions end.

    Raises:
        NotFound: there is no such account.
        NoSecondFactor: it has none.
    """
    async with work.transaction() as tx:
        await take_factor_away(tx, await tx.locked(Staff, staff_id))


async def remove_second_factor_of(work: Work, name: str) -> None:
    """Do what `remove_second_factor` does, by name.

    Raises:
        NoSuchAccount: nobody has this name.
        NoSecondFactor: the account has none.
    """
    async with work.transaction() as tx:
        await take_factor_away(tx, await _of_name(tx, name))


async def unlock(work: Work, name: str) -> None:
    """Let an account be tried again at once, whatever strangers have done.

    Raises:
        NoSuchAccount: nobody has this name.
    """
    async with work.transaction() as tx:
        staff = await _of_name(tx, name)
        await free_all(tx, staff.id)
        tx.record(Action.STAFF_UNLOCKED, staff)


def named(name: str) -> Select[Staff]:
    """Return the query of the account of a name, as typed or composed: older ones may be kept in parts."""
    typed, *others = (spelling.lower() for spelling in spellings(name.strip()))
    kept = func.lower(Staff.name)
    return select(Staff).where(kept.in_([typed, *others])).order_by((kept == typed).desc()).limit(1)


async def _of_name(tx: Transaction, name: str) -> Staff:
    staff = await tx.session.scalar(named(name).with_for_update())
    if staff is None:
        raise NoSuchAccount
    return staff


async def _reset(tx: Transaction, staff: Staff, password_hash: str) -> None:
    staff.password_hash = password_hash
    staff.einmalpasswort_bis = tx.now + ONE_TIME_LASTS
    await end_all(tx, staff.id)
    await free_all(tx, staff.id)
    tx.record(Action.PASSWORD_RESET, staff)


async def _keep_an_administrator(tx: Transaction, leaving: int) -> None:
    """Lock all administrators, so that of two who are to go at once one stays."""
    if tx.actor.kind != "staff":
        return
    admins = select(Staff.id).where(Staff.admin, Staff.aktiv).order_by(Staff.id).with_for_update()
    if not set(await tx.session.scalars(admins)) - {leaving}:
        raise LastAdministrator


def _one_time_password() -> str:
    groups = (
        "".join(secrets.choice(ONE_TIME_CHARACTERS) for _ in range(ONE_TIME_GROUP))
        for _ in range(ONE_TIME_GROUPS)
    )
    return "-".join(groups)
