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
MUCH_IS_OVER = f"""
    INSERT INTO {SCHEMA}.emails (
        therapist_id, betreff, body_html, body_text, empfaenger_email, empfaenger_name,
        absender_email, absender_name, status, queued_at, naechster_versuch_at, sent_at, message_id)
    SELECT n, 'Anfrage', '', '-', n || '@example.org', 'Roth', 'desk@example.org', 'Desk',
        (CASE WHEN waits THEN 'QUEUED' ELSE 'SENT' END)::{SCHEMA}.emailstatus, now(),
        CASE WHEN waits THEN now() END, CASE WHEN NOT waits THEN now() END, n || '@plans'
    FROM generate_series(1, 4000) AS n, LATERAL (SELECT n % 10 = 0 AS waits) AS w;
    INSERT INTO {SCHEMA}.event_outbox
        (event_id, event_type, topic, key, payload, created_at, available_at, published_at)
    SELECT gen_random_uuid(), 'email.sent', 'topic', 'email:' || n, '{{}}', now(), now(),
        CASE WHEN n % 10 > 0 THEN now() END
    FROM generate_series(1, 4000) AS n;
    ANALYZE {SCHEMA}.emails, {SCHEMA}.event_outbox
"""

READS_ALL_OF = re.compile(r"Seq Scan on (\w+)")
BY_INDEX = re.compile(r"(?:Index (?:Only )?Scan (?:Backward )?using|Bitmap Index Scan on) (\w+)")


@pytest.fixture
async def much_is_over(link: DirectConnection) -> None:
    """Else the plans would be by what earlier tests left behind for autovacuum to see, in some runs."""
    async with link.transaction() as connection:
        await connection.execute(MUCH_IS_OVER)


async def plan_of(link: DirectConnection, statement: str) -> str:
    """Return the plan that a direct connection makes, knowing no values."""
    values = ", ".join(["NULL"] * max(int(number) for number in re.findall(r"\$(\d+)", statement)))
    async with link.transaction() as connection:
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
@pytest.mark.usefixtures("much_is_over")
async def test_what_is_over_is_not_looked_at(link: DirectConnection, statement: str, indexes: set[str]):
    plan = await plan_of(link, statement)
    assert indexes <= set(BY_INDEX.findall(plan)), plan
