"""What somebody does with their own account, and must show the password for once more."""

from services.accounts import passwords
from services.accounts.login_tries import Visitor, forget_tries, take_try
from services.accounts.password_rules import check_password
from services.accounts.sessions import end_others
from services.errors import FieldError, InvalidInput
from services.models import Staff
from services.work import Action, Work

NOT_YOUR_PASSWORD = "This is not your password. After several failures wait a minute."  # noqa: S105
SAME_PASSWORD = "Choose another password than the one you have."  # noqa: S105


async def check_own_password(work: Work, password: str, visitor: Visitor) -> None:
    """Make sure that it is the account's owner who sits at its screen; tries count as those to log in.

    Raises:
        InvalidInput: the password is wrong, or has been so too often.
        TooManyTries: this source has tried too often.
        TooManyLogins: too many passwords are being looked at.
    """
    with passwords.place(known=True):
        async with work.transaction() as tx:
            staff = await tx.existing(Staff, tx.staff_id)
            in_time = await take_try(tx, staff, visitor)
        right = await passwords.matches(staff.password_hash if in_time else None, password)
    if not (right and in_time):
        raise InvalidInput(FieldError("current_password", NOT_YOUR_PASSWORD))
    async with work.transaction() as tx:
        await forget_tries(tx, tx.staff_id, visitor)


async def change_password(work: Work, current: str, new: str, visitor: Visitor, *, token: str) -> None:
    """Change one's own password; all sessions but that of `token` end.

    Raises:
        InvalidInput: `current_password` is wrong, or `new_password` too short, too long, easily guessed or
            the one of before.
        TooManyTries: this source has tried too often.
        TooManyLogins: too many passwords are being looked at.
    """
    await check_own_password(work, current, visitor)
    async with work.transaction() as tx:
        staff = await tx.existing(Staff, tx.staff_id)
    if problems := check_password(new, name=staff.name, field="new_password"):
        raise InvalidInput(*problems)
    if await passwords.matches(staff.password_hash, new):
        raise InvalidInput(FieldError("new_password", SAME_PASSWORD))
    password_hash = await passwords.hash_password(new)
    async with work.transaction() as tx:
        staff = await tx.locked(Staff, tx.staff_id)
        staff.password_hash = password_hash
        staff.einmalpasswort_bis = None
        await end_others(tx, staff.id, token)
        tx.record(Action.PASSWORD_CHANGED, staff)
