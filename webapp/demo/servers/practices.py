"""The practices of the demo: what they answer comes into the embedded mailbox a little later."""

import asyncio
from datetime import UTC, datetime

from webapp.demo.sample.answers import PracticeAnswer, answer_of
from webapp.demo.servers.imap import EmbeddedMailbox


class Practices:
    """Answer the mails they get; what they have not answered when they are stopped, they never do."""

    def __init__(self, mailbox: EmbeddedMailbox) -> None:
        self._mailbox = mailbox
        self._answering: set[asyncio.Task[None]] = set()

    def receive(self, sender: str, recipients: list[str], mail: bytes) -> None:
        """Take note of a mail as the mail server got it."""
        for recipient in recipients:
            answer = answer_of(recipient, sender, mail, datetime.now(UTC))
            if answer is not None:
                task = asyncio.create_task(self._answer(answer))
                self._answering.add(task)
                task.add_done_callback(self._answering.discard)

    def stop(self) -> None:
        """Answer no more."""
        for task in self._answering:
            task.cancel()

    async def _answer(self, answer: PracticeAnswer) -> None:
        await asyncio.sleep(answer.after.total_seconds())
        await self._mailbox.deliver(answer.message)
