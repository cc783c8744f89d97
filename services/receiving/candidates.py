"""The e-mail a message belongs to: surely by our token or a Message-ID, else as a suggestion with its reason.

A suggestion looks at e-mails that have left the house lately: by the reference their template showed, by the
address written to, by the subject. Of e-mails equally likely an unanswered and newer one comes first.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import load_only

from services.emails.stop_list import spelling
from services.models import Email, EmailStatus, Incoming, Therapist
from services.models.emails import SEARCHED
from services.models.incoming import hashed_id
from services.receiving.matching import Keys
from services.work import Transaction

LATELY = timedelta(days=180)
MOST_SUGGESTED = 5
_MOST_ADDRESSES = 5
_MOST_REFERENCES = 100
_LATEST = 5_000
"""E-mails whose subjects are compared."""

_MOST_OF_A_SUBJECT = 3
"""A subject that more e-mails have tells nothing."""

_SHORTEST_SUBJECT = 8
_LABELLED = re.compile(r"(?:zeichen|\baz\.?|reference|\bref\.?)\s?:\s?(\S[^\n]{0,99})", re.IGNORECASE)
_WITH_DIGIT = re.compile(r"(?=\D{0,60}\d)[\w./-]{3,60}")
_LEFT_THE_HOUSE = (EmailStatus.SENDING, EmailStatus.SENT, EmailStatus.FAILED)


class Because(StrEnum):
    """Why an e-mail is suggested (`grund`), the strongest reason first."""

    REFERENCE = "aktenzeichen"
    RECIPIENT = "empfaenger"
    """A report is about its recipient."""
    SENDER = "absender"
    """The message comes from the address it was sent to."""
    SUBJECT = "betreff"
    THERAPIST = "therapeut"
    """The message comes from a therapist's address in the directory."""


_WEIGHT = {Because.REFERENCE: 8, Because.RECIPIENT: 4, Because.SENDER: 4, Because.SUBJECT: 2}


async def sure_match(tx: Transaction, keys: Keys, *, is_report: bool) -> int | None:
    """Return the id of the e-mail a message surely belongs to.

    A report goes by the token first, anything else by the nearest message it answers, which may also be one
    that has come in.
    """
    by_token, by_ids = await _by_token(tx, keys.email_id), await _by_ids(tx, keys.message_ids)
    return (by_token or by_ids) if is_report else (by_ids or by_token)


async def suggestion(tx: Transaction, keys: Keys, text: str) -> dict[str, object] | None:
    """Return what a message may belong to, as `eingang.vorschlag` keeps it; None where nothing is near.

    `text` is its subject and text, quotations included.
    """
    found: dict[int, tuple[Email, dict[Because, None]]] = {}

    def note(emails: Iterable[Email], because: Because) -> None:
        for email in emails:
            found.setdefault(email.id, (email, {}))[1][because] = None

    note(await _by_reference(tx, text), Because.REFERENCE)
    for address in keys.recipients[:_MOST_ADDRESSES]:
        note(await _by_address(tx, address), Because.RECIPIENT)
    if keys.sender:
        note(await _by_address(tx, keys.sender), Because.SENDER)
    note(await _by_subject(tx, keys.subject), Because.SUBJECT)
    if not found:
        return await _therapist(tx, keys.sender) if keys.sender else None
    ranked = sorted(found.values(), key=lambda each: _rank(*each))
    email, reasons = ranked[0]
    return {
        "email_id": email.id,
        "therapist_id": email.therapist_id,
        "grund": next(each for each in Because if each in reasons).value,
        "weitere": [other.id for other, _ in ranked[1:MOST_SUGGESTED]],
    }


def _rank(email: Email, reasons: Iterable[Because]) -> tuple[int, bool, int]:
    return (-sum(_WEIGHT[each] for each in reasons), email.antwort_erhalten, -email.id)


async def _by_token(tx: Transaction, email_id: int | None) -> int | None:
    if email_id is None:
        return None
    return await tx.session.scalar(select(Email.id).where(Email.id == email_id))


async def _by_ids(tx: Transaction, message_ids: Sequence[str]) -> int | None:
    if not message_ids:
        return None
    sent = await tx.session.execute(
        select(Email.message_id, Email.id).where(Email.message_id.in_(message_ids))
    )
    come_in = await tx.session.execute(
        select(Incoming.message_id, Incoming.email_id).where(
            Incoming.message_id.in_([*message_ids, *map(hashed_id, message_ids)]),
            Incoming.email_id.is_not(None),
        )
    )
    known = dict([*come_in, *sent])
    for plain in message_ids:
        if email_id := known.get(plain) or known.get(hashed_id(plain)):
            return email_id
    return None


async def _by_reference(tx: Transaction, text: str) -> Sequence[Email]:
    named = [*_LABELLED.findall(text), *_WITH_DIGIT.findall(text)]
    references = list(dict.fromkeys(each.strip(" .,;:)") for each in named))[:_MOST_REFERENCES]
    if not references:
        return []
    return await _newest(tx, Email.aktenzeichen.in_(references))


async def _by_address(tx: Transaction, address: str) -> Sequence[Email]:
    """Return e-mails sent to an address; its words are looked up in the index that e-mails are found by."""
    wanted = spelling(address)
    words = func.plainto_tsquery("simple", func.translate(wanted, "@._-/", "     "))
    return await _newest(tx, SEARCHED.bool_op("@@")(words), func.lower(Email.empfaenger_email) == wanted)


async def _by_subject(tx: Transaction, subject: str) -> Sequence[Email]:
    """Return the few e-mails of late that have a subject."""
    if len(subject) < _SHORTEST_SUBJECT:
        return []
    latest = select(Email.id, Email.betreff).order_by(Email.id.desc()).limit(_LATEST).subquery()
    same = select(latest.c.id).where(func.lower(latest.c.betreff) == subject)
    emails = await _newest(tx, Email.id.in_(same))
    return emails if len(emails) <= _MOST_OF_A_SUBJECT else []


async def _newest(tx: Transaction, *wanted: ColumnElement[bool]) -> Sequence[Email]:
    found = await tx.session.scalars(_left_the_house(tx, *wanted))
    return found.all()


def _left_the_house(tx: Transaction, *wanted: ColumnElement[bool]) -> Select[Email]:
    """Return the query for the newest e-mails; by a sum of ids, so that the index for `wanted` is used."""
    columns: list[Any] = [Email.therapist_id, Email.antwort_erhalten]
    return (
        select(Email)
        .where(*wanted, Email.status.in_(_LEFT_THE_HOUSE), Email.created_at >= tx.now - LATELY)
        .order_by((Email.id + 0).desc())
        .limit(MOST_SUGGESTED + 1)
        .options(load_only(*columns))
    )


async def _therapist(tx: Transaction, sender: str) -> dict[str, object] | None:
    """Return the therapist whose address a message comes from, with the last e-mail to them."""
    therapist_id = await tx.session.scalar(
        select(Therapist.id).where(func.lower(Therapist.email) == spelling(sender)).limit(1)
    )
    if therapist_id is None:
        return None
    emails = await _newest(tx, Email.therapist_id == therapist_id)
    return {
        "email_id": emails[0].id if emails else None,
        "therapist_id": therapist_id,
        "grund": Because.THERAPIST.value,
        "weitere": [email.id for email in emails[1:MOST_SUGGESTED]],
    }
