"""Ringing a therapist about an e-mail, when a person decides it."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.activity import Actor
from services.calls import NewCall, create_call
from services.emails import get_email
from services.follow_ups import offer_call_for_failed
from services.idempotency import RepeatableRequest
from services.models import EmailStatus, PhoneCall, ReplyKind
from services.rules import DeskRules
from services.therapist_directory import TherapistDirectory


async def call_about_email(
    session: AsyncSession,
    email_id: int,
    *,
    now: datetime,
    actor: Actor,
    rules: DeskRules,
    directory: TherapistDirectory,
    repeatable: RepeatableRequest | None = None,
) -> PhoneCall:
    """Plan a call in the therapist's next free slot, in place of the e-mail where it did not arrive.

    Raises:
        NoSuchEmail: there is no such e-mail.
        AlreadyPlanned: a call in its place is planned.
        Unschedulable: the therapist is not to be called, has no phone hours or no free time.
        TemporarilyUnavailable: the therapist is not known here and their directory can't be asked.
    """
    email = await get_email(session, email_id)
    if email.status is EmailStatus.FAILED or email.antwort_art == ReplyKind.UNDELIVERABLE:
        return await offer_call_for_failed(
            session, email_id, now=now, actor=actor, rules=rules, directory=directory
        )
    new = NewCall(therapist_id=email.therapist_id, email_id=email_id)
    call, _ = await create_call(
        session, new, now=now, actor=actor, rules=rules, directory=directory, repeatable=repeatable
    )
    return call
