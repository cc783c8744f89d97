"""What the lanes of one worker know together about the mail server."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress

from services.mail_transport import SmtpConnection


class LaneTeam:
    """Tells trouble with one e-mail or one connection from trouble with the mail server.

    Args:
        connections: those of all lanes.
    """

    def __init__(self, connections: Iterable[SmtpConnection]) -> None:
        self._connections = list(connections)
        self._failed_in: set[int] = set()
        self._resumed = asyncio.Event()

    def others_stand(self, own: SmtpConnection) -> bool:
        """Say whether another lane has a connection the mail server has let in."""
        return any(other.stands for other in self._connections if other is not own)

    def accepted(self) -> None:
        """Note that the mail server has taken an e-mail."""
        self._failed_in.clear()

    def failed_in(self, email_id: int) -> bool:
        """Note that a connection failed with an e-mail under way; say whether it is not the first such one.

        Only e-mails since the last accepted one count.
        """
        self._failed_in.add(email_id)
        return len(self._failed_in) > 1

    async def rest(self, seconds: float) -> None:
        """Wait, but no longer than until sending is resumed after a pause."""
        resumed = self._resumed
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await resumed.wait()

    def resume(self) -> None:
        """End the rest of every lane."""
        self._resumed.set()
        self._resumed = asyncio.Event()
