"""Ids after a restore: what was given out since the restored state must not be given out again."""

from sqlalchemy import text

from services.errors import DomainError
from services.models import SCHEMA
from services.work import Work

_LEFT = text("""
    SELECT min(max_value - coalesce(last_value, 0)) FROM pg_sequences WHERE schemaname = :schema
""")
_SKIP = text("""
    SELECT sequencename AS name,
           setval(format('%I.%I', schemaname, sequencename)::regclass, coalesce(last_value, 0) + :count)
               AS last
    FROM pg_sequences WHERE schemaname = :schema ORDER BY sequencename
""")


class NotEnoughIds(DomainError):
    """So many ids are not left, %(left)s are."""


async def skip_ids(work: Work, count: int) -> dict[str, int]:
    """Leave out the next `count` ids of every table, those of events among them.

    An id is also the key of the events about its e-mail or call: given out twice, it would tell their readers
    about two different things.

    Returns:
        The last id left out, by sequence.

    Raises:
        NotEnoughIds: a table would run out of them.
    """
    async with work.transaction() as tx:
        left = await tx.session.scalar(_LEFT, {"schema": SCHEMA})
        if left is None or left <= count:
            raise NotEnoughIds(left=left or 0)
        rows = await tx.session.execute(_SKIP, {"schema": SCHEMA, "count": count})
        return {row.name: row.last for row in rows}
