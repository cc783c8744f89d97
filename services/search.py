"""Words to look for, in any spelling: the one way of all searches.

What is searched is kept in a full-text index as the database's `namensform` spells it: without accents, `ß`
as ss, `oe` as o, signs left out. What is asked for is spelt the same way; each word may be a beginning.
"""

import re
import unicodedata
from collections.abc import Set

from sqlalchemy import ColumnElement, false, func, literal_column

MOST_WORDS = 10
LONGEST_WORD = 100
_APOSTROPHES = re.compile(r"['’‘`]")
_WORD = re.compile(r"[^\W_]+")


def has_words(searched: ColumnElement[str], q: str, *, but: Set[str] = frozenset()) -> ColumnElement[bool]:
    """Match when every word of `q` begins a word of what is searched; without any, nothing matches.

    `but` names words that mean nothing here. The rest is composed first (NFKC), so that only letters and
    digits reach the database's query language.
    """
    composed = _APOSTROPHES.sub("", unicodedata.normalize("NFKC", q))
    words = [word for word in _WORD.findall(composed) if word.lower() not in but][:MOST_WORDS]
    if not words:
        return false()
    wanted = " & ".join(f"{word[:LONGEST_WORD]}:*" for word in words)
    return searched.bool_op("@@")(
        func.to_tsquery(literal_column("'simple'"), func.communication_service.namensform(wanted))
    )
