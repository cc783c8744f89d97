"""All contacts with one therapist on one timeline: e-mails, what came back, and calls, newest first."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Integer, Text, any_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY

from services.models import Activity, Base, CallStatus, Email, Incoming, PhoneCall, Staff
from services.rules import DeskRules
from services.work import OBJECTS, Action, Transaction
from shared.plain_rows import PlainQuery

SHORT_HISTORY = 20


class ContactKind(StrEnum):
    """What kind of contact an entry is."""

    EMAIL = "email"
    REPLY = "reply"
    """An answer that was typed in."""

    INCOMING = "incoming"
    CALL = "call"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """One entry of the timeline.

    Attributes:
        at: when an e-mail was sent or made, a message came, a call was made or closed, or is planned.
        record_id: the e-mail's id, also for its reply, the message's or the call's.
        status: of the e-mail, message or call.
        art: `antwort_art` of an e-mail or reply, `ergebnis_art` of a call, the kind of a message.
        text: the e-mail's subject, what was answered, or what came of the call.
        betreff: of a message.
        server_words: of a message, what a mail system said.
        absage_grund: why a call was cancelled where nobody did that.
        who: of the staff rang, or typed in what was answered; None where a service did.
    """

    kind: ContactKind
    at: datetime
    record_id: int
    status: str
    art: str | None
    text: str | None
    notizen: str | None = None
    versuch: int | None = None
    betreff: str | None = None
    server_words: str | None = None
    absage_grund: str | None = None
    who: str | None = None


THEIRS, LIMIT = (bindparam(name, type_=Integer) for name in ("therapist_id", "limit"))
MAILS = (
    select(
        Email.id,
        Email.betreff,
        Email.status,
        Email.created_at,
        Email.sent_at,
        Email.antwortdatum,
        Email.antwort_erhalten,
        Email.antwort_art,
        Email.antwortinhalt,
    )
    .where(Email.therapist_id == THEIRS)
    .order_by(Email.id.desc())
    .limit(LIMIT)
)
MESSAGES = (
    select(Incoming)
    .where(Incoming.therapist_id == THEIRS)
    .order_by(Incoming.empfangen_at.desc())
    .limit(LIMIT)
)
CALLS = select(PhoneCall).where(PhoneCall.therapist_id == THEIRS).order_by(PhoneCall.id.desc()).limit(LIMIT)


async def load_history(tx: Transaction, therapist_id: int, *, limit: int = SHORT_HISTORY) -> list[Contact]:
    """Return a therapist's latest contacts, planned calls included."""
    latest = {"therapist_id": therapist_id, "limit": limit}
    mails = (await tx.session.execute(MAILS, latest)).all()
    messages = (await tx.session.scalars(MESSAGES, latest)).all()
    answers = {message.email_id for message in messages if message.has_answered}
    calls = (await tx.session.scalars(CALLS, latest)).all()
    rang = await who_did(tx, Action.OUTCOME_RECORDED, PhoneCall, [call.id for call in calls])
    typed = await who_did(tx, Action.REPLY_RECORDED, Email, [mail.id for mail in mails])
    typists = await staff_names(tx, (message.erfasst_von for message in messages))
    contacts = [_of_message(message, typists.get(message.erfasst_von)) for message in messages]
    for mail in mails:
        contacts.append(
            Contact(
                kind=ContactKind.EMAIL,
                at=mail.sent_at or mail.created_at,
                record_id=mail.id,
                status=mail.status.value,
                art=mail.antwort_art if not mail.antwort_erhalten else None,
                text=mail.betreff,
            )
        )
        if mail.antwortdatum is not None and mail.id not in answers:
            contacts.append(
                Contact(
                    kind=ContactKind.REPLY,
                    at=mail.antwortdatum,
                    record_id=mail.id,
                    status=mail.status.value,
                    art=mail.antwort_art,
                    text=mail.antwortinhalt,
                    who=typed.get(mail.id),
                )
            )
    contacts += [_of_call(call, tx.rules, rang) for call in calls]
    return sorted(contacts, key=lambda contact: contact.at, reverse=True)[:limit]


DOERS = PlainQuery(
    select(Activity.object_id, Staff.name)
    .outerjoin(Staff, Staff.id == Activity.staff_id)
    .where(
        Activity.object_type == bindparam("type", type_=Text),
        Activity.object_id == any_(bindparam("ids", type_=ARRAY(Integer))),
        Activity.action == bindparam("action", type_=Text),
    )
    .order_by(Activity.id)
)


async def who_did(tx: Transaction, action: Action, model: type[Base], ids: Collection[int]) -> dict[int, str]:
    """Return who of the staff did this last to each of these rows; none where a service did."""
    rows = await tx.rows(DOERS, action=action, type=OBJECTS[model], ids=list(ids))
    last: dict[int, str | None] = dict(map(tuple, rows))
    return {object_id: name for object_id, name in last.items() if name}


def last_to_do(action: Action, call_id: ColumnElement[int]) -> ColumnElement[str]:
    """Return the name of who of the staff did this last to a call, as a column of the call's query."""
    return (
        select(Staff.name)
        .select_from(Activity)
        .outerjoin(Staff, Staff.id == Activity.staff_id)
        .where(
            Activity.object_type == OBJECTS[PhoneCall],
            Activity.object_id == call_id,
            Activity.action == action,
        )
        .order_by(Activity.id.desc())
        .limit(1)
        .scalar_subquery()
    )


async def staff_names(tx: Transaction, ids: Iterable[int | None]) -> dict[int | None, str]:
    """Return the names of members of staff."""
    wanted = {staff_id for staff_id in ids if staff_id is not None}
    if not wanted:
        return {}
    rows = await tx.session.execute(select(Staff.id, Staff.name).where(Staff.id.in_(wanted)))
    return {row.id: row.name for row in rows}


def _of_message(message: Incoming, who: str | None) -> Contact:
    return Contact(
        kind=ContactKind.INCOMING,
        at=message.empfangen_at,
        record_id=message.id,
        status=message.zustand,
        art=message.art,
        text=message.worte or message.text,
        betreff=message.betreff,
        server_words=message.serverworte,
        who=who,
    )


def _of_call(call: PhoneCall, rules: DeskRules, rang: Mapping[int, str]) -> Contact:
    return Contact(
        kind=ContactKind.CALL,
        at=_moment(call, rules),
        record_id=call.id,
        status=call.status,
        art=call.ergebnis_art,
        text=call.ergebnis,
        notizen=call.notizen,
        versuch=call.versuch,
        absage_grund=call.absage_grund,
        who=rang.get(call.id) if call.status != CallStatus.SCHEDULED else None,
    )


def _moment(call: PhoneCall, rules: DeskRules) -> datetime:
    """Return when a call was made, else when it was closed, else for when it is planned."""
    if call.tatsaechliches_datum is not None and call.tatsaechliche_zeit is not None:
        return rules.instant(call.tatsaechliches_datum, call.tatsaechliche_zeit)
    if call.status != CallStatus.SCHEDULED and call.abgeschlossen_at is not None:
        return call.abgeschlossen_at
    return rules.instant(call.geplantes_datum, call.geplante_zeit)
