"""The calls closed today and those that ask for a person: how many, and the first to show, in one query."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import DateTime, Integer, Select, bindparam, func, select, true, union, union_all

from services.calls.open_call import CALLS_KEPT
from services.models import CallStatus, PhoneCall, Therapist
from services.models.therapists import display_name
from services.work import Moment, Transaction
from shared.kept import KeptResults
from shared.plain_rows import PlainQuery

MANY = 1_000_000
"""Stands for all of them: more than there are."""

ENDLESS = timedelta(days=1_000)
"""No clock is so far ahead of another."""


@dataclass(frozen=True, slots=True, eq=False)
class DoneCall:
    """A closed call as the board lists it: one object until it changes.

    Its columns are in the order of the query, then whose it is.
    """

    call_id: int
    version: int
    therapist_id: int
    ergebnis_art: str | None
    versuch: int
    abgeschlossen_at: datetime
    klaerung_noetig: bool
    klaerung_grund: str | None
    name: str | None


@dataclass(frozen=True, slots=True)
class Closed:
    """Closed calls, latest first, of both kinds as many as are shown.

    Attributes:
        done: those of today; of those the ones that ask for a decision before the others.
        needs_person: those that ask for a decision, of whatever day.
        done_count: how many there are of today.
        needs_person_count: how many ask for a decision.
        undo_ends: when the next outcome of today can't be taken back any more.
    """

    done: Sequence[DoneCall] = ()
    needs_person: Sequence[DoneCall] = ()
    done_count: int = 0
    needs_person_count: int = 0
    undo_ends: datetime | None = None


async def load_closed(tx: Transaction, most: int | None) -> Sequence[Any]:
    """Return the closed calls, `most` of each kind, None for all, as `closed_of` reads them."""
    midnight = _midnight(tx)
    return await tx.rows(SHOWN, midnight=midnight, end=midnight + ENDLESS, now=tx.now, most=most or MANY)


def closed_of(moment: Moment, rows: Sequence[Any], most: int | None) -> Closed:
    """Return what was loaded, at the same moment and as many."""
    if not rows:
        return Closed()
    midnight = _midnight(moment)
    calls = [_said.of(tuple(row)[:NAMED]) for row in rows]
    return Closed(
        done=[call for call in calls if call.abgeschlossen_at >= midnight][:most],
        needs_person=[call for call in calls if call.klaerung_noetig][:most],
        done_count=rows[0]["done_count"],
        needs_person_count=rows[0]["needs_person_count"],
        undo_ends=rows[0]["undo_ends"],
    )


def _done_call(row: tuple[Any, ...]) -> DoneCall:
    return DoneCall(*row[:OWN_COLUMNS], name=display_name(*row[OWN_COLUMNS:]))


_said = KeptResults(_done_call, most=CALLS_KEPT)


def _midnight(moment: Moment) -> datetime:
    return moment.rules.instant(moment.today, time.min)


def _shown() -> Select[*tuple[Any, ...]]:
    """A plan without the values knows that a day's calls are few because the day has an end, too."""
    midnight, now, end = (
        bindparam(name, type_=DateTime(timezone=True)) for name in ("midnight", "now", "end")
    )
    most = bindparam("most", type_=Integer)
    every = select(
        PhoneCall.id, PhoneCall.abgeschlossen_at, PhoneCall.klaerung_noetig, PhoneCall.rueckgaengig_bis
    ).where(PhoneCall.status != CallStatus.SCHEDULED, PhoneCall.gemeinsam_mit_id.is_(None))
    closed = (
        union_all(
            every.where(PhoneCall.abgeschlossen_at >= midnight, PhoneCall.abgeschlossen_at < end),
            every.where(PhoneCall.abgeschlossen_at < midnight, PhoneCall.klaerung_noetig),
        ).cte("closed")
    ).c
    of_today, latest = closed.abgeschlossen_at >= midnight, (closed.abgeschlossen_at.desc(), closed.id.desc())
    undecided = select(closed.id).where(closed.klaerung_noetig).order_by(*latest).limit(most)
    done = select(closed.id).where(of_today).order_by(closed.klaerung_noetig.desc(), *latest).limit(most)
    shown = union(undecided.subquery().select(), done.subquery().select()).subquery()
    counts = select(
        func.count().filter(of_today).label("done_count"),
        func.count().filter(closed.klaerung_noetig).label("needs_person_count"),
        func.min(closed.rueckgaengig_bis).filter(of_today, closed.rueckgaengig_bis > now).label("undo_ends"),
    ).subquery()
    return (
        select(
            PhoneCall.id,
            PhoneCall.version,
            PhoneCall.therapist_id,
            PhoneCall.ergebnis_art,
            PhoneCall.versuch,
            PhoneCall.abgeschlossen_at,
            PhoneCall.klaerung_noetig,
            PhoneCall.klaerung_grund,
            Therapist.titel,
            Therapist.vorname,
            Therapist.nachname,
            *counts.c,
        )
        .join(shown, shown.c.id == PhoneCall.id)
        .outerjoin(Therapist, Therapist.id == PhoneCall.therapist_id)
        .join(counts, true())
        .order_by(PhoneCall.klaerung_noetig.desc(), PhoneCall.abgeschlossen_at.desc(), PhoneCall.id.desc())
    )


SHOWN = PlainQuery(_shown())
OWN_COLUMNS, NAMED = 8, 11
"""So many of its columns are those of `DoneCall` in their order; up to the second come those of a name."""
