import asyncio

from shared.backoff import Backoff
from shared.heartbeat import TURN_SECONDS, Heartbeats, carry, turned
from shared.supervision import keep_running, take_turns


class Stopwatch:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Turns:
    """A loop whose second turn does not come to an end."""

    def __init__(self) -> None:
        self.hangs = asyncio.Event()
        self._turns = 0

    async def run(self) -> None:
        await take_turns(self.turn, rest_seconds=0)

    async def turn(self) -> None:
        self._turns += 1
        if self._turns == 2:
            self.hangs.set()
            await asyncio.Event().wait()


class Failing:
    def __init__(self) -> None:
        self.failed = asyncio.Event()

    async def run(self) -> None:
        self.failed.set()
        raise RuntimeError("broken")


def test_a_loop_is_late_once_its_next_turn_is_overdue():
    watch = Stopwatch()
    heartbeats = Heartbeats(watch)
    heartbeats.of("reader").turn(within=10)
    watch.seconds = 10
    assert heartbeats.hung() == []
    watch.seconds = 10.1
    assert heartbeats.hung() == ["reader"]
    heartbeats.of("reader").turn(within=10)
    assert heartbeats.hung() == []


def test_who_waits_for_work_is_never_late():
    watch = Stopwatch()
    heartbeats = Heartbeats(watch)
    heartbeats.of("sender").turn(within=None)
    watch.seconds = 1e9
    assert heartbeats.hung() == []
    assert heartbeats.ages() == {"sender": 1e9}


def test_a_part_that_hangs_is_named_while_the_others_turn():
    watch = Stopwatch()
    heartbeats = Heartbeats(watch)
    sender = heartbeats.of("sender")
    sender.turn(within=10, part="lane 1")
    sender.turn(within=10, part="lane 2")
    watch.seconds = 9
    sender.turn(within=10, part="lane 1")
    watch.seconds = 11
    assert heartbeats.hung() == ["sender: lane 2"]
    sender.begin(within=10)
    assert heartbeats.hung() == []


def test_outside_of_a_loop_a_turn_is_nobodys():
    carry(None)
    turned()


async def test_a_loop_that_hangs_is_seen_and_its_supervisor_does_not_hide_it():
    watch, loop = Stopwatch(), Turns()
    heartbeats = Heartbeats(watch)
    running = asyncio.create_task(keep_running("turns", loop, pulse=heartbeats.of("turns")))
    async with asyncio.timeout(10):
        await loop.hangs.wait()
    assert heartbeats.hung() == []
    watch.seconds = TURN_SECONDS + 1
    assert heartbeats.hung() == ["turns"]
    running.cancel()


async def test_a_loop_that_fails_and_is_going_to_be_started_again_does_not_hang():
    watch, loop = Stopwatch(), Failing()
    heartbeats = Heartbeats(watch)
    rest = Backoff.of_seconds(1000, 1000)
    running = asyncio.create_task(keep_running("failing", loop, rest, pulse=heartbeats.of("failing")))
    async with asyncio.timeout(10):
        await loop.failed.wait()
    await asyncio.sleep(0)
    watch.seconds = 1000
    assert heartbeats.hung() == []
    running.cancel()
