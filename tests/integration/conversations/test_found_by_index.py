"""Settling a conversation and taking that back find their rows by indexes, and all of them after a wait."""

import asyncio
import re

from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from services.calls.locking import found_by_any
from services.conversations.settling import settle
from services.conversations.undo import undo_settlement
from services.models import SCHEMA, OutcomeKind, PhoneCall
from shared.database import SessionFactory
from tests.eventually import eventually
from tests.integration.conversations.test_settling import (
    LEAD,
    OTHER,
    THIRD,
    a_conversation,
    anna,
    said,
    waits,
)
from tests.statements import noting

MANY = f"""
    INSERT INTO {SCHEMA}.emails (therapist_id, status, sent_at, message_id, betreff, body_html, body_text,
        empfaenger_email, empfaenger_name, absender_email, absender_name)
    SELECT 1 + n % 500, 'SENT', now(), n, 'Anfrage', '', '', 'a@b.example', 'A', 'c@d.example', 'C'
    FROM generate_series(1, 20000) AS n;
    INSERT INTO {SCHEMA}.phone_calls (id, therapist_id, geplantes_datum, geplante_zeit, status, email_id)
    SELECT 1000 + id, therapist_id, date '2026-10-14' - id % 200, time '10:00', 'failed', id
    FROM {SCHEMA}.emails;
    ANALYZE {SCHEMA}.emails, {SCHEMA}.phone_calls, {SCHEMA}.anruf_emails
"""
READS_ALL = re.compile(r"Seq Scan on (?:emails|phone_calls|anruf_emails)\b")


async def plan_of(session: AsyncSession, statement: str) -> str:
    arguments = max(map(int, re.findall(r"\$(\d+)", statement)), default=0)
    given = f"({', '.join(['NULL'] * arguments)})" if arguments else ""
    await session.execute(text("PREPARE planned AS " + statement.replace(":", r"\:")))
    plan = "\n".join(await session.scalars(text(f"EXPLAIN EXECUTE planned{given}")))
    await session.execute(text("DEALLOCATE planned"))
    return plan


async def test_no_statement_reads_all_there_is(session: AsyncSession, engine: AsyncEngine):
    emails = await a_conversation(session)
    noted: list[str] = []
    with noting(engine, noted.append):
        await settle(anna(session), LEAD, said(OutcomeKind.REACHED, answered=emails), version=1)
        await undo_settlement(anna(session), LEAD)
    asked = [one for one in dict.fromkeys(noted) if re.match(r"(SELECT|UPDATE|DELETE|WITH)\b", one)]
    assert sum("FOR UPDATE" in one for one in asked) > 1
    async with session.begin() as transaction:
        for statement in MANY.split(";"):
            await session.execute(text(statement.replace(":", r"\:")))
        await session.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
        plans = {statement: await plan_of(session, statement) for statement in asked}
        await transaction.rollback()
    assert [plan for plan in plans.items() if READS_ALL.search(plan[1])] == []


async def test_whoever_waits_for_rows_of_several_conditions_gets_them_all(
    session: AsyncSession, sessions: SessionFactory
):
    await a_conversation(session)
    found = found_by_any(PhoneCall.id, PhoneCall.id == OTHER, PhoneCall.therapist_id == 1)
    query = select(PhoneCall.id).where(found).order_by(PhoneCall.id).with_for_update()
    async with sessions() as first, sessions() as second:
        await first.execute(update(PhoneCall).values(version=PhoneCall.version + 1))
        for slow in ("hashjoin", "mergejoin", "seqscan"):
            await second.execute(text(f"SET LOCAL enable_{slow} = off"))
        locked = asyncio.create_task(second.scalars(query))
        await eventually(lambda: waits(session))
        await first.commit()
        assert (await locked).all() == [LEAD, OTHER, THIRD]
