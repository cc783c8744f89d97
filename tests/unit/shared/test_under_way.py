"""Computing while the database answers."""

import asyncio

import pytest

from shared.under_way import under_way


class Database:
    """Answers when it is told to, and notes whether anybody still waits for that."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.given_up = False
        self.ready = asyncio.Event()

    async def answer(self) -> str:
        """Return an answer, once it is ready."""
        self.asked.set()
        try:
            await self.ready.wait()
        except asyncio.CancelledError:
            self.given_up = True
            raise
        return "answer"


async def test_the_question_is_asked_before_and_answered_after_the_block():
    database = Database()
    async with under_way(database.answer()) as asked:
        assert database.asked.is_set()
        assert not asked.done()
        database.ready.set()
    assert asked.result() == "answer"


async def test_a_question_that_fails_raises_its_own_error():
    async def failing() -> None:
        raise ConnectionError("away")

    with pytest.raises(ConnectionError, match="away"):
        async with under_way(failing()):
            pass


async def test_nobody_waits_for_the_answer_where_the_block_fails():
    database = Database()
    with pytest.raises(ValueError, match="wrong"):
        async with under_way(database.answer()):
            raise ValueError("wrong")
    assert database.given_up


async def test_who_is_cancelled_takes_the_question_along():
    database = Database()

    async def page() -> None:
        async with under_way(database.answer()):
            pass

    task = asyncio.create_task(page())
    await database.asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert database.given_up
