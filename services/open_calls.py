"""Reads the open calls the desk works on: scheduled for today or for a day before."""

from datetime import datetime

from sqlalchemy import Text, cast, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.availability import parse_json
from services.models import CallStatus, OutcomeKind, PhoneCall, Staff, Therapist
from services.reachability import OpenCall
from services.rules import DeskRules

LARGEST_BOARD = 2_000
"""Open calls read at most, the latest planned day first."""


async def load_open_calls(session: AsyncSession, *, now: datetime, rules: DeskRules) -> list[OpenCall]:
    """Return the scheduled calls of today and of days before. Runs in the caller's transaction."""
    rows = await session.execute(
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
            Staff.name.label("bearbeitet_name"),
            Therapist.titel,
            Therapist.vorname,
            Therapist.nachname,
            Therapist.ort,
            Therapist.telefon,
            Therapist.nicht_anrufen,
            cast(Therapist.telefonische_erreichbarkeit, Text).label("erreichbarkeit"),
        )
        .outerjoin(Therapist, Therapist.id == PhoneCall.therapist_id)
        .outerjoin(Staff, Staff.id == PhoneCall.bearbeitet_von)
        .where(
            PhoneCall.status == CallStatus.SCHEDULED,
            PhoneCall.geplantes_datum <= rules.today(now),
        )
        .order_by(PhoneCall.geplantes_datum.desc(), PhoneCall.geplante_zeit, PhoneCall.id)
        .limit(LARGEST_BOARD)
    )
    return [
        OpenCall(
            call_id=row.id,
            version=row.version,
            therapist_id=row.therapist_id,
            name=display_name(row.titel, row.vorname, row.nachname),
            ort=row.ort,
            telefon=row.telefon,
            nicht_anrufen=bool(row.nicht_anrufen),
            availability=parse_json(row.erreichbarkeit),
            geplantes_datum=row.geplantes_datum,
            geplante_zeit=row.geplante_zeit,
            dauer_minuten=row.dauer_minuten,
            ausserhalb_erreichbarkeit=row.ausserhalb_erreichbarkeit,
            grund=row.grund,
            email_id=row.email_id,
            versuch=row.versuch,
            bearbeitet_von=row.bearbeitet_von,
            bearbeitet_bis=row.bearbeitet_bis,
            bearbeitet_name=row.bearbeitet_name,
            verschoben=row.ergebnis_art == OutcomeKind.POSTPONED,
        )
        for row in rows
    ]


def display_name(titel: str | None, vorname: str | None, nachname: str | None) -> str | None:
    """Return a therapist's name as staff say it; None when the directory's copy lacks them."""
    return " ".join(part for part in (titel, vorname, nachname) if part) or None
