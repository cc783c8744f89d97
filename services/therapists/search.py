"""Finding therapists by name or number, in any spelling."""

import re
from collections.abc import Sequence

from sqlalchemy import ColumnElement, cast, false, or_, select
from sqlalchemy.dialects.postgresql import TSQUERY

from services.models import Therapist
from services.models.therapists import NAMES, OTHER_NUMBERS
from services.search import has_words
from services.therapists.phone_numbers import read_numbers
from services.work import Work

FOUND_AT_MOST = 20
SHORTEST_NUMBER = 2
FORMS_OF_ADDRESS = frozenset({"dr", "prof", "herr", "frau", "hr", "fr"})


async def get_therapist(work: Work, therapist_id: int) -> Therapist:
    """Return the local copy of a therapist.

    Raises:
        NotFound: there is none.
    """
    async with work.transaction() as tx:
        return await tx.existing(Therapist, therapist_id)


async def search_therapists(work: Work, q: str, *, limit: int = FOUND_AT_MOST) -> Sequence[Therapist]:
    """Return therapists by the beginning of their names or of any of their numbers, both in any spelling.

    `schm`, `juergen schm`, `030/1234567`, `+49 30 1234567`, `0049 30 12345` and `Tel. 030 1234567` all find
    Jürgen Schmidt.
    """
    whole = read_numbers(q)
    if whole or _looks_like_number(q):
        condition = _by_number(whole[0].e164 if whole else q)
    else:
        condition = has_words(NAMES, q, but=FORMS_OF_ADDRESS)
    query = select(Therapist).where(condition).order_by(Therapist.nachname, Therapist.vorname, Therapist.id)
    async with work.transaction() as tx:
        return (await tx.session.scalars(query.limit(limit))).all()


def _looks_like_number(q: str) -> bool:
    return bool(re.fullmatch(r"[\s+0-9()/.\-–]+", q)) and any(character.isdigit() for character in q)


def _by_number(q: str) -> ColumnElement[bool]:
    prefix = e164_prefix(q)
    if len(prefix) < SHORTEST_NUMBER + len("+49"):
        return false()
    others = OTHER_NUMBERS.bool_op("@@")(cast(f"'{prefix}':*", TSQUERY))
    return or_(Therapist.telefon_e164.like(f"{prefix}%"), others)


def e164_prefix(q: str) -> str:
    """Return the beginning of a phone number as E.164 spells it, read as dialled in Germany."""
    text = q.strip().replace("(0)", "")
    digits = re.sub(r"[^0-9]", "", text)
    if text.startswith("+"):
        return f"+{digits}"
    if digits.startswith("00"):
        return f"+{digits[2:]}"
    return f"+49{digits.lstrip('0')}"
