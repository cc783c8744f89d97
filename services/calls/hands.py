"""Who is on the phone with whom, and on which line: a therapist and a line are in one hand at a time.

A line is a number at which a person may answer, in E.164: it is the same however it is spelled and wherever
in the field it stands. Therapists of one practice often share one; those who share a fax only share none.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from zlib import crc32

from sqlalchemy import DateTime, Integer, Select, and_, bindparam, select

from services.drafts import CALL
from services.models import CallStatus, Draft, PhoneCall, Staff, Therapist
from services.models.therapists import display_name, name_or_number
from services.therapists.phone_numbers import dialable
from services.work import Transaction
from shared.plain_rows import PlainQuery


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """A call somebody has in hand until an instant, with whom, and under which numbers that may be."""

    staff_id: int
    staff_name: str
    call_id: int
    therapist_id: int
    therapist_name: str | None
    until: datetime
    lines: frozenset[str]


@dataclass(frozen=True, slots=True)
class Hands:
    """All calls in hand at an instant."""

    held: tuple[Hand, ...] = ()

    def but(self, staff_id: int) -> "Hands":
        """Return what everybody else has in hand."""
        return Hands(tuple(hand for hand in self.held if hand.staff_id != staff_id))

    def of(self, staff_id: int) -> Hand | None:
        """Return what somebody has in hand."""
        return next((hand for hand in self.held if hand.staff_id == staff_id), None)

    def on(self, therapist_id: int) -> Hand | None:
        """Return who has a therapist in hand."""
        return next((hand for hand in self.held if hand.therapist_id == therapist_id), None)

    def in_the_way(self, therapist_id: int, telefon: str | None) -> Hand | None:
        """Return who has a therapist in hand, else who is on their line."""
        return self.on(therapist_id) or self.on_line(therapist_id, telefon)

    def on_line(self, therapist_id: int, telefon: str | None) -> Hand | None:
        """Return who has another therapist in hand that is rung under a number of this one."""
        others = [hand for hand in self.held if hand.therapist_id != therapist_id]
        lines = lines_of(telefon) if others else frozenset[str]()
        return next((hand for hand in others if hand.lines & lines), None)


@dataclass(frozen=True, slots=True)
class InHand:
    """A call in hand, and what was typed for it so far."""

    call_id: int
    version: int
    therapist_id: int
    name: str | None
    typed: Mapping[str, str]

    @property
    def noted(self) -> bool:
        """Whether its note has been begun."""
        return bool(self.typed.get("ergebnis", "").strip())

    @property
    def unsaved(self) -> bool:
        """Whether a note has been begun or an outcome chosen."""
        return self.noted or bool(self.typed.get("ergebnis_art"))


@lru_cache(maxsize=4_096)
def lines_of(telefon: str | None) -> frozenset[str]:
    """Return the lines of a phone field; an extension is asked for on the same line."""
    return frozenset(number.e164 for number in dialable(telefon))


def line_keys(lines: Iterable[str]) -> list[int]:
    """Return the lines as keys of advisory locks, in the order in which everybody takes them.

    Two numbers with one key merely wait for each other.
    """
    return sorted({crc32(line.encode()) - 2**31 for line in lines})


def _held() -> Select[*tuple[Any, ...]]:
    return (
        select(
            PhoneCall.bearbeitet_von,
            Staff.name,
            PhoneCall.id,
            PhoneCall.therapist_id,
            PhoneCall.bearbeitet_bis,
            Therapist.phone,
            Therapist.titel,
            Therapist.vorname,
            Therapist.nachname,
        )
        .join(Staff, Staff.id == PhoneCall.bearbeitet_von)
        .outerjoin(Therapist, Therapist.id == PhoneCall.therapist_id)
        .where(
            PhoneCall.bearbeitet_von.is_not(None),
            PhoneCall.bearbeitet_bis > bindparam("now", type_=DateTime(timezone=True)),
            PhoneCall.status == CallStatus.SCHEDULED,
        )
        .order_by(PhoneCall.id)
    )


HELD = _held()
"""What `hands_of` reads: all that is in anybody's hands at the instant `now`."""

ALL_HELD = PlainQuery(HELD)


async def load_hands(tx: Transaction) -> Hands:
    """Return what is in anybody's hands now, planned for whatever day."""
    return hands_of(await tx.rows(ALL_HELD, now=tx.now))


def hands_of(rows: Iterable[Any]) -> Hands:
    """Return what the rows of `HELD` say."""
    return Hands(
        tuple(
            Hand(
                staff_id=staff_id,
                staff_name=staff_name,
                call_id=call_id,
                therapist_id=therapist_id,
                therapist_name=display_name(*names),
                until=until,
                lines=lines_of(telefon),
            )
            for staff_id, staff_name, call_id, therapist_id, until, telefon, *names in rows
        )
    )


def _own() -> Select[*tuple[Any, ...]]:
    staff_id = bindparam("staff_id", type_=Integer)
    drafted = and_(Draft.staff_id == staff_id, Draft.gegenstand == CALL, Draft.gegenstand_id == PhoneCall.id)
    return (
        select(
            PhoneCall.id,
            PhoneCall.version,
            PhoneCall.therapist_id,
            Therapist.id.label("known_as"),
            Therapist.titel,
            Therapist.vorname,
            Therapist.nachname,
            Draft.felder,
        )
        .select_from(PhoneCall)
        .outerjoin(Therapist, Therapist.id == PhoneCall.therapist_id)
        .outerjoin(Draft, drafted)
        .where(
            PhoneCall.status == CallStatus.SCHEDULED,
            PhoneCall.bearbeitet_von == staff_id,
            PhoneCall.bearbeitet_bis > bindparam("now", type_=DateTime(timezone=True)),
        )
    )


OWN = PlainQuery(_own())


async def load_in_hand(tx: Transaction) -> InHand | None:
    """Return the call somebody has in hand, planned for whatever day."""
    found = await tx.rows(OWN, staff_id=tx.staff_id, now=tx.now)
    if not found:
        return None
    call_id, version, therapist_id, known_as, *names, draft = found[0]
    name = None if known_as is None else name_or_number(known_as, *names)
    typed: dict[str, object] = draft or {}
    return InHand(call_id, version, therapist_id, name, {field: str(said) for field, said in typed.items()})
