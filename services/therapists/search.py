"""Finding therapists by name, place or number, in any spelling."""

import re
from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, cast, false, func, or_, select
from sqlalchemy.dialects.postgresql import TSQUERY

from services.models import Therapist
from services.models.therapists import NAMES, NUMBER_ENDS, OTHER_NUMBERS, PLACE
from services.search import has_words, has_words_in_any
from services.therapists.phone_numbers import read_numbers
from services.work import Work

FOUND_AT_MOST = 20
SHORTEST_NUMBER = 2
SHORTEST_END = 3
"""Digits by which a number is known by its end; fewer end too many."""

FORMS_OF_ADDRESS = frozenset({"dr", "prof", "herr", "frau", "hr", "fr"})


async def get_therapist(work: Work, therapist_id: int) -> Therapist:
    """Return the local copy of a therapist.

    Raises:
        NotFound: there is none.
    """
    async with work.transaction() as tx:
        return await tx.existing(Therapist, therapist_id)


async def search_therapists(work: Work, q: str, *, limit: int = FOUND_AT_MOST) -> Sequence[Therapist]:
    """Return therapists by the beginning of their names, by their place, or by any of their numbers.

    `schm`, `juergen schm`, `schmidt berlin`, `030/1234567`, `+49 30 1234567`, `0049 30 12345`,
    `Tel. 030 1234567` and the end `4567` all find Jürgen Schmidt of Berlin. Whose name or number begins so
    comes before whose place does or whose number ends so.
    """
    condition, better = _by_number(q) if is_number(q) else _by_words(q)
    rank = func.coalesce(better, false()).desc()
    query = select(Therapist).where(condition)
    query = query.order_by(rank, Therapist.nachname, Therapist.vorname, Therapist.id)
    async with work.transaction() as tx:
        return (await tx.session.scalars(query.limit(limit))).all()


def is_number(q: str) -> bool:
    """Whether a phone number is asked for, or a part of one."""
    looks_like_one = re.fullmatch(r"[\s+0-9()/.\-–]+", q) and any(character.isdigit() for character in q)
    return bool(looks_like_one or read_numbers(q))


def _by_words(q: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Return who is meant, and of them who is meant by name."""
    named = has_words(NAMES, q, but=FORMS_OF_ADDRESS)
    return has_words_in_any((NAMES, PLACE), q, but=FORMS_OF_ADDRESS), named


def _by_number(q: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Return whose number begins or ends so, and of them whose begins so; a whole number is no end."""
    whole = read_numbers(q)
    begins = _begins_with(e164_prefix(whole[0].e164 if whole else q))
    digits = re.sub("[^0-9]", "", q)
    if whole or len(digits) < SHORTEST_END:
        return begins, begins
    backwards = digits[::-1]
    of_directory = NUMBER_ENDS.bool_op("@@")(cast(f"'{backwards}':*", TSQUERY))
    own = func.reverse(Therapist.telefon_korrigiert_e164).like(f"{backwards}%")
    return or_(begins, _that_holds(own, of_directory)), begins


def _begins_with(prefix: str) -> ColumnElement[bool]:
    if len(prefix) < SHORTEST_NUMBER + len("+49"):
        return false()
    others = OTHER_NUMBERS.bool_op("@@")(cast(f"'{prefix}':*", TSQUERY))
    of_directory = or_(Therapist.telefon_e164.like(f"{prefix}%"), others)
    return _that_holds(Therapist.telefon_korrigiert_e164.like(f"{prefix}%"), of_directory)


def _that_holds(own: ColumnElement[bool], of_directory: ColumnElement[bool]) -> ColumnElement[bool]:
    """Look for the desk's own number where there is one: the directory's is somebody else's then."""
    return or_(own, and_(of_directory, Therapist.telefon_korrigiert_e164.is_(None)))


def e164_prefix(q: str) -> str:
    """Return the beginning of a phone number as E.164 spells it, read as dialled in Germany."""
    text = q.strip().replace("(0)", "")
    digits = re.sub(r"[^0-9]", "", text)
    if text.startswith("+"):
        return f"+{digits}"
    if digits.startswith("00"):
        return f"+{digits[2:]}"
    return f"+49{digits.lstrip('0')}"
