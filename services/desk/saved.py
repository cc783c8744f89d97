"""The outcome somebody saved just before, which the screen offers to take back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import DateTime, Integer, Select, bindparam, select
from sqlalchemy.orm import aliased

from services.conversations.matters import count_settled
from services.models import PhoneCall, Therapist
from services.models.therapists import name_or_number
from services.work import Transaction
from shared.plain_rows import PlainQuery


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A call whose last outcome can be taken back, for when it or its next attempt is planned now.

    Attributes:
        name: of its therapist.
        again: when the next attempt is.
        until: when it can't be taken back any more.
        matters: how many were settled with it.
    """

    call_id: int
    name: str | None
    status: str
    ergebnis_art: str | None
    klaerung_noetig: bool
    geplantes_datum: date
    geplante_zeit: time
    again: tuple[date, time] | None
    until: datetime
    matters: int


def _saved() -> Select[*tuple[Any, ...]]:
    following = aliased(PhoneCall)
    return (
        select(
            PhoneCall.status,
            PhoneCall.ergebnis_art,
            PhoneCall.klaerung_noetig,
            PhoneCall.geplantes_datum,
            PhoneCall.geplante_zeit,
            PhoneCall.rueckgaengig_bis.label("until"),
            PhoneCall.rueckgaengig.label("undo"),
            following.geplantes_datum.label("again_on"),
            following.geplante_zeit.label("again_at"),
            Therapist.id.label("therapist_id"),
            Therapist.titel,
            Therapist.vorname,
            Therapist.nachname,
        )
        .select_from(PhoneCall)
        .outerjoin(Therapist, Therapist.id == PhoneCall.therapist_id)
        .outerjoin(following, following.vorheriger_anruf_id == PhoneCall.id)
        .where(
            PhoneCall.id == bindparam("call_id", type_=Integer),
            PhoneCall.rueckgaengig_bis > bindparam("now", type_=DateTime(timezone=True)),
        )
    )


SAVED = PlainQuery(_saved())


async def load_saved(tx: Transaction, call_id: int) -> Saved | None:
    """Return what was saved for a call, as long as it can be taken back."""
    rows = await tx.rows(SAVED, call_id=call_id, now=tx.now)
    if not rows:
        return None
    row: Mapping[str, Any] = rows[0]
    names = (row["therapist_id"], row["titel"], row["vorname"], row["nachname"])
    return Saved(
        call_id=call_id,
        name=None if row["therapist_id"] is None else name_or_number(*names),
        status=row["status"],
        ergebnis_art=row["ergebnis_art"],
        klaerung_noetig=row["klaerung_noetig"],
        geplantes_datum=row["geplantes_datum"],
        geplante_zeit=row["geplante_zeit"],
        again=(row["again_on"], row["again_at"]) if row["again_on"] else None,
        until=row["until"],
        matters=await count_settled(tx, call_id, row["ergebnis_art"], row["undo"]),
    )
