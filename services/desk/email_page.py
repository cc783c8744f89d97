"""One e-mail as the desk sees it: how its delivery went, what follows, and who else is at it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select

from services.desk.history import staff_names
from services.desk.inbox import messages_of
from services.emails.reply_drafts import others_typing
from services.emails.states import existing_email
from services.follow_ups.automatic import follow_up_at
from services.follow_ups.pending import pending_call
from services.models import (
    Activity,
    CallEmail,
    Email,
    EmailVersuch,
    Incoming,
    PhoneCall,
    ReplyKind,
    Staff,
    Therapist,
)
from services.work import Transaction, Work

MOST_ENTRIES = 200
PERMANENT = 500


class StepKind(StrEnum):
    """What a step of an e-mail's history is."""

    CREATED = "created"
    QUEUED = "queued"
    ATTEMPT = "attempt"
    SENT = "sent"
    CHANGED = "changed"
    CANCELED = "canceled"
    RETRIED = "retried"
    RESENT = "resent"
    MARKED_SENT = "marked_sent"
    REPLY = "reply"


_OF_ACTION = {
    "email_created": StepKind.CREATED,
    "email_queued": StepKind.QUEUED,
    "email_canceled": StepKind.CANCELED,
    "email_retried": StepKind.RETRIED,
    "email_resend": StepKind.RESENT,
    "email_was_sent": StepKind.MARKED_SENT,
    "email_changed": StepKind.CHANGED,
    "reply_recorded": StepKind.REPLY,
}


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an e-mail's history; `who` is the member of staff who took it, `art` a reply's kind."""

    kind: StepKind
    at: datetime
    who: str | None = None
    attempt: EmailVersuch | None = None
    art: str | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """The latest recording of what came back; `who` is None where a service did it."""

    id: int
    staff_id: int | None
    who: str | None
    at: datetime
    art: str


@dataclass(frozen=True, slots=True)
class CameBack:
    """What came back for an e-mail: a message, None for an answer that was typed in; `who` typed it in."""

    at: datetime
    message: Incoming | None
    who: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailDetail:
    """An e-mail with all that its page shows.

    Attributes:
        steps: what happened to it, oldest first.
        conversation: what came back for it, of every kind, oldest first.
        attempts: how often a delivery was tried.
        pending: the call that an answer would make pointless.
        calls: every call about it, latest planned first.
        follow_up_at: when it becomes due for an automatic call; None when it does not.
        therapist: the local copy; None when the directory has not been read yet.
        typing: who else is recording a reply to it right now.
        recorded: who recorded last what came back; None when nothing was.
    """

    email: Email
    steps: list[Step]
    conversation: list[CameBack]
    attempts: int
    pending: PhoneCall | None
    calls: list[PhoneCall]
    follow_up_at: datetime | None
    therapist: Therapist | None
    typing: list[str]
    recorded: Recorded | None

    @property
    def worth_repeating(self) -> bool:
        """Whether the last attempt failed for now only: after a 5xx the same would fail again (RFC 5321)."""
        attempts = [step.attempt for step in self.steps if step.attempt]
        last = max(attempts, key=lambda attempt: attempt.nummer, default=None)
        return last is not None and (last.smtp_code is None or last.smtp_code < PERMANENT)


async def load_email_detail(work: Work, email_id: int) -> EmailDetail:
    """Return an e-mail's page for a member of staff: eight queries.

    Raises:
        NoSuchEmail: there is none.
    """
    async with work.transaction() as tx:
        email = await existing_email(tx, email_id)
        attempts = list(
            await tx.session.scalars(
                select(EmailVersuch)
                .where(EmailVersuch.email_id == email_id)
                .order_by(EmailVersuch.nummer.desc())
                .limit(MOST_ENTRIES)
            )
        )
        pending = await pending_call(tx, email_id)
        about = await tx.session.execute(
            select(PhoneCall, CallEmail.automatisch)
            .join(CallEmail, CallEmail.call_id == PhoneCall.id)
            .where(CallEmail.email_id == email_id)
            .order_by(PhoneCall.geplantes_datum.desc(), PhoneCall.geplante_zeit.desc())
        )
        calls = [(call, automatisch) for call, automatisch in about]
        activities = await _activities(tx, email_id)
        recorded = next((_recorded(*row) for row in activities if row[0].action == "reply_recorded"), None)
        messages = await messages_of(tx, email_id)
        names = await staff_names(tx, (message.erfasst_von for message in messages))
        therapist = await tx.session.get(Therapist, email.therapist_id)
        return EmailDetail(
            email=email,
            steps=history(email, attempts, activities),
            conversation=came_back(email, messages, names, recorded),
            attempts=attempts[0].nummer if attempts else 0,
            pending=pending,
            calls=[call for call, _ in calls],
            follow_up_at=follow_up_at(
                email, calls, tx.rules, back_on=therapist.wieder_da_am if therapist else None
            ),
            therapist=therapist,
            typing=await others_typing(tx, email_id),
            recorded=recorded,
        )


def history(
    email: Email, attempts: Iterable[EmailVersuch], activities: Sequence[tuple[Activity, str | None]]
) -> list[Step]:
    """Return the steps of an e-mail's life in order; what staff did carries their names."""
    steps = [
        Step(_OF_ACTION[activity.action], activity.at, who, art=_art(activity))
        for activity, who in activities
        if activity.action in _OF_ACTION
    ]
    known = {(step.kind, step.at) for step in steps}
    if (StepKind.CREATED, email.created_at) not in known:
        steps.append(Step(StepKind.CREATED, email.created_at))
    if email.queued_at is not None and email.queued_at not in {step.at for step in steps}:
        steps.append(Step(StepKind.QUEUED, email.queued_at))
    steps += [Step(StepKind.ATTEMPT, attempt.beendet_at, attempt=attempt) for attempt in attempts]
    if email.sent_at is not None and not any(step.kind is StepKind.MARKED_SENT for step in steps):
        steps.append(Step(StepKind.SENT, email.sent_at))
    if email.antwortdatum is not None and not any(step.kind is StepKind.REPLY for step in steps):
        steps.append(Step(StepKind.REPLY, email.antwortdatum))
    order = list(StepKind)
    return sorted(steps, key=lambda step: (step.at, order.index(step.kind)))


def came_back(
    email: Email,
    messages: Iterable[Incoming],
    names: Mapping[int | None, str],
    recorded: Recorded | None,
) -> list[CameBack]:
    """Return what came back for an e-mail in order; a message that answered it is its answer.

    `names` are those of the staff who typed messages in, `recorded` says who did the answer.
    """
    entries = [
        CameBack(message.empfangen_at, message, names.get(message.erfasst_von)) for message in messages
    ]
    answered = any(entry.message and entry.message.has_answered for entry in entries)
    if email.antwortdatum is not None and not answered:
        entries.append(CameBack(email.antwortdatum, None, recorded.who if recorded else None))
    return sorted(entries, key=lambda entry: entry.at)


def _recorded(activity: Activity, who: str | None) -> Recorded:
    art = _art(activity) or ReplyKind.REPLY
    return Recorded(activity.id, activity.staff_id, who, activity.at, art)


def _art(activity: Activity) -> str | None:
    art = activity.details.get("art")
    return art if isinstance(art, str) else None


async def _activities(tx: Transaction, email_id: int) -> list[tuple[Activity, str | None]]:
    rows = await tx.session.execute(
        select(Activity, Staff.name)
        .outerjoin(Staff, Staff.id == Activity.staff_id)
        .where(Activity.object_type == "email", Activity.object_id == email_id)
        .order_by(Activity.id.desc())
        .limit(MOST_ENTRIES)
    )
    return [(activity, name) for activity, name in rows]
