"""What the desk does with therapists: find them, note how they want to be called, and stop calling them."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, func, literal_column, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.activity import SYSTEM, Actor, record
from services.booking import NOT_TO_BE_CALLED, lock_calendar
from services.calls import cancel
from services.errors import NotFound, StaleVersion
from services.models import CallReason, CallStatus, PhoneCall, Therapist
from services.models.therapists import NAMES
from services.subjects import CALLS
from shared.database import wake

DO_NOT_CALL = "Der Therapeut möchte nicht angerufen werden."
BLOCKED = "Der Therapeut ist gesperrt oder nicht mehr aktiv."
AUTOMATIC = (CallReason.NO_REPLY, CallReason.UNDELIVERED)
FOUND_AT_MOST = 20
SHORTEST_NUMBER = 2
MOST_WORDS = 5
LONGEST_WORD = 100
FORMS_OF_ADDRESS = frozenset({"dr", "prof", "herr", "frau", "hr", "fr"})
APOSTROPHES = re.compile(r"['’‘`]")
WORD = re.compile(r"[^\W_]+")


async def get_therapist(session: AsyncSession, therapist_id: int) -> Therapist:
    """Return the local copy of a therapist.

    Raises:
        NotFound: there is none.
    """
    async with session.begin():
        return await _existing(session, therapist_id)


async def search_therapists(
    session: AsyncSession, q: str, *, limit: int = FOUND_AT_MOST
) -> Sequence[Therapist]:
    """Return therapists by the beginning of their names or of a phone number, both in any spelling.

    `schm`, `juergen schm`, `030/1234567`, `+49 30 1234567` and `0049 30 12345` all find Jürgen Schmidt.
    """
    condition = _by_number(q) if _looks_like_number(q) else _by_name(q)
    if condition is None:
        return []
    query = select(Therapist).where(condition).order_by(Therapist.nachname, Therapist.vorname, Therapist.id)
    async with session.begin():
        return (await session.scalars(query.limit(limit))).all()


async def set_do_not_call(
    session: AsyncSession,
    therapist_id: int,
    flag: bool,
    grund: str | None,
    *,
    version: int,
    now: datetime,
    actor: Actor,
) -> Therapist:
    """Note whether a therapist may be called automatically; if not, cancel what is planned by itself.

    Two transactions: the first takes a turn at booking, so that every later booking sees the flag; then the
    pending calls go. Should the second not come about, `cancel_calls_in_vain` catches up.

    Raises:
        NotFound, StaleVersion: as named.
    """
    action = "do_not_call_set" if flag else "do_not_call_lifted"
    async with session.begin():
        await lock_calendar(session)
        therapist = await _locked(session, therapist_id, version)
        therapist.nicht_anrufen = flag
        therapist.nicht_anrufen_grund = grund if flag else None
        therapist.version += 1
        record(session, actor, action, "therapist", therapist_id, now=now)
        wake(session, CALLS)
    if flag:
        await cancel_calls_in_vain(session, therapist_id, now=now, actor=actor)
    return therapist


async def set_call_hint(
    session: AsyncSession, therapist_id: int, hint: str | None, *, version: int, now: datetime, actor: Actor
) -> Therapist:
    """Note what whoever rings this therapist should know.

    Raises:
        NotFound, StaleVersion: as named.
    """
    async with session.begin():
        therapist = await _locked(session, therapist_id, version)
        therapist.anruf_hinweis = hint
        therapist.version += 1
        record(session, actor, "call_hint_set", "therapist", therapist_id, now=now)
        wake(session, CALLS)
    return therapist


async def cancel_calls_in_vain(
    session: AsyncSession, therapist_id: int | None = None, *, now: datetime, actor: Actor = SYSTEM
) -> int:
    """Cancel the pending automatic calls of therapists who are not to be called; return how many.

    Automatic are calls about an e-mail nobody answered or received, and every next attempt. What a person
    planned stays. A call in somebody's hands, or one somebody is changing right now, is left for the next
    time: they may be hearing just now that the therapist does not want to be called.
    """
    async with session.begin():
        rows = await session.execute(_in_vain(therapist_id, now))
        count = 0
        for call, unwanted in rows:
            await cancel(session, call, DO_NOT_CALL if unwanted else BLOCKED, now=now, actor=actor)
            count += 1
    return count


def _in_vain(therapist_id: int | None, now: datetime) -> Select[PhoneCall, bool]:
    pending = and_(
        PhoneCall.status == CallStatus.SCHEDULED,
        or_(PhoneCall.bearbeitet_bis.is_(None), PhoneCall.bearbeitet_bis <= now),
        or_(PhoneCall.grund.in_(AUTOMATIC), PhoneCall.vorheriger_anruf_id.is_not(None)),
    )
    query = (
        select(PhoneCall, Therapist.nicht_anrufen)
        .join(Therapist, Therapist.id == PhoneCall.therapist_id)
        .where(pending, or_(Therapist.nicht_anrufen, Therapist.status.in_(NOT_TO_BE_CALLED)))
        .order_by(PhoneCall.id)
        .with_for_update(of=PhoneCall, skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return query if therapist_id is None else query.where(Therapist.id == therapist_id)


async def _locked(session: AsyncSession, therapist_id: int, version: int) -> Therapist:
    therapist = await _existing(session, therapist_id, lock=True)
    if therapist.version != version:
        raise StaleVersion
    return therapist


async def _existing(session: AsyncSession, therapist_id: int, *, lock: bool = False) -> Therapist:
    query = select(Therapist).where(Therapist.id == therapist_id).execution_options(populate_existing=True)
    therapist = await session.scalar(query.with_for_update() if lock else query)
    if therapist is None:
        raise NotFound
    return therapist


def _looks_like_number(q: str) -> bool:
    return bool(re.fullmatch(r"[\s+0-9()/.\-–]+", q)) and any(character.isdigit() for character in q)


def _by_number(q: str) -> ColumnElement[bool] | None:
    prefix = e164_prefix(q)
    return Therapist.telefon_e164.like(f"{prefix}%") if len(prefix) >= SHORTEST_NUMBER + len("+49") else None


def e164_prefix(q: str) -> str:
    """Return the beginning of a phone number as E.164 spells it, read as dialled in Germany."""
    text = q.strip().replace("(0)", "")
    digits = re.sub(r"[^0-9]", "", text)
    if text.startswith("+"):
        return f"+{digits}"
    if digits.startswith("00"):
        return f"+{digits[2:]}"
    return f"+49{digits.lstrip('0')}"


def _by_name(q: str) -> ColumnElement[bool] | None:
    """Match when every word begins one of the names, both as the database spells names for comparing.

    Composed first, so that only letters and digits reach the database's query language.
    """
    composed = APOSTROPHES.sub("", unicodedata.normalize("NFKC", q))
    words = [word for word in WORD.findall(composed) if word.lower() not in FORMS_OF_ADDRESS][:MOST_WORDS]
    if not words:
        return None
    wanted = " & ".join(f"{word[:LONGEST_WORD]}:*" for word in words)
    return NAMES.bool_op("@@")(
        func.to_tsquery(literal_column("'simple'"), func.communication_service.namensform(wanted))
    )
