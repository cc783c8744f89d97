"""Removes what was written down of freed times, so that nobody misses any of it."""

from sqlalchemy import text

from services.models import SCHEMA
from services.work import Transaction

MOST_KEPT = 1_000

REMOVE = text(f"""
    WITH removed AS (
        DELETE FROM {SCHEMA}.frei_geworden
        WHERE (SELECT count(*) FROM {SCHEMA}.frei_geworden) > :most RETURNING xid
    )
    INSERT INTO {SCHEMA}.frei_geworden (zeit) SELECT '(,)' FROM removed LIMIT 1
""")  # noqa: S608
"""Who has not read what is removed learns instead that any time may have been freed."""


async def remove_freed_times(tx: Transaction) -> None:
    """Remove all of them if there are many."""
    await tx.session.execute(REMOVE, {"most": MOST_KEPT})
