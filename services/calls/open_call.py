"""An open call with what the board shows of it and its therapist; one query reads any number of them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache, partial
from typing import Any

from sqlalchemy import Integer, Select, Text, any_, bindparam, cast, select, true
from sqlalchemy.dialects.postgresql import ARRAY

from services.calls.rests import TODAY, Miss, last_rung, miss_of
from services.hours.reading import Availability, parse_json
from services.models import CallStatus, OutcomeKind, PhoneCall, Therapist
from services.models.therapists import display_name
from services.rules import DeskRules
from services.work import Transaction
from shared.kept import Kept
from shared.plain_rows import PlainQuery

CALLS_KEPT = 10_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OpenCall:
    """A scheduled call with what the board shows of it and its therapist: one object until it changes."""

    call_id: int
    version: int
    therapist_id: int
    name: str | None
    ort: str | None
    telefon: str | None
    nicht_anrufen: bool
    availability: Availability
    geplantes_datum: date
    geplante_zeit: time
    dauer_minuten: int
    ausserhalb_erreichbarkeit: bool
    grund: str
    email_id: int | None
    versuch: int
    verschoben: bool = False
    rueckruf_durch: str | None = None
    """Who rings at the planned time, where it was agreed."""
    bearbeitet_von: int | None = None
    bearbeitet_bis: datetime | None = None
    missed: Miss | None = None

    def holder(self, now: datetime) -> int | None:
        """Return the id of who has this call in hand at an instant."""
        return holder_of(self.bearbeitet_von, self.bearbeitet_bis, now)


def holder_of(staff_id: int | None, until: datetime | None, now: datetime) -> int | None:
    """Return who holds what was claimed until an instant; an expired claim holds nothing."""
    return staff_id if until is not None and until > now else None


def _due() -> Select[*tuple[Any, ...]]:
    rung = last_rung(PhoneCall.therapist_id)
    return (
        select(
            PhoneCall.id,
            PhoneCall.version,
            PhoneCall.therapist_id,
            PhoneCall.geplantes_datum,
            PhoneCall.geplante_zeit,
            PhoneCall.dauer_minuten,
            PhoneCall.ausserhalb_erreichbarkeit,
            PhoneCall.grund,
            PhoneCall.email_id,
            PhoneCall.versuch,
            PhoneCall.ergebnis_art,
            PhoneCall.bearbeitet_von,
            PhoneCall.bearbeitet_bis,
            PhoneCall.rueckruf_durch,
            Therapist.titel,
            Therapist.vorname,
            Therapist.nachname,
            Therapist.ort,
            Therapist.plz,
            Therapist.wieder_da_am,
            Therapist.phone,
            Therapist.nicht_anrufen,
            cast(Therapist.telefonische_erreichbarkeit, Text),
            *rung.c,
        )
        .outerjoin(Therapist, Therapist.id == PhoneCall.therapist_id)
        .outerjoin(rung, true())
        .where(PhoneCall.status == CallStatus.SCHEDULED, PhoneCall.geplantes_datum <= TODAY)
    )


DUE = _due()
LATEST_DAY_FIRST = DUE.order_by(PhoneCall.geplantes_datum.desc(), PhoneCall.geplante_zeit, PhoneCall.id)
OF_ALL = PlainQuery(LATEST_DAY_FIRST)
OF_SOME = PlainQuery(
    LATEST_DAY_FIRST.where(PhoneCall.therapist_id == any_(bindparam("some", type_=ARRAY(Integer))))
)


async def load_open_calls(tx: Transaction) -> list[OpenCall]:
    """Return the scheduled calls of today and of days before, those of the latest day first."""
    return await _load(tx, OF_ALL)


async def load_calls_of(tx: Transaction, therapist_ids: Collection[int]) -> list[OpenCall]:
    """Return those of some therapists."""
    return await _load(tx, OF_SOME, some=list(therapist_ids))


async def _load(tx: Transaction, query: PlainQuery, **some: object) -> list[OpenCall]:
    midnight = tx.rules.instant(tx.today, time.min)
    rows = await tx.rows(query, today=tx.today, midnight=midnight, **some)
    known = _known(tx.today, tx.rules)
    return [known.of(tuple(row)) for row in rows]


@lru_cache(maxsize=4)
def _known(today: date, rules: DeskRules) -> Kept[tuple[Any, ...], OpenCall]:
    """Return the calls of a day that were read before, by what was read."""
    return Kept(partial(_read, today, rules), most=CALLS_KEPT)


def _read(today: date, rules: DeskRules, row: tuple[Any, ...]) -> OpenCall:
    (
        call_id,
        version,
        therapist_id,
        day,
        at,
        minutes,
        outside,
        reason,
        email_id,
        attempt,
        outcome,
        held_by,
        held_until,
        back_by,
        titel,
        vorname,
        nachname,
        ort,
        plz,
        back_on,
        telefon,
        nicht_anrufen,
        hours,
        *rung,
    ) = row
    return OpenCall(
        call_id=call_id,
        version=version,
        therapist_id=therapist_id,
        name=display_name(titel, vorname, nachname),
        ort=ort,
        telefon=telefon,
        nicht_anrufen=bool(nicht_anrufen),
        availability=parse_json(hours, plz, back_on),
        geplantes_datum=day,
        geplante_zeit=at,
        dauer_minuten=minutes,
        ausserhalb_erreichbarkeit=outside,
        grund=reason,
        email_id=email_id,
        versuch=attempt,
        verschoben=outcome == OutcomeKind.POSTPONED,
        rueckruf_durch=back_by,
        bearbeitet_von=held_by,
        bearbeitet_bis=held_until,
        missed=miss_of(today, rules, rung),
    )
