"""LISTEN/NOTIFY: hints that something changed. A lost hint costs a poll interval, never data."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress

from sqlalchemy import URL

from shared.backoff import Backoff
from shared.database_errors import UNREACHABLE
from shared.heartbeat import turned
from shared.outage import Outage
from shared.postgresql import Connection, connect, leave

CHANNEL = "communication_service"
OWN = "own:"
"""Stands before a subject where one's own doing is all that is hinted at."""

QUERY_SECONDS = 5
APART_SECONDS = 0.02
HEALTH_CHECK_SECONDS = 10
RECONNECT = Backoff.of_seconds(0.2, 5)


def hint_of(subject: str, origin: str) -> str:
    """Return a hint that says who is behind it: `calls@12ab`, or nobody in particular."""
    return f"{subject}@{origin}" if origin else subject


class Notifier:
    """Sends hints outside of any transaction, on a connection of its own.

    NOTIFY takes a lock on the whole cluster at commit and wakes every listener, so hints that arrive while
    one is under way or shortly after it go out together, each subject once.
    """

    def __init__(self, url: URL) -> None:
        self._url = url
        self._pending: set[str] = set()
        self._wanted = asyncio.Event()

    def send(self, subjects: Iterable[str]) -> None:
        """Queue hints and return at once."""
        self._pending.update(subjects)
        if self._pending:
            self._wanted.set()

    async def run(self) -> None:
        """Send hints until cancelled; hints that can't be sent are dropped, for listeners also poll."""
        connection: Connection = None
        outage = Outage("hints_not_sent")
        try:
            while True:
                turned(within=None)
                await self._wanted.wait()
                turned()
                self._wanted.clear()
                subjects, self._pending = sorted(self._pending), set()
                try:
                    if connection is None or connection.is_closed():
                        connection = await _connect(self._url)
                    await connection.execute(
                        "SELECT pg_notify($1, subject) FROM unnest($2::text[]) AS subject", CHANNEL, subjects
                    )
                    outage.over()
                    await asyncio.sleep(APART_SECONDS)
                except UNREACHABLE as error:
                    outage.note(error)
                    await leave(connection)
                    connection = None
        finally:
            await leave(connection)


class Subscription:
    """The hints for some subjects, merged until they are fetched; once `ended`, no more come.

    Those that come from `own` are told apart: their subjects begin with `OWN`.
    """

    def __init__(self, subjects: frozenset[str], own: str = "") -> None:
        self.subjects = subjects
        self._own = own
        self.ended = False
        self._pending: set[str] = set()
        self._arrived = asyncio.Event()

    def push(self, subjects: Iterable[str]) -> None:
        """Add hints this subscription asked for."""
        wanted = self.subjects.intersection(subjects)
        if wanted:
            self._pending |= wanted
            self._arrived.set()

    def hear(self, hint: str) -> None:
        """Add what `hint_of` has made, if this subscription asked for it."""
        subject, _, origin = hint.partition("@")
        if subject in self.subjects and origin and origin == self._own:
            self._pending.add(OWN + subject)
            self._arrived.set()
        else:
            self.push([subject])

    def end(self) -> None:
        """Let whoever waits go on at once, for the last time."""
        self.ended = True
        self._arrived.set()

    async def next(self, timeout: float) -> frozenset[str]:
        """Return the hints that arrived, waiting at most `timeout` seconds; empty when none did."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._arrived.wait()
        self._arrived.clear()
        pending, self._pending = frozenset(self._pending), set()
        return pending


class Listener:
    """Receives hints on a connection of its own and hands them to subscriptions.

    After every (re)connect all subscriptions get all their subjects, so that each sweeps for what it missed
    while nobody listened; LISTEN comes first, so nothing falls between.
    """

    def __init__(self, url: URL) -> None:
        self._url = url
        self._subscriptions: set[Subscription] = set()
        self._stopping = False
        self._outage = Outage("listener_lost")

    def subscribe(self, *subjects: str, own: str = "") -> Subscription:
        """Return a subscription to `subjects`; `own` is the origin of hints to tell apart."""
        subscription = Subscription(frozenset(subjects), own)
        self._subscriptions.add(subscription)
        if self._stopping:
            subscription.end()
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Stop feeding a subscription."""
        self._subscriptions.discard(subscription)

    def end(self) -> None:
        """End every subscription, and those to come: the process is about to stop."""
        self._stopping = True
        for subscription in self._subscriptions:
            subscription.end()

    async def run(self) -> None:
        """Listen until cancelled, reconnecting for ever with a capped back-off."""
        failures = 0
        while True:
            turned()
            try:
                await self._listen()
            except UNREACHABLE as error:
                failures += 1
                self._outage.note(error)
                await asyncio.sleep(RECONNECT.seconds(failures))
            else:
                failures = 0

    async def _listen(self) -> None:
        """Serve one connection; return normally when it had worked and was then lost."""
        connection = await _connect(self._url)
        lost = asyncio.Event()
        try:
            connection.add_termination_listener(self._ended(lost))
            await connection.add_listener(CHANNEL, self._received)
            self._outage.over()
            for subscription in self._subscriptions:
                subscription.push(subscription.subjects)
            while not lost.is_set():
                turned()
                with suppress(TimeoutError):
                    async with asyncio.timeout(HEALTH_CHECK_SECONDS):
                        await lost.wait()
                if not lost.is_set():
                    await connection.fetchval("SELECT 1")
        finally:
            await leave(connection)

    @staticmethod
    def _ended(lost: asyncio.Event) -> Callable[[object], None]:
        return lambda _connection: lost.set()

    def _received(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        for subscription in self._subscriptions:
            subscription.hear(str(payload))


async def _connect(url: URL) -> Connection:
    return await connect(url, application_name="calldesk-hints", command_seconds=QUERY_SECONDS)
