"""Removes what was written down of freed times, so that nobody misses any of it."""

from sqlalchemy import text

from services.models import SCHEMA
from services.work import Transaction

MOST_KEPT = 1_000

REMOVE = text(f"""
    WITH removed AS (
        DELETE FROM {SCHEMA}.frei_geworden
        WHERE (SELECT count(*) FROM {SCHEMA}.frei_geworden) > :most
            OR xid >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint
        RETURNING xid
    )
    INSERT INTO {SCHEMA}.frei_geworden (zeit) SELECT '(,)' FROM removed LIMIT 1
""")  # noqa: S608
"""Who has not read what is removed learns instead that any time may have been freed."""


async def remove_freed_times(tx: Transaction) -> None:
    """Remove all if there are many, and those of another server's transactions, which a dump has brought.

    No snapshot of this server would ever know of those, so they would seem to be freed again and again.
    """
    await tx.session.execute(REMOVE, {"most": MOST_KEPT})
