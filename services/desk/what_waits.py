"""What every page says beside what it is about: how many messages wait, and which calls back are due."""

from dataclasses import dataclass

from services.desk.due_call_backs import DueCallBacks, read_due_call_backs
from services.desk.inbox import read_waiting
from services.work import Work


@dataclass(frozen=True, slots=True)
class WhatWaits:
    """The messages of the inbox that wait for somebody, and one's own calls back."""

    messages: int
    due: DueCallBacks


async def load_what_waits(work: Work) -> WhatWaits:
    """Return what waits for whoever does this."""
    async with work.transaction() as tx:
        return WhatWaits(await read_waiting(tx), await read_due_call_backs(tx))
