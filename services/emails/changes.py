"""Changing an e-mail as PUT does: content while it is a draft, its state, the answer, the follow-up."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from msgspec import UNSET, UnsetType

from services.checks import NO_ANSWER, REQUIRED, check_body, check_id, check_line, check_note
from services.emails.addresses import check_address, normalized_address
from services.emails.bodies import both_bodies
from services.emails.replies import take_reply, withdraw_answer
from services.emails.reply import Reply
from services.emails.schedule import check_times, first_attempt_at
from services.emails.senders import refuse_other_sender
from services.emails.states import NotInThisState, TextErased, change_status, finish_change, locked_email
from services.emails.stop_list import keep_from_stopped, refuse_stopped
from services.emails.taking_back import lock_to_take_back
from services.errors import FieldError, InvalidInput
from services.models import Email, EmailStatus
from services.work import Action, Moment, Transaction, Work

CONTENT = (
    "therapist_id",
    "betreff",
    "body_html",
    "body_text",
    "empfaenger_email",
    "empfaenger_name",
    "absender_email",
    "absender_name",
    "antwort_an",
)

ADDRESSES = ("empfaenger_email", "absender_email", "antwort_an")

TIMES = ("send_at", "expires_at")

NOT_UNDER_WAY = (EmailStatus.DRAFT, EmailStatus.QUEUED, EmailStatus.FAILED)

FOLLOW_UP = ("nachverfolgung_erforderlich", "nachverfolgung_notizen", "nachverfolgung_hindernis")


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailChanges:
    """What is to change; `UNSET` leaves a column as it is.

    Given one body, the other is derived from it. `antwort_erhalten=False` takes an answer back. When it is to
    be sent can change until its hand-over begins, and of what has failed. Naive times are local.
    """

    therapist_id: int | UnsetType = UNSET
    betreff: str | UnsetType = UNSET
    body_html: str | UnsetType = UNSET
    body_text: str | UnsetType = UNSET
    empfaenger_email: str | UnsetType = UNSET
    empfaenger_name: str | UnsetType = UNSET
    absender_email: str | UnsetType = UNSET
    absender_name: str | UnsetType = UNSET
    antwort_an: str | UnsetType | None = UNSET
    send_at: datetime | UnsetType | None = UNSET
    expires_at: datetime | UnsetType | None = UNSET
    status: EmailStatus | UnsetType = UNSET
    antwort_erhalten: bool | UnsetType = UNSET
    antwortdatum: datetime | UnsetType | None = UNSET
    antwortinhalt: str | UnsetType | None = UNSET
    nachverfolgung_erforderlich: bool | UnsetType = UNSET
    nachverfolgung_notizen: str | UnsetType | None = UNSET
    nachverfolgung_hindernis: UnsetType | None = UNSET


async def update_email(
    work: Work, email_id: int, changes: EmailChanges, *, version: int | None = None, utf8: bool = False
) -> Email:
    """Change an e-mail; what is given and already so is no change.

    `utf8` says whether the mail server offers SMTPUTF8, as in `check_address`.

    Raises:
        InvalidInput: names every field that is wrong; nothing is changed.
        NotInThisState: content of what is no draft, when to send what is under way or was sent, or a way
            between states that does not exist.
        NotToBeSent, Stopped, Expired: it is to be queued, and was answered, its recipient is on the stop
            list, or the time to send it is over.
        StaleVersion: somebody changed the e-mail after `version` was read.
    """
    content = await _checked_content(changes, utf8=utf8)
    async with work.transaction() as tx:
        if changes.antwort_erhalten is False:
            await lock_to_take_back(tx, email_id)
        email = await locked_email(tx, email_id, version)
        before = _columns(email)
        if changes.status is EmailStatus.DRAFT and email.status is not EmailStatus.DRAFT:
            change_status(email, EmailStatus.DRAFT, now=tx.now)
        _change_content(email, content)
        if "empfaenger_email" in content and email.empfaenger_email != before["empfaenger_email"]:
            await refuse_stopped(tx, "empfaenger_email", email.empfaenger_email)
        if email.absender_email != before["absender_email"]:
            refuse_other_sender(email, tx.rules)
        _change_times(email, changes, tx)
        if changes.status is not UNSET and changes.status is not email.status:
            if changes.status is EmailStatus.QUEUED:
                refuse_other_sender(email, tx.rules)
                await keep_from_stopped(tx, email)
            change_status(email, changes.status, now=tx.now)
        await _change_answer(tx, email, changes)
        for column in FOLLOW_UP:
            _set_given(email, column, getattr(changes, column))
        if _columns(email) != before:
            finish_change(tx, email)
            tx.record(Action.EMAIL_CHANGED, email)
    return email


async def _change_answer(tx: Transaction, email: Email, changes: EmailChanges) -> None:
    eingang = changes.antwortdatum or None
    inhalt = None if changes.antwortinhalt is UNSET else changes.antwortinhalt
    given = [f for f, v in (("antwortdatum", eingang), ("antwortinhalt", inhalt)) if v is not None]
    answered = email.antwort_erhalten if changes.antwort_erhalten is UNSET else changes.antwort_erhalten
    if not answered:
        if given:
            raise InvalidInput(*(FieldError(field, NO_ANSWER) for field in given))
        if email.antwort_erhalten:
            await withdraw_answer(tx, email)
    elif given or not email.antwort_erhalten:
        reply = Reply(eingang=eingang, inhalt=inhalt)
        await take_reply(tx, email, reply)
    if answered and changes.antwortinhalt is None:
        email.antwortinhalt = None


def _change_content(email: Email, content: dict[str, Any]) -> None:
    """Set what differs.

    Raises:
        NotInThisState: something differs and the e-mail is no draft.
        TextErased: something differs and the draft was blanked.
    """
    different = {column: value for column, value in content.items() if getattr(email, column) != value}
    if different and email.status is not EmailStatus.DRAFT:
        raise NotInThisState(status=email.status.value)
    if different and email.geloescht_at is not None:
        raise TextErased
    for column, value in different.items():
        setattr(email, column, value)


def _change_times(email: Email, changes: EmailChanges, moment: Moment) -> None:
    """Set from when until when it is sent, as far as that differs; one that waits is then due anew.

    Raises:
        NotInThisState: something differs, and it is under way or was sent.
        InvalidInput: they can't be.
    """
    given = {
        field: at and moment.rules.aware(at)
        for field in TIMES
        if (at := getattr(changes, field)) is not UNSET
    }
    different = {field: at for field, at in given.items() if getattr(email, field) != at}
    if not different:
        return
    if email.status not in NOT_UNDER_WAY:
        raise NotInThisState(status=email.status.value)
    after = {field: getattr(email, field) for field in TIMES} | different
    if errors := check_times(moment.now, different, **after):
        raise InvalidInput(*errors)
    for field, at in different.items():
        setattr(email, field, at)
    if email.status is EmailStatus.QUEUED and "send_at" in different:
        email.naechster_versuch_at = first_attempt_at(moment.now, email.send_at)


def _columns(email: Email) -> dict[str, Any]:
    return {column.key: getattr(email, column.key) for column in Email.__mapper__.column_attrs}


def _set_given(email: Email, column: str, value: object) -> None:
    if value is not UNSET:
        setattr(email, column, value)


async def _checked_content(changes: EmailChanges, *, utf8: bool) -> dict[str, Any]:
    """Return the content columns to set, normalised, with the other body where only one is given.

    Raises:
        InvalidInput: names every field that is wrong.
    """
    given = {field: value for field in CONTENT if (value := getattr(changes, field)) is not UNSET}
    errors = [error for field, value in given.items() for error in _check(field, value, utf8=utf8)]
    bodies = [given[field] for field in ("body_html", "body_text") if field in given]
    if bodies and not any(body.strip() for body in bodies):
        errors.append(FieldError("body_html" if "body_html" in given else "body_text", REQUIRED))
    if changes.nachverfolgung_notizen is not UNSET:
        errors += check_note("nachverfolgung_notizen", changes.nachverfolgung_notizen)
    if errors:
        raise InvalidInput(*errors)
    for field in given:
        if field in ADDRESSES:
            given[field] = given[field] and normalized_address(given[field])
        elif field in ("betreff", "empfaenger_name", "absender_name"):
            given[field] = given[field].strip()
    if bodies:
        given["body_html"], given["body_text"] = await both_bodies(
            given.get("body_html"), given.get("body_text")
        )
    return given


def _check(field: str, value: Any, *, utf8: bool) -> list[FieldError]:
    match field:
        case "therapist_id":
            return check_id(field, value)
        case "body_html" | "body_text":
            return check_body(field, value)
        case "antwort_an" if value is None:
            return []
        case "empfaenger_email" | "absender_email" | "antwort_an":
            return check_address(field, value, utf8=utf8)
        case _:
            return check_line(field, value)
