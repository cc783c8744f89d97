"""Calls that other services ask for, many of them at once."""

from services.calls.booked_rows import AnyTime, BookedCall
from services.calls.booked_together import BookedTogether
from services.calls.planning import NewCall, check_new, create_call
from services.idempotency import Made, RepeatableRequest
from services.models import CallReason, PhoneCall
from services.rules import DeskRules
from services.therapists.directory import TherapistDirectory
from services.work import Actor, Workplace


async def request_call(
    workplace: Workplace,
    new: NewCall,
    *,
    actor: Actor,
    together: BookedTogether,
    directory: TherapistDirectory,
    repeatable: RepeatableRequest | None = None,
) -> Made[BookedCall] | Made[PhoneCall]:
    """Plan a call as `create_call` does; where it may be at any time, together with others of this moment.

    Raises:
        As `create_call`, and
        DatabaseUnreachable: there was no answer.
    """
    check_new(new)
    any_time = _any_time(new, workplace.rules)
    if repeatable is None and any_time is not None:
        call = await together.book(any_time, workplace.moment(), actor)
        if call is not None:
            return Made(call, repeated=False)
    async with workplace.work(actor) as work:
        return await create_call(work, new, directory=directory, repeatable=repeatable)


def _any_time(new: NewCall, rules: DeskRules) -> AnyTime | None:
    if new.geplantes_datum is not None or new.email_id is not None or new.grund == CallReason.NO_REPLY:
        return None
    return AnyTime(
        therapist_id=new.therapist_id,
        dauer_minuten=new.dauer_minuten or rules.duration_minutes,
        notizen=new.notizen,
        grund=new.grund,
        extern_id=new.extern_id,
    )
