"""A delivery from its claim to what is written about how it ended. Pure."""

from datetime import datetime
from uuid import UUID

import msgspec

from services.models import AttemptOutcome, AttemptStage, EmailStatus, Ending
from services.sending.verdict import DeliveryResult, RetryPlan, Verdict


class ClaimedEmail(msgspec.Struct, frozen=True, kw_only=True):
    """An e-mail this process may deliver while its lease lasts; its age counts from `queued_at`.

    `queue_failures` and `domain_failures` are what the claim saw: a verdict changes the pause or the domain
    only if nobody else has in the meantime, so that ten parallel failures count as one.
    """

    id: int
    token: UUID
    lease_end: datetime
    betreff: str
    body_html: str
    body_text: str
    empfaenger_email: str
    empfaenger_name: str
    absender_email: str
    absender_name: str
    antwort_an: str | None
    message_id: str
    queued_at: datetime
    retries: int
    request_id: str | None
    traceparent: str | None
    domain: str
    queue_failures: int
    domain_failures: int

    @property
    def in_log(self) -> dict[str, object]:
        """What names it in the log."""
        return {"email_id": self.id, "request_id": self.request_id}


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `email_versuche`."""

    begun: datetime
    ended: datetime
    stage: AttemptStage
    code: int | None
    text: str
    outcome: AttemptOutcome
    ending: Ending


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """How a claim ends. `SENDING` means unclear; without an attempt the e-mail just goes back.

    Of an e-mail somebody has answered it is not unclear: it is written as sent when its hand-over began. Nor
    does such an e-mail go back, or one to an address on the stop list or whose time is over: it has failed.
    """

    email: ClaimedEmail
    status: EmailStatus
    retries: int
    error: str | None = None
    sent_at: datetime | None = None
    next_at: datetime | None = None
    attempt: Attempt | None = None

    def as_json(self) -> dict[str, object]:
        """Return the entry as the statement reads it."""
        attempt = self.attempt
        return {
            "id": self.email.id,
            "token": self.email.token,
            "status": self.status,
            "sent_at": self.sent_at,
            "next_at": self.next_at,
            "retries": self.retries,
            "error": self.error,
            "begun": attempt and attempt.begun,
            "ended": attempt and attempt.ended,
            "stage": attempt and attempt.stage,
            "code": attempt and attempt.code,
            "text": attempt and attempt.text,
            "outcome": attempt and attempt.outcome,
            "ending": attempt and attempt.ending,
        }


def conclude(
    email: ClaimedEmail,
    result: DeliveryResult,
    verdict: Verdict,
    plan: RetryPlan,
    *,
    begun: datetime,
    now: datetime,
    jitter: float,
) -> Entry:
    """Return what is to be written about a delivery that ended `now` with a result. Pure."""
    outcome, status, next_at, retries = verdict.outcome, EmailStatus.QUEUED, None, email.retries
    error = None if outcome is AttemptOutcome.SENT else result.words
    match outcome:
        case AttemptOutcome.SENT:
            status = EmailStatus.SENT
        case AttemptOutcome.FAILED:
            status = EmailStatus.FAILED
        case AttemptOutcome.UNCLEAR:
            status = EmailStatus.SENDING
        case AttemptOutcome.RELEASED:
            # Behind all that is due already, so that no single e-mail is the only one ever tried.
            next_at = now
        case AttemptOutcome.RETRY:
            before = verdict.refusals if verdict.refused else retries
            next_at = plan.next_attempt(retries=before, queued_at=email.queued_at, now=now, jitter=jitter)
            if next_at is None:
                outcome, status = AttemptOutcome.FAILED, EmailStatus.FAILED
                error = f"given up after {plan.max_age}: {result.words}"
            elif not verdict.refused:
                retries += 1
    return Entry(
        email=email,
        status=status,
        retries=retries,
        error=error,
        sent_at=now if status is EmailStatus.SENT else None,
        next_at=next_at,
        attempt=Attempt(
            begun=begun,
            ended=now,
            stage=result.stage,
            code=result.code,
            text=result.text,
            outcome=outcome,
            ending=result.ending,
        ),
    )


def release(email: ClaimedEmail) -> Entry:
    """Return the entry that gives a claim back untouched, in its old place."""
    return Entry(email=email, status=EmailStatus.QUEUED, retries=email.retries)
