"""Statements that many run at the same moment: each gets its own row, or its own error."""

import asyncio

import asyncpg
from sqlalchemy import URL

from shared.direct_connection import DatabaseUnreachable, DirectPool
from shared.run_together import MOST_AT_ONCE

DIVIDED = "SELECT 12 / $1::int AS quotient, txid_current() AS transaction"


async def test_each_gets_its_own_row_and_few_transactions_do(statements: DirectPool):
    numbers = [1, 2, 3, 4, 6, 12] * MOST_AT_ONCE
    rows = await asyncio.gather(*(statements.fetch_together(DIVIDED, number) for number in numbers))
    assert [row["quotient"] for row in rows] == [12 // number for number in numbers]
    assert len({row["transaction"] for row in rows}) == len(numbers) / MOST_AT_ONCE


async def test_one_that_fails_fails_nobody_else(statements: DirectPool):
    asked = (statements.fetch_together(DIVIDED, number) for number in (3, 0, 4))
    first, wrong, last = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(first, asyncpg.Record)
    assert isinstance(last, asyncpg.Record)
    assert (first["quotient"], last["quotient"]) == (4, 3)
    assert isinstance(wrong, asyncpg.DivisionByZeroError)


async def test_who_has_gone_holds_nobody_up(statements: DirectPool):
    gone, stays = (asyncio.ensure_future(statements.fetch_together(DIVIDED, number)) for number in (3, 4))
    await asyncio.sleep(0)
    gone.cancel()
    assert (await stays)["quotient"] == 3
    assert (await statements.fetch_together(DIVIDED, 6))["quotient"] == 2


async def test_no_server_fails_all_of_them(database: URL):
    nowhere = database.set(query={}, host="127.0.0.1", port=1)
    statements = DirectPool(nowhere, application_name="test", size=1)
    asked = (statements.fetch_together(DIVIDED, number) for number in (1, 2))
    failed = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(error) for error in failed] == [DatabaseUnreachable] * 2
