"""Reads the open calls of today and of days before: each time which there are, and what they say but once.

What a call and its therapist say is read again when one of the two rows has changed.
"""

from collections.abc import Collection, Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Engine,
    Integer,
    Select,
    Text,
    any_,
    bindparam,
    cast,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY

from services.calls.open_call import CALLS_KEPT, OpenCall
from services.calls.rests import Rung, load_rung_in_vain, load_rung_in_vain_of, miss_of
from services.hours.reading import parse_json
from services.models import SCHEMA, CallStatus, OutcomeKind, PhoneCall, Therapist
from services.models.therapists import display_name
from services.rules import DeskRules
from services.work import Transaction
from shared.kept import Kept, KeptResults
from shared.plain_rows import PlainQuery
from shared.under_way import under_way

Versions = tuple[Any, ...]
"""A call's number, and which version of its row and of its therapist's: another after each change of them.

The driver's records are as good to find a call by: they are equal to such tuples, and hash alike.
"""


async def load_open_calls(tx: Transaction) -> list[OpenCall]:
    """Return the scheduled calls of today and of days before, in no order."""
    return await _load(tx, await tx.rows(OF_ALL, today=tx.today), load_rung_in_vain(tx))


async def load_calls_of(tx: Transaction, therapist_ids: Collection[int]) -> list[OpenCall]:
    """Return those of some therapists."""
    rows = await tx.rows(OF_SOME, today=tx.today, some=list(therapist_ids))
    return await _load(tx, rows, load_rung_in_vain_of(tx, therapist_ids))


async def _load(
    tx: Transaction, rows: Sequence[Any], rung_in_vain: Coroutine[Any, Any, Mapping[int, Rung]]
) -> list[OpenCall]:
    async with under_way(rung_in_vain) as asked:
        known = _known(tx.session.get_bind().engine)
        calls = known.find_each(rows)
    rung = asked.result()
    if None in calls:
        unknown = [row["id"] for row, call in zip(rows, calls, strict=True) if call is None]
        read = await _read(tx, unknown, known)
        calls = [call or read.get(row["id"]) for row, call in zip(rows, calls, strict=True)]
    missed = _missed(tx.today, tx.rules)
    return [
        missed.of((call, rung[call.therapist_id])) if call.therapist_id in rung else call
        for call in calls
        if call is not None
    ]


async def _read(
    tx: Transaction, call_ids: Sequence[int], known: Kept[Versions, OpenCall]
) -> dict[int, OpenCall]:
    rows = await tx.rows(WHOLE, today=tx.today, some=call_ids)
    return {row["id"]: known.keep(tuple(row)[: len(VERSIONS)], _open_call(row)) for row in rows}


@lru_cache(maxsize=4)
def _known(_database: Engine) -> Kept[Versions, OpenCall]:
    return Kept(most=CALLS_KEPT)


@lru_cache(maxsize=4)
def _missed(today: date, rules: DeskRules) -> KeptResults[tuple[OpenCall, Rung], OpenCall]:
    """Return calls to therapists who were rung in vain that day."""
    return KeptResults(lambda one: replace(one[0], missed=miss_of(today, rules, one[1])), most=CALLS_KEPT)


def _open_call(row: Any) -> OpenCall:
    return OpenCall(
        call_id=row["id"],
        version=row["version"],
        therapist_id=row["therapist_id"],
        name=display_name(row["titel"], row["vorname"], row["nachname"]),
        ort=row["ort"],
        telefon=row["telefon"],
        nicht_anrufen=bool(row["nicht_anrufen"]),
        availability=parse_json(row["hours"], row["plz"], row["wieder_da_am"]),
        geplantes_datum=row["geplantes_datum"],
        geplante_zeit=row["geplante_zeit"],
        dauer_minuten=row["dauer_minuten"],
        ausserhalb_erreichbarkeit=row["ausserhalb_erreichbarkeit"],
        grund=row["grund"],
        email_id=row["email_id"],
        versuch=row["versuch"],
        verschoben=row["ergebnis_art"] == OutcomeKind.POSTPONED,
        rueckruf_durch=row["rueckruf_durch"],
        bearbeitet_von=row["bearbeitet_von"],
        bearbeitet_bis=row["bearbeitet_bis"],
    )


def _versions(model: type[PhoneCall] | type[Therapist]) -> list[ColumnElement[Any]]:
    """Return which transaction wrote a row, and where: one that writes it twice puts it elsewhere."""
    table = f"{SCHEMA}.{model.__tablename__}"
    return [literal_column(f"{table}.{name}") for name in ("xmin", "ctid")]


VERSIONS = (PhoneCall.id, *_versions(PhoneCall), *_versions(Therapist))
SAID = (
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
    Therapist.phone.label("telefon"),
    Therapist.nicht_anrufen,
    cast(Therapist.telefonische_erreichbarkeit, Text).label("hours"),
)


def _due(columns: Sequence[Any]) -> Select[*tuple[Any, ...]]:
    today = bindparam("today", type_=Date)
    return (
        select(*columns)
        .outerjoin(Therapist, Therapist.id == PhoneCall.therapist_id)
        .where(PhoneCall.status == CallStatus.SCHEDULED, PhoneCall.geplantes_datum <= today)
    )


SOME = any_(bindparam("some", type_=ARRAY(Integer)))
OF_ALL = PlainQuery(_due(VERSIONS))
OF_SOME = PlainQuery(_due(VERSIONS).where(PhoneCall.therapist_id == SOME))
WHOLE = PlainQuery(_due((*VERSIONS, *SAID)).where(PhoneCall.id == SOME))
