"""Whoever was just rung in vain is left alone for a while, whatever other calls to them are open.

They are rung again when the next attempt is due. Without one: after a busy line in half an hour, after a
wrong number not today, otherwise when the phone hours that were open then are over.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import Subquery, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import aliased

from services.calls.next_attempt import BUSY_WAIT, hours_over
from services.hours.reading import Availability
from services.models import CallStatus, OutcomeKind, PhoneCall
from services.work import Moment

RUNG = ("rung_status", "rung_art", "rung_zeit", "again_datum", "again_zeit")
"""The columns of `last_rung` that `miss_of` reads."""


@dataclass(frozen=True, slots=True)
class Miss:
    """That a therapist was rung in vain at an instant, how that ended, and when they are rung again."""

    at: datetime
    art: str
    again: datetime | None


def rest_after(moment: Moment, miss: Miss, availability: Availability) -> datetime:
    """Return until when a therapist is left alone."""
    if miss.again is not None:
        return miss.again
    if miss.art == OutcomeKind.WRONG_NUMBER:
        return moment.rules.instant(moment.today + timedelta(days=1), time.min)
    if miss.art == OutcomeKind.BUSY:
        return miss.at + BUSY_WAIT
    return hours_over(moment.at(miss.at), availability) or miss.at + BUSY_WAIT


def last_rung(moment: Moment) -> Subquery:
    """Select the last call of today to each therapist, whatever came of it, for `miss_of`."""
    again = aliased(PhoneCall)
    return (
        select(
            PhoneCall.therapist_id,
            PhoneCall.status.label("rung_status"),
            PhoneCall.ergebnis_art.label("rung_art"),
            PhoneCall.tatsaechliche_zeit.label("rung_zeit"),
            again.geplantes_datum.label("again_datum"),
            again.geplante_zeit.label("again_zeit"),
        )
        .outerjoin(
            again, (again.vorheriger_anruf_id == PhoneCall.id) & (again.status == CallStatus.SCHEDULED)
        )
        .where(
            PhoneCall.status != CallStatus.SCHEDULED,
            PhoneCall.abgeschlossen_at >= moment.rules.instant(moment.today, time.min),
            PhoneCall.tatsaechliches_datum == moment.today,
            PhoneCall.tatsaechliche_zeit.is_not(None),
        )
        .ext(distinct_on(PhoneCall.therapist_id))
        .order_by(PhoneCall.therapist_id, PhoneCall.abgeschlossen_at.desc(), PhoneCall.id.desc())
        .subquery()
    )


def miss_of(moment: Moment, row: Any) -> Miss | None:
    """Read a row of `last_rung`: None where somebody was reached, or nobody was rung."""
    if row.rung_status != CallStatus.FAILED:
        return None
    instant = moment.rules.instant
    again = instant(row.again_datum, row.again_zeit) if row.again_datum else None
    return Miss(instant(moment.today, row.rung_zeit), row.rung_art, again)
