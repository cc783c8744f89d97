"""Creating an e-mail and reading one."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from services import idempotency
from services.checks import (
    LONGEST_REFERENCE,
    NOT_POSSIBLE_WITH_TEMPLATE,
    REQUIRED,
    TEMPLATE_MISSING,
    check_body,
    check_id,
    check_line,
    check_note,
    check_reference,
)
from services.emails.addresses import check_address, normalized_address
from services.emails.bodies import both_bodies, new_message_id
from services.emails.insert import SCOPE, MadeEmail, insert_email
from services.emails.schedule import check_times
from services.emails.senders import check_sender
from services.emails.states import draft, existing_email, queued
from services.emails.templates.engine import check_template, render_template
from services.errors import FieldError, InvalidInput
from services.hints import EMAIL_QUEUE, EMAILS, OUTBOX
from services.idempotency import Made, RepeatableRequest
from services.models import Email, EmailStatus
from services.origins import Origin
from services.rules import DeskRules
from services.work import Actor, Moment, Work
from shared.config.settings import SmtpSettings
from shared.direct_connection import DirectPool


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEmail:
    """An e-mail as asked for: with one body or both, or with a template and its data.

    It is sent from `send_at` on and before `expires_at`; naive times are local. Answers go to `antwort_an`.
    `extern_id` is the caller's reference and holds nothing personal.
    """

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
    antwort_an: str | None = None
    extern_id: str | None = None
    send_at: datetime | None = None
    expires_at: datetime | None = None


async def create_email(
    statements: DirectPool,
    new: NewEmail,
    *,
    moment: Moment,
    actor: Actor,
    sender: SmtpSettings,
    repeatable: RepeatableRequest | None = None,
) -> Made[MadeEmail]:
    """Store an e-mail and queue it unless it is a draft.

    A repeated request gets the e-mail as the first one got it, whatever has happened to it since.

    Raises:
        InvalidInput: names every field that is wrong; nothing is stored.
        IdempotencyConflict: the key was used with another body.
    """
    new = _in_utc(new, moment.rules)
    errors, outdated = _check_new(new, utf8=sender["utf8"]), _check_now(new, moment)
    if errors or (outdated and await idempotency.made_before(statements, SCOPE, repeatable) is None):
        raise InvalidInput(*errors, *outdated)
    email = await _compose(new, now=moment.now, sender=sender, origin=actor.origin)
    stored = await insert_email(statements, email, actor=actor, repeatable=repeatable)
    if stored:
        statements.wake(OUTBOX, EMAILS)
        if new.status is EmailStatus.QUEUED:
            statements.wake(EMAIL_QUEUE)
    return Made(email, repeated=not stored)


async def has_made_email(work: Work, repeatable: RepeatableRequest | None) -> bool:
    """Say whether a form or request has made its e-mail already."""
    return repeatable is not None and await idempotency.has_made(work, SCOPE, repeatable)


async def get_email(work: Work, email_id: int) -> Email:
    """Return an e-mail.

    Raises:
        NoSuchEmail: there is none.
    """
    async with work.transaction() as tx:
        return await existing_email(tx, email_id)


async def _compose(new: NewEmail, *, now: datetime, sender: SmtpSettings, origin: Origin) -> MadeEmail:
    """Return a new e-mail that was checked, not stored yet."""
    betreff, body_html, body_text = new.betreff, new.body_html, new.body_text
    if new.template is not None:
        rendered = render_template(new.template, new.template_data or {}, betreff=betreff)
        betreff, body_html, body_text = rendered.betreff, rendered.body_html, rendered.body_text
    body_html, body_text = await both_bodies(body_html, body_text)
    absender = normalized_address(new.absender_email) if new.absender_email else sender["sender"]
    waiting = queued(now, new.send_at) if new.status is EmailStatus.QUEUED else draft()
    return MadeEmail(
        therapist_id=new.therapist_id,
        betreff=(betreff or "").strip(),
        body_html=body_html,
        body_text=body_text,
        empfaenger_email=normalized_address(new.empfaenger_email),
        empfaenger_name=new.empfaenger_name.strip(),
        absender_email=absender,
        absender_name=(new.absender_name or sender["sender_name"]).strip(),
        nachverfolgung_erforderlich=new.nachverfolgung_erforderlich,
        nachverfolgung_notizen=new.nachverfolgung_notizen,
        message_id=new_message_id(absender),
        aktenzeichen=_reference(new.template_data),
        antwort_an=normalized_address(new.antwort_an) if new.antwort_an else None,
        extern_id=new.extern_id,
        send_at=new.send_at,
        expires_at=new.expires_at,
        created_at=now,
        updated_at=now,
        status=new.status,
        queued_at=waiting["queued_at"],
        naechster_versuch_at=waiting["naechster_versuch_at"],
        **origin.columns,
    )


def _in_utc(new: NewEmail, rules: DeskRules) -> NewEmail:
    if new.send_at is None and new.expires_at is None:
        return new
    send_at, expires_at = (at and rules.aware(at) for at in (new.send_at, new.expires_at))
    return replace(new, send_at=send_at, expires_at=expires_at)


def _reference(template_data: dict[str, Any] | None) -> str | None:
    """Return the reference a template shows, as far as its column goes."""
    given = (template_data or {}).get("aktenzeichen")
    return (given.strip()[:LONGEST_REFERENCE] or None) if isinstance(given, str) else None


def _check_new(new: NewEmail, *, utf8: bool) -> list[FieldError]:
    errors = [
        *check_id("therapist_id", new.therapist_id),
        *check_address("empfaenger_email", new.empfaenger_email, utf8=utf8),
        *check_line("empfaenger_name", new.empfaenger_name),
        *check_note("nachverfolgung_notizen", new.nachverfolgung_notizen),
        *check_reference("extern_id", new.extern_id),
    ]
    if new.antwort_an is not None:
        errors += check_address("antwort_an", new.antwort_an, utf8=utf8)
    if new.absender_email is not None:
        errors += check_address("absender_email", new.absender_email, utf8=utf8)
    if new.absender_name is not None:
        errors += check_line("absender_name", new.absender_name)
    if new.betreff is not None:
        errors += check_line("betreff", new.betreff)
    elif new.template is None:
        errors.append(FieldError("betreff", REQUIRED))
    return errors + _check_source(new)


def _check_now(new: NewEmail, moment: Moment) -> list[FieldError]:
    """Return what is wrong with it by now, and was not when an equal request made an e-mail earlier."""
    times = {"send_at": new.send_at, "expires_at": new.expires_at}
    errors = check_times(moment.now, times, **times)
    if new.absender_email is not None:
        errors += check_sender("absender_email", new.absender_email, moment.rules)
    return errors


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
