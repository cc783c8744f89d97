"""Locks a call for a change of its state, in the order all such changes keep: e-mail, call, calendar."""

from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.errors import NotFound, StaleVersion
from services.models import (
    Activity,
    Email,
    PhoneCall,
    Staff,
)


@dataclass(frozen=True, slots=True)
class LockedCall:
    """A locked call, and whether the e-mail it is about has been answered."""

    call: PhoneCall
    answered: bool


async def lock_with_email(
    session: AsyncSession, call_id: int, version: int | None = None, *, key_share: bool = False
) -> LockedCall:
    """Lock a call and hold its e-mail still, so that no answer arrives meanwhile.

    Runs in the caller's transaction; `key_share` is as for `services.calls.planning.lock_call`.

    Raises:
        NotFound: there is no such call.
        StaleVersion: it has changed since `version`; carries the last change's `action`, `at`,
            `actor`, `staff_id` and `staff_name`.
    """
    email_id = await session.scalar(select(PhoneCall.email_id).where(PhoneCall.id == call_id))
    answered = email_id is not None and bool(
        await session.scalar(
            select(Email.antwort_erhalten).where(Email.id == email_id).with_for_update(read=True)
        )
    )
    call = await lock_call(session, call_id, key_share=key_share)
    if version is not None and call.version != version:
        raise await stale(session, call_id)
    return LockedCall(call, answered)


async def stale(session: AsyncSession, call_id: int) -> StaleVersion:
    """Return the error that says what was last done to a call, and by whom."""
    last = (
        await session.execute(
            select(Activity.action, Activity.at, Activity.actor, Activity.staff_id, Staff.name)
            .outerjoin(Staff, Staff.id == Activity.staff_id)
            .where(Activity.object_type == "call", Activity.object_id == call_id)
            .order_by(Activity.id.desc())
            .limit(1)
        )
    ).first()
    if last is None:
        return StaleVersion()
    return StaleVersion(
        action=last.action, at=last.at, actor=last.actor, staff_id=last.staff_id, staff_name=last.name
    )


async def lock_call(
    session: AsyncSession, call_id: int, version: int | None = None, *, key_share: bool = False
) -> PhoneCall:
    """Return a call, locked. Runs in the caller's transaction.

    With `key_share`, who writes a call that refers to this one, such as its next attempt, does not wait.

    Raises:
        NotFound: there is none with this id.
        StaleVersion: it has changed since the caller saw it; not checked when `version` is None.
    """
    call = await session.scalar(_one(call_id).with_for_update(key_share=key_share))
    if call is None:
        raise NotFound
    if version is not None and call.version != version:
        raise StaleVersion
    return call


def _one(call_id: int) -> Select[PhoneCall]:
    return select(PhoneCall).where(PhoneCall.id == call_id).execution_options(populate_existing=True)
