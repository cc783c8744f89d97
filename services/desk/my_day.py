"""A person's own day, for their eyes only: what they rang, agreed on, and have not finished."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum

from sqlalchemy import ColumnElement, case, exists, func, select
from sqlalchemy.orm import aliased

from services.drafts import CALL, INCOMING, NEW_EMAIL, REPLY
from services.models import (
    SPOKEN,
    Activity,
    CallStatus,
    Draft,
    Email,
    EmailStatus,
    Incoming,
    OutcomeKind,
    PhoneCall,
    Therapist,
)
from services.work import OBJECTS, Action, Transaction, Work

MOST_DRAFTS = 50

NOT_MADE = (OutcomeKind.POSTPONED, OutcomeKind.CANCELED)

TYPED = {CALL: ("ergebnis", "ergebnis_art"), REPLY: ("antwortinhalt", "nachverfolgung_notizen")}
"""The fields in which a draft has been begun; any field for the others."""


class Unfinished(StrEnum):
    """What somebody has begun and not finished."""

    CALL = "call"
    REPLY = "reply"
    INCOMING = "incoming"
    NEW_EMAIL = "new_email"
    EMAIL = "email"


KINDS = {
    CALL: Unfinished.CALL,
    REPLY: Unfinished.REPLY,
    INCOMING: Unfinished.INCOMING,
    NEW_EMAIL: Unfinished.NEW_EMAIL,
}


@dataclass(frozen=True, slots=True)
class Beginning:
    """Something unfinished; `record_id` is that of what it is about, of a new e-mail the therapist's."""

    kind: Unfinished
    record_id: int
    name: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class AgreedCall:
    """A call that somebody has agreed on with the therapist, still to be made."""

    call_id: int
    name: str | None
    day: date
    at: time


@dataclass(frozen=True, slots=True)
class MyDay:
    """What one member of staff did today and has left."""

    calls: int
    reached: int
    agreed: list[AgreedCall]
    unfinished: list[Beginning]


async def load_my_day(work: Work) -> MyDay:
    """Return the day of whoever asks."""
    async with work.transaction() as tx:
        kinds = await _outcomes_today(tx)
        return MyDay(
            calls=sum(number for kind, number in kinds.items() if kind not in NOT_MADE),
            reached=sum(kinds[kind] for kind in SPOKEN),
            agreed=await _agreed(tx),
            unfinished=[*await _typed(tx), *await _email_drafts(tx)],
        )


def _mine_today(tx: Transaction, call: type[PhoneCall] = PhoneCall) -> ColumnElement[bool]:
    """Match calls whose last outcome this person has recorded today."""
    mine, later = aliased(Activity), aliased(Activity)
    since = exists().where(
        later.object_type == OBJECTS[PhoneCall],
        later.object_id == mine.object_id,
        later.id > mine.id,
        later.action.in_((Action.OUTCOME_RECORDED, Action.OUTCOME_UNDONE)),
    )
    return call.id.in_(
        select(mine.object_id).where(
            mine.at >= tx.rules.instant(tx.today, time.min),
            mine.staff_id == tx.staff_id,
            mine.object_type == OBJECTS[PhoneCall],
            mine.action == Action.OUTCOME_RECORDED,
            ~since,
        )
    )


async def _outcomes_today(tx: Transaction) -> Counter[str]:
    rows = await tx.session.execute(
        select(PhoneCall.ergebnis_art, func.count())
        .where(_mine_today(tx), PhoneCall.ergebnis_art.is_not(None), PhoneCall.gemeinsam_mit_id.is_(None))
        .group_by(PhoneCall.ergebnis_art)
    )
    return Counter({kind: number for kind, number in rows if kind is not None})


async def _agreed(tx: Transaction) -> list[AgreedCall]:
    """Return the calls back that were agreed on in today's calls."""
    before = aliased(PhoneCall)
    rows = await tx.session.execute(
        select(PhoneCall.id, PhoneCall.geplantes_datum, PhoneCall.geplante_zeit, Therapist)
        .join(before, before.id == PhoneCall.vorheriger_anruf_id)
        .outerjoin(Therapist, Therapist.id == PhoneCall.therapist_id)
        .where(
            PhoneCall.status == CallStatus.SCHEDULED,
            before.ergebnis_art == OutcomeKind.CALL_BACK_AGREED,
            _mine_today(tx, before),
        )
        .order_by(PhoneCall.geplantes_datum, PhoneCall.geplante_zeit)
    )
    return [AgreedCall(row.id, _name(row.Therapist), row.geplantes_datum, row.geplante_zeit) for row in rows]


async def _typed(tx: Transaction) -> list[Beginning]:
    """Return what is typed and not saved, the latest first."""
    therapist_id = case(
        (
            Draft.gegenstand == CALL,
            select(PhoneCall.therapist_id).where(PhoneCall.id == Draft.gegenstand_id).scalar_subquery(),
        ),
        (
            Draft.gegenstand == REPLY,
            select(Email.therapist_id).where(Email.id == Draft.gegenstand_id).scalar_subquery(),
        ),
        (
            Draft.gegenstand == INCOMING,
            select(Incoming.therapist_id).where(Incoming.id == Draft.gegenstand_id).scalar_subquery(),
        ),
        else_=Draft.gegenstand_id,
    )
    rows = await tx.session.execute(
        select(Draft.gegenstand, Draft.gegenstand_id, Draft.felder, Draft.updated_at, Therapist)
        .outerjoin(Therapist, Therapist.id == therapist_id)
        .where(Draft.staff_id == tx.staff_id)
        .order_by(Draft.updated_at.desc())
        .limit(MOST_DRAFTS)
    )
    return [
        Beginning(KINDS[row.gegenstand], row.gegenstand_id, _name(row.Therapist), row.updated_at)
        for row in rows
        if row.gegenstand in KINDS and _begun(row.gegenstand, row.felder)
    ]


def _begun(subject: str, fields: Mapping[str, object]) -> bool:
    """Say whether a form holds anything that was typed or chosen."""
    return any(str(fields.get(name) or "").strip() for name in TYPED.get(subject, fields))


async def _email_drafts(tx: Transaction) -> list[Beginning]:
    """Return the e-mails this person has written and not sent, the latest first."""
    written = exists().where(
        Activity.object_type == OBJECTS[Email],
        Activity.object_id == Email.id,
        Activity.action == Action.EMAIL_CREATED,
        Activity.staff_id == tx.staff_id,
    )
    rows = await tx.session.execute(
        select(Email.id, Email.created_at, Therapist)
        .outerjoin(Therapist, Therapist.id == Email.therapist_id)
        .where(Email.status == EmailStatus.DRAFT, written)
        .order_by(Email.id.desc())
        .limit(MOST_DRAFTS)
    )
    return [Beginning(Unfinished.EMAIL, row.id, _name(row.Therapist), row.created_at) for row in rows]


def _name(therapist: Therapist | None) -> str | None:
    return therapist.display_name if therapist else None
