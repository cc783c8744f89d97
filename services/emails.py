"""Creating an e-mail and reading one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy.ext.asyncio import AsyncSession

from services import idempotency
from services.activity import Actor
from services.email_content import both_bodies, new_message_id
from services.email_insert import SCOPE, insert_email
from services.email_states import draft, existing_email, queued
from services.email_templates.engine import check_template, render_template
from services.email_validation import (
    NOT_POSSIBLE_WITH_TEMPLATE,
    REQUIRED,
    TEMPLATE_MISSING,
    check_address,
    check_body,
    check_id,
    check_line,
    check_note,
    normalized_address,
)
from services.errors import FieldError, InvalidInput
from services.idempotency import RepeatableRequest
from services.models import Email, EmailStatus
from services.subjects import EMAIL_QUEUE, EMAILS, OUTBOX
from shared.config.settings import SmtpSettings
from shared.direct_connection import DirectPool


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEmail:
    """An e-mail as asked for: with one body or both, or with a template and its data."""

    therapist_id: int
    empfaenger_email: str
    empfaenger_name: str
    betreff: str | None = None
    body_html: str | None = None
    body_text: str | None = None
    absender_email: str | None = None
    absender_name: str | None = None
    template: str | None = None
    template_data: dict[str, Any] | None = None
    status: Literal[EmailStatus.DRAFT, EmailStatus.QUEUED] = EmailStatus.QUEUED
    nachverfolgung_erforderlich: bool = False
    nachverfolgung_notizen: str | None = None


async def create_email(
    statements: DirectPool,
    new: NewEmail,
    *,
    now: datetime,
    actor: Actor,
    sender: SmtpSettings,
    repeatable: RepeatableRequest | None = None,
) -> tuple[Email, bool]:
    """Store an e-mail and queue it unless it is a draft; return it and whether this is a repetition.

    A repeated request gets the e-mail as the first one got it, whatever has happened to it since.

    Raises:
        InvalidInput: names every field that is wrong; nothing is stored.
        IdempotencyConflict: the key was used with another body.
    """
    email = await _compose(new, now=now, sender=sender)
    stored = await insert_email(statements, email, actor=actor, repeatable=repeatable)
    if stored:
        statements.wake(OUTBOX, EMAILS)
        if new.status is EmailStatus.QUEUED:
            statements.wake(EMAIL_QUEUE)
    return email, not stored


async def has_made_email(session: AsyncSession, repeatable: RepeatableRequest | None) -> bool:
    """Say whether a form or request has made its e-mail already."""
    return repeatable is not None and await idempotency.has_made(session, SCOPE, repeatable)


async def get_email(session: AsyncSession, email_id: int) -> Email:
    """Return an e-mail.

    Raises:
        NoSuchEmail: there is none.
    """
    async with session.begin():
        return await existing_email(session, email_id)


async def _compose(new: NewEmail, *, now: datetime, sender: SmtpSettings) -> Email:
    """Return the row of a new e-mail, not yet added to a session."""
    errors = _check_new(new, utf8=sender["utf8"])
    if errors:
        raise InvalidInput(*errors)
    betreff, body_html, body_text = new.betreff, new.body_html, new.body_text
    if new.template is not None:
        rendered = render_template(new.template, new.template_data or {}, betreff=betreff)
        betreff, body_html, body_text = rendered.betreff, rendered.body_html, rendered.body_text
    body_html, body_text = await both_bodies(body_html, body_text)
    absender = normalized_address(new.absender_email) if new.absender_email else sender["sender"]
    return Email(
        therapist_id=new.therapist_id,
        betreff=(betreff or "").strip(),
        body_html=body_html,
        body_text=body_text,
        empfaenger_email=normalized_address(new.empfaenger_email),
        empfaenger_name=new.empfaenger_name.strip(),
        absender_email=absender,
        absender_name=(new.absender_name or sender["sender_name"]).strip(),
        antwort_erhalten=False,
        nachgefasst=False,
        nachverfolgung_erforderlich=new.nachverfolgung_erforderlich,
        nachverfolgung_notizen=new.nachverfolgung_notizen,
        message_id=new_message_id(absender),
        created_at=now,
        updated_at=now,
        version=1,
        **(queued(now) if new.status is EmailStatus.QUEUED else draft()),
    )


def _check_new(new: NewEmail, *, utf8: bool) -> list[FieldError]:
    errors = [
        *check_id("therapist_id", new.therapist_id),
        *check_address("empfaenger_email", new.empfaenger_email, utf8=utf8),
        *check_line("empfaenger_name", new.empfaenger_name),
        *check_note("nachverfolgung_notizen", new.nachverfolgung_notizen),
    ]
    if new.absender_email is not None:
        errors += check_address("absender_email", new.absender_email, utf8=utf8)
    if new.absender_name is not None:
        errors += check_line("absender_name", new.absender_name)
    if new.betreff is not None:
        errors += check_line("betreff", new.betreff)
    elif new.template is None:
        errors.append(FieldError("betreff", REQUIRED))
    return errors + _check_source(new)


def _check_source(new: NewEmail) -> list[FieldError]:
    """Return what is wrong with where the content is to come from."""
    bodies = [
        (f, v) for f, v in (("body_html", new.body_html), ("body_text", new.body_text)) if v is not None
    ]
    if new.template is not None:
        errors = [FieldError(field, NOT_POSSIBLE_WITH_TEMPLATE) for field, _ in bodies]
        return errors + check_template(new.template, new.template_data or {})
    errors = [error for field, value in bodies for error in check_body(field, value)]
    if not any(value.strip() for _, value in bodies):
        errors.append(FieldError("body_text", REQUIRED))
    if new.template_data is not None:
        errors.append(FieldError("template_data", TEMPLATE_MISSING))
    return errors
