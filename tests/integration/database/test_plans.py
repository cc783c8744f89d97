"""What runs with each e-mail and event finds its rows by index, so that it costs the same in a full table."""

import re

import pytest

from services.emails.insert import INSERT
from services.events.due import DUE, PRUNE, PUBLISHED, REFUSED
from services.models import SCHEMA
from services.sending.ledger import BEGIN, FINISH
from services.sending.queue import CLAIM, EXPIRE, PROBE, SWEEP
from shared.direct_connection import DirectConnection

ONE_ROW = "mail_queue_state"
FORGET_SIZES = f"TRUNCATE {SCHEMA}.emails, {SCHEMA}.event_outbox CASCADE"
"""What earlier tests left behind would be known, from autovacuum, in some runs and not in others."""

READS_ALL_OF = re.compile(r"Seq Scan on (\w+)")
BY_INDEX = re.compile(r"(?:Index (?:Only )?Scan (?:Backward )?using|Bitmap Index Scan on) (\w+)")


async def plan_of(link: DirectConnection, statement: str) -> str:
    """Return the plan that a direct connection makes, knowing neither values nor sizes of tables."""
    values = ", ".join(["NULL"] * max(int(number) for number in re.findall(r"\$(\d+)", statement)))
    async with link.transaction() as connection:
        await connection.execute(FORGET_SIZES)
        await connection.execute(f"PREPARE planned AS {statement}")
        rows = await connection.fetch(f"EXPLAIN EXECUTE planned({values})")
        await connection.execute("DEALLOCATE planned")
    return "\n".join(row[0] for row in rows)


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(statement, id=name)
        for name, statement in {
            "store an e-mail": INSERT,
            "claim": CLAIM,
            "probe": PROBE,
            "before DATA": BEGIN,
            "after a delivery": FINISH,
            "leases that ended": SWEEP,
            "time that is over": EXPIRE,
            "events due": DUE,
            "events published": PUBLISHED,
            "an event refused": REFUSED,
            "old events": PRUNE,
        }.items()
    ],
)
async def test_no_table_is_read_as_a_whole(link: DirectConnection, statement: str):
    plan = await plan_of(link, statement)
    assert set(READS_ALL_OF.findall(plan)) <= {ONE_ROW}, plan


@pytest.mark.parametrize(
    ("statement", "indexes"),
    [
        (CLAIM, {"ix_emails_claim"}),
        (DUE, {"ix_event_outbox_waiting", "ix_event_outbox_waiting_key"}),
        (PUBLISHED, {"pk_event_outbox"}),
        (PRUNE, {"ix_event_outbox_published_at"}),
    ],
    ids=["claim", "events due", "events published", "old events"],
)
async def test_what_is_over_is_not_looked_at(link: DirectConnection, statement: str, indexes: set[str]):
    plan = await plan_of(link, statement)
    assert indexes <= set(BY_INDEX.findall(plan)), plan
