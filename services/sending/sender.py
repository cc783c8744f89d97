"""The Email Queue Manager of one worker: claims due e-mails, keeps the lanes busy, sweeps what is over."""

import asyncio
import random
from contextlib import suppress
from dataclasses import asdict
from datetime import timedelta

import structlog

from services.hints import EMAIL_QUEUE, EMAILS, OUTBOX
from services.sending.deliveries import release
from services.sending.inbox import Inbox
from services.sending.lane import Jitter, Lane, LaneTeam
from services.sending.ledger import Ledger
from services.sending.message import ReturnAddresses
from services.sending.options import SmtpOptions
from services.sending.queue import EmailQueue
from services.sending.smtp import SmtpConnection
from services.sending.verdict import Patience
from shared.backoff import Backoff
from shared.clock import Clock
from shared.config import Settings
from shared.database_errors import UNREACHABLE
from shared.direct_connection import DirectConnection
from shared.heartbeat import TURN_SECONDS, turned
from shared.notifications import Listener, Notifier
from shared.outage import Outage

CLAIMS_PER_LANE = 8
RETRY = Backoff.of_seconds(0.2, 5)
AFTER_OUTAGE_SECONDS = 5
"""When the database comes back, senders first write what they know; then leases that ended are looked at."""

HANDOVER_GRACE_SECONDS = 5
FLUSH_SECONDS = 3
GOODBYE_SECONDS = 1

log = structlog.get_logger(__name__)


class EmailSender:
    """Sends what is queued, for ever.

    Args:
        listener: its `EMAIL_QUEUE` hints wake the sender; it polls as well.
        notifier: told what changed; whoever runs the sender runs both.
        identity: this process's name for logs and `pg_stat_activity`, fresh at every start.
    """

    def __init__(
        self,
        *,
        config: Settings,
        clock: Clock,
        listener: Listener,
        notifier: Notifier,
        identity: str,
        jitter: Jitter = random.random,
    ) -> None:
        self._config = config
        self._clock = clock
        self._listener = listener
        self._notifier = notifier
        self._identity = identity
        self._lease = timedelta(seconds=config.email_lease_seconds)
        self._patience = Patience.from_settings(config)
        self._jitter = jitter
        url = config.get_direct_url()
        # A claim lost in a crash of the database is noticed at the durable write before DATA.
        claims = DirectConnection(url, application_name=f"mail queue {identity}", durable=False)
        begins, ends = (
            DirectConnection(url, application_name=f"mail {mark} {identity}") for mark in ("begins", "ends")
        )
        self._links = (claims, begins, ends)
        self._queue = EmailQueue(claims)
        self._ledger = Ledger(begins, ends, notifier, clock, self._lease)
        lanes = config.smtp_connections
        self._inbox = Inbox(clock, ReturnAddresses.from_settings(config), low=2 * lanes, ahead=lanes)
        self._batch = lanes * CLAIMS_PER_LANE
        options = SmtpOptions.from_settings(config)
        self._deadline = timedelta(seconds=options.deadline)
        connections = [SmtpConnection(options) for _ in range(lanes)]
        self._team = LaneTeam(connections)
        self._paused = False
        self._claiming: asyncio.Task[int] | None = None
        self._lanes = [self._lane(number, connection) for number, connection in enumerate(connections, 1)]

    def _lane(self, number: int, connection: SmtpConnection) -> Lane:
        return Lane(
            name=f"lane {number}",
            inbox=self._inbox,
            connection=connection,
            team=self._team,
            queue=self._queue,
            ledger=self._ledger,
            notifier=self._notifier,
            clock=self._clock,
            lease=self._lease,
            deadline=self._deadline,
            patience=self._patience,
            jitter=self._jitter,
            on_pause=self._note_pause,
        )

    async def run(self) -> None:
        """Send until cancelled. Ends within about ten seconds then, even when database or server hang."""
        turned(within=None)
        log.info("email_sender_started", identity=self._identity, lanes=len(self._lanes))
        ledger = asyncio.create_task(self._ledger.run(), name="email ledger")
        claiming = [
            asyncio.create_task(self._claim_for_ever(), name="email claims"),
            asyncio.create_task(self._sweep_for_ever(), name="email leases"),
            asyncio.create_task(self._inbox.run(), name="email inbox"),
        ]
        lanes = {asyncio.create_task(lane.run(), name="email lane"): lane for lane in self._lanes}
        tasks = [ledger, *claiming, *lanes]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await self._shut_down(ledger, claiming, lanes)
            log.info("email_sender_stopped", identity=self._identity)

    async def _claim_for_ever(self) -> None:
        subscription = self._listener.subscribe(EMAIL_QUEUE)
        failures, outage = 0, Outage("claim_waits")
        try:
            while True:
                try:
                    more = await self._claim()
                except UNREACHABLE as error:
                    failures += 1
                    outage.note(error)
                    await asyncio.sleep(RETRY.seconds(failures))
                    continue
                outage.over()
                failures = 0
                if not more:
                    turned(within=self._config.worker_poll_seconds + TURN_SECONDS, part="claims")
                    await subscription.next(self._config.worker_poll_seconds)
        finally:
            self._listener.unsubscribe(subscription)

    async def _claim(self) -> bool:
        """Claim a batch once there is room; return whether more may be due.

        A statement that is under way is not cut off: the database would carry it out, and nobody know of it.
        """
        turned(within=None, part="claims")
        await self._inbox.room()
        turned(part="claims")
        self._claiming = asyncio.create_task(self._take_batch(), name="email claim")
        return await asyncio.shield(self._claiming) == self._batch

    async def _take_batch(self) -> int:
        """Put due e-mails into the inbox, or one to probe with; return how many."""
        now = self._clock()
        claimed = await self._queue.claim(self._batch, now=now, lease_end=now + self._lease)
        if not claimed:
            claimed = await self._queue.probe(
                now=now, lease_end=now + self._lease, next_probe_at=now + self._deadline
            )
        elif self._paused:
            self._paused = False
            self._team.resume()
        for email in claimed:
            log.debug("email_claimed", **email.in_log)
            self._inbox.put(email)
        return len(claimed)

    async def _sweep_for_ever(self) -> None:
        outage = Outage("sweep_waits")
        while True:
            turned(within=self._config.worker_poll_seconds + TURN_SECONDS, part="leases")
            if self._ledger.waits_for_database:
                await asyncio.sleep(RETRY.seconds(1))
                continue
            try:
                now = self._clock()
                swept, expired = await self._queue.sweep(now=now), await self._queue.expire(now=now)
            except UNREACHABLE as error:
                outage.note(error)
                await asyncio.sleep(AFTER_OUTAGE_SECONDS)
                continue
            outage.over()
            if any(asdict(swept).values()):
                self._notifier.send({EMAIL_QUEUE, EMAILS, OUTBOX})
            if expired:
                self._notifier.send({EMAILS, OUTBOX})
            await asyncio.sleep(self._config.worker_poll_seconds)

    def _note_pause(self) -> None:
        self._paused = True
        self._return_waiting()

    def _return_waiting(self) -> None:
        for email in self._inbox.take_all():
            self._ledger.finish(release(email))

    async def _shut_down(
        self,
        ledger: asyncio.Task[None],
        claiming: list[asyncio.Task[None]],
        lanes: dict[asyncio.Task[None], Lane],
    ) -> None:
        """Give back what isn't begun, let hand-overs finish for a moment, write what is known."""
        for lane in self._lanes:
            lane.finish()
        await _end(claiming)
        if self._claiming is not None:
            await asyncio.wait([self._claiming], timeout=GOODBYE_SECONDS)
            self._claiming.cancel()
        self._return_waiting()
        await _end([task for task, lane in lanes.items() if not lane.handing_over])
        if busy := [task for task, lane in lanes.items() if lane.handing_over]:
            await asyncio.wait(busy, timeout=HANDOVER_GRACE_SECONDS)
        await _end(list(lanes))
        with suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_SECONDS):
                if not ledger.done():
                    await self._ledger.flush()
        await _end([ledger])
        for link in self._links:
            await link.close()


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=GOODBYE_SECONDS)
