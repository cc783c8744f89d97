"""Words to look for, in any spelling: the one way of all searches.

What is searched is kept in a full-text index as the database's `namensform` spells it: without accents, `ß`
as ss, `oe` as o, signs left out. What is asked for is spelt the same way; each word may be a beginning.
"""

import re
import unicodedata
from collections.abc import Sequence, Set
from itertools import islice

from sqlalchemy import ColumnElement, and_, false, func, literal_column, or_

MOST_WORDS = 10
LONGEST_WORD = 100
_APOSTROPHES = re.compile(r"['’‘`]")
_WORD = re.compile(r"[^\W_]+")


def has_words(searched: ColumnElement[str], q: str, *, but: Set[str] = frozenset()) -> ColumnElement[bool]:
    """Match when every word of `q` begins a word of what is searched; without any, nothing matches.

    `but` names words that mean nothing here.
    """
    words = _beginnings(q, but)
    return _matches(searched, " & ".join(words)) if words else false()


def has_words_in_any(
    searched: Sequence[ColumnElement[str]], q: str, *, but: Set[str] = frozenset()
) -> ColumnElement[bool]:
    """Match when every word of `q` begins a word of something searched, each maybe of something else."""
    words = _beginnings(q, but)
    found = (or_(*(_matches(part, word) for part in searched)) for word in words)
    return and_(*found) if words else false()


def _beginnings(q: str, but: Set[str]) -> list[str]:
    """Return what is asked for, composed first (NFKC): only letters and digits reach the query language."""
    composed = _APOSTROPHES.sub("", unicodedata.normalize("NFKC", q))
    words = (word for word in _WORD.findall(composed) if word.lower() not in but)
    return [f"{word[:LONGEST_WORD]}:*" for word in islice(words, MOST_WORDS)]


def _matches(searched: ColumnElement[str], wanted: str) -> ColumnElement[bool]:
    return searched.bool_op("@@")(
        func.to_tsquery(literal_column("'simple'"), func.communication_service.namensform(wanted))
    )
