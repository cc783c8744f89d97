"""Calls a person plans: where something speaks against calling, only when they say so all the same."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.activity import Actor
from services.calls import NewCall, create_call
from services.errors import Conflict
from services.idempotency import RepeatableRequest
from services.models import PhoneCall
from services.rules import DeskRules
from services.therapist_directory import TherapistDirectory
from services.therapist_overview import objection_to


class ObjectionNotOverruled(Conflict):
    """Something speaks against calling this therapist. Read what, then plan all the same or leave it."""


async def plan_call(
    session: AsyncSession,
    new: NewCall,
    *,
    all_the_same: bool,
    now: datetime,
    actor: Actor,
    rules: DeskRules,
    directory: TherapistDirectory,
    repeatable: RepeatableRequest | None = None,
) -> PhoneCall:
    """Plan a call; `all_the_same` says that whoever plans it knows what speaks against it.

    Without a time given, a therapist who is not to be called gets none: that is not for a person to overrule.

    Raises:
        ObjectionNotOverruled: something speaks against it, and `all_the_same` is not said.
        InvalidInput, CallCollision, TemporarilyUnavailable: as `services.calls.create_call`.
    """
    if not all_the_same:
        therapist = await directory.get(session, new.therapist_id, now=now)
        if objection_to(therapist) is not None:
            raise ObjectionNotOverruled
    call, _ = await create_call(
        session, new, now=now, actor=actor, rules=rules, directory=directory, repeatable=repeatable
    )
    return call
