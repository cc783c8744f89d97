import asyncio

import structlog

from shared.backoff import Backoff
from shared.heartbeat import Heartbeats
from shared.supervision import keep_running, run_until

AT_ONCE = Backoff.of_seconds(0, 0)


class Failing:
    def __init__(self, times: int) -> None:
        self.runs = 0
        self.works = asyncio.Event()
        self._times = times

    async def run(self) -> None:
        self.runs += 1
        if self.runs <= self._times:
            raise RuntimeError("broken")
        self.works.set()
        await asyncio.Event().wait()


class Deaf:
    """Doesn't end when it is cancelled."""

    def __init__(self) -> None:
        self.release = asyncio.Event()

    async def run(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await self.release.wait()


async def test_a_failing_loop_is_started_again_until_it_works():
    loop = Failing(times=3)
    task = asyncio.create_task(keep_running("loop", loop, AT_ONCE))

    async with asyncio.timeout(10):
        await loop.works.wait()

    assert loop.runs == 4
    task.cancel()


async def test_a_failing_loop_does_not_end_the_others():
    stop, steady = asyncio.Event(), Failing(times=0)
    running = asyncio.create_task(
        run_until(
            stop,
            {"failing": Failing(times=10**9), "steady": steady},
            heartbeats=Heartbeats(),
            grace_seconds=10,
        )
    )
    async with asyncio.timeout(10):
        await steady.works.wait()
        stop.set()
        assert await running == []
    assert steady.runs == 1


async def test_stopping_names_the_loops_that_do_not_end_and_leaves_them_behind():
    stop, deaf, steady = asyncio.Event(), Deaf(), Failing(times=0)
    loops = {"deaf": deaf, "steady": steady}
    running = asyncio.create_task(run_until(stop, loops, heartbeats=Heartbeats(), grace_seconds=0.05))
    async with asyncio.timeout(10):
        await steady.works.wait()
        stop.set()
        assert await running == ["deaf"]
    deaf.release.set()


class WithoutDatabase:
    """Fails like a loop whose database is away."""

    def __init__(self, times: int) -> None:
        self.failed = asyncio.Event()
        self._left = times

    async def run(self) -> None:
        self._left -= 1
        if self._left == 0:
            self.failed.set()
            await asyncio.Event().wait()
        raise ConnectionRefusedError(111, "Connection refused")


async def test_an_outage_is_one_line_however_often_it_is_tried():
    loop = WithoutDatabase(times=20)
    with structlog.testing.capture_logs() as lines:
        task = asyncio.create_task(keep_running("follow_ups", loop, AT_ONCE))
        async with asyncio.timeout(10):
            await loop.failed.wait()
        task.cancel()
    assert lines == [
        {
            "event": "loop_waits",
            "loop": "follow_ups",
            "reason": "ConnectionRefusedError: [Errno 111] Connection refused",
            "log_level": "warning",
        }
    ]
