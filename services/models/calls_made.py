"""Calls that were made, as indexes have them: by the hour, and as one number each.

The number holds all that an estimate of when somebody picks up is made from: the day, the hour, and what came
of it: `(days since DAY_ZERO * HOURS + hour) * OUTCOMES + outcome`. The database's function works it out.
"""

from datetime import date

from sqlalchemy import ColumnElement, Integer, literal_column

from services.models.base import SCHEMA
from services.models.call_kinds import SPOKEN, OutcomeKind

HOUR_MADE_SQL = "date_part('hour', tatsaechliche_zeit)::integer"
HOUR_MADE: ColumnElement[int] = literal_column(HOUR_MADE_SQL, Integer)
"""The hour of the day in which a call was made, local time, as an index has it."""

TELLING = (
    *sorted(SPOKEN),
    OutcomeKind.BUSY,
    OutcomeKind.NOT_REACHED,
    OutcomeKind.ANSWERING_MACHINE,
)
"""Outcomes that say when somebody picks up: a machine and no answer alike say that nobody does."""

DAY_ZERO = date(2000, 1, 1)
HOURS = 24
MISSED, ENGAGED, REACHED = OUTCOMES = range(3)
"""What came of a call, as far as it matters here."""


MADE_SQL = f"{SCHEMA}.anruf_als_zahl(tatsaechliches_datum, tatsaechliche_zeit, ergebnis_art)"
MADE: ColumnElement[int] = literal_column(MADE_SQL, Integer)

_TELLING = ", ".join(f"'{kind}'" for kind in TELLING)
TELLS_SQL = (
    f"tatsaechliches_datum IS NOT NULL AND tatsaechliche_zeit IS NOT NULL AND ergebnis_art IN ({_TELLING})"
)
TELLS: ColumnElement[bool] = literal_column(f"({TELLS_SQL})")
"""Of a call: that it says when somebody picks up."""


def first_made_on(day: date) -> int:
    """Return the least number of a call made on a day or later."""
    return (day - DAY_ZERO).days * HOURS * len(OUTCOMES)
