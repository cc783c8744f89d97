"""What a probe finds, and how probes are run."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from msgspec import Struct

from shared.config import Settings

DEADLINE_SECONDS = 20
LATE = f"no answer within {DEADLINE_SECONDS} seconds"

Probe = Callable[[Settings], Awaitable[str]]
"""Looks into one matter and returns in a few words what is there; raises `Trouble`."""


class Trouble(Exception):
    """Something is wrong: what, in the words of whoever says so, and what to do about it."""

    def __init__(self, found: str, todo: str) -> None:
        self.found = found
        self.todo = todo
        super().__init__(found)


class Finding(Struct, frozen=True):
    """What came of one probe; `todo` is empty where nothing is to be done."""

    probe: str
    ok: bool
    found: str
    todo: str = ""

    @property
    def line(self) -> str:
        """The finding on one line."""
        return f"{'ok' if self.ok else 'WRONG':5}  {self.probe:18}  {self.found}" + (
            f" -> {self.todo}" if self.todo else ""
        )


async def look_into(config: Settings, probes: Mapping[str, Probe]) -> list[Finding]:
    """Run all probes at once and return what each finds, in their order."""
    return await asyncio.gather(*(_finding(config, name, probe) for name, probe in probes.items()))


async def _finding(config: Settings, name: str, probe: Probe) -> Finding:
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            return Finding(name, True, await probe(config))
    except Trouble as trouble:
        return Finding(name, False, trouble.found, trouble.todo)
    except TimeoutError:
        return Finding(name, False, LATE, "is it there, and does nothing on the way hold it up?")
