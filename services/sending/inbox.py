"""What a sender has claimed: first waiting, then built into a message and ready for the next free lane.

Messages are built while the lanes wait for the mail server and for the durable mark, a few ahead and no
more, so that the processor is never idle and no claimed batch holds anybody up.
"""

import asyncio
from dataclasses import dataclass

from services.sending.deliveries import ClaimedEmail
from services.sending.message import OutgoingMessage, ReturnAddresses, UnbuildableMessage, build_message
from shared.clock import Clock
from shared.heartbeat import turned

BIG_BODY = 100_000
"""Building a message of this many characters would hold up the event loop."""


@dataclass(frozen=True, slots=True)
class ReadyEmail:
    """A claimed e-mail and its message, or why none can be made of it."""

    email: ClaimedEmail
    message: OutgoingMessage | UnbuildableMessage


class Inbox:
    """Claimed e-mails on their way to the lanes.

    Args:
        returns: where reports and answers go.
        low: with at most this many waiting there is room for another batch.
        ahead: how many messages are built before a lane asks for them.
    """

    def __init__(self, clock: Clock, returns: ReturnAddresses, *, low: int, ahead: int) -> None:
        self._clock = clock
        self._returns = returns
        self._low = low
        self._waiting: asyncio.Queue[ClaimedEmail] = asyncio.Queue()
        self._ready: asyncio.Queue[ReadyEmail] = asyncio.Queue(ahead)
        self._room = asyncio.Event()
        self._room.set()

    def put(self, email: ClaimedEmail) -> None:
        """Add a claimed e-mail."""
        self._waiting.put_nowait(email)
        if self._waiting.qsize() > self._low:
            self._room.clear()

    async def room(self) -> None:
        """Wait until there is room for another batch."""
        await self._room.wait()

    async def take(self) -> ReadyEmail:
        """Wait for an e-mail that is ready and return it."""
        return await self._ready.get()

    def take_ready(self) -> ReadyEmail | None:
        """Return an e-mail that is ready, None where there is none yet."""
        return None if self._ready.empty() else self._ready.get_nowait()

    def take_all(self) -> list[ClaimedEmail]:
        """Return all that no lane has taken, but for one whose message is being built right now."""
        self._room.set()
        ready = [self._ready.get_nowait().email for _ in range(self._ready.qsize())]
        return ready + [self._waiting.get_nowait() for _ in range(self._waiting.qsize())]

    async def run(self) -> None:
        """Build messages until cancelled; what is in hand then waits again."""
        while True:
            turned(within=None, part="messages")
            email = await self._waiting.get()
            if self._waiting.qsize() <= self._low:
                self._room.set()
            try:
                turned(part="messages")
                ready = ReadyEmail(email, await self._build(email))
                turned(within=None, part="messages")
                await self._ready.put(ready)
            except asyncio.CancelledError:
                self._waiting.put_nowait(email)
                raise

    async def _build(self, email: ClaimedEmail) -> OutgoingMessage | UnbuildableMessage:
        now, way_back = self._clock(), self._returns.of(email.id)
        try:
            if len(email.body_html) + len(email.body_text) > BIG_BODY:
                return await asyncio.to_thread(build_message, email, date=now, way_back=way_back)
            return build_message(email, date=now, way_back=way_back)
        except UnbuildableMessage as error:
            return error
