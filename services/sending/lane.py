"""One sender: takes claimed e-mails one after the other over one SMTP connection and settles each."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from time import perf_counter

import structlog

from services import measures
from services.hints import EMAIL_QUEUE
from services.models import AttemptOutcome, AttemptStage, Ending
from services.sending.deliveries import Attempt, ClaimedEmail, conclude, release
from services.sending.inbox import Inbox, ReadyEmail
from services.sending.ledger import Ledger
from services.sending.message import OutgoingMessage, UnbuildableMessage
from services.sending.queue import EmailQueue
from services.sending.smtp import SmtpConnection
from services.sending.verdict import (
    SESSION_STAGES,
    DeliveryResult,
    Patience,
    Verdict,
    judge,
    weigh,
)
from shared import tracing
from shared.clock import Clock
from shared.database_errors import UNREACHABLE
from shared.heartbeat import TURN_SECONDS, turned
from shared.notifications import Notifier
from shared.reasons import reason_of

IDLE_SECONDS = 30

ANSWERED_FOR_DOMAIN = frozenset(
    {AttemptStage.RCPT, AttemptStage.DATA, AttemptStage.BODY, AttemptStage.ACCEPTED}
)

LATELY = timedelta(seconds=10)
"""A mail server that took an e-mail within this time and refuses a connection has enough of them."""

Jitter = Callable[[], float]
"""Answers a random number in [0, 1)."""

log = structlog.get_logger(__name__)


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


class Lane:
    """Delivers from the shared inbox until cancelled or told to finish.

    Args:
        name: of this part of the sender.
        deadline: the longest a delivery takes; a claim whose lease ends sooner is given back.
        on_pause: called when a verdict paused the queue, so that waiting claims can go back.
    """

    def __init__(
        self,
        *,
        name: str,
        inbox: Inbox,
        connection: SmtpConnection,
        team: LaneTeam,
        queue: EmailQueue,
        ledger: Ledger,
        notifier: Notifier,
        clock: Clock,
        lease: timedelta,
        deadline: timedelta,
        patience: Patience,
        jitter: Jitter,
        on_pause: Callable[[], None],
    ) -> None:
        self._name = name
        self._inbox = inbox
        self._connection = connection
        self._team = team
        self._queue = queue
        self._ledger = ledger
        self._notifier = notifier
        self._clock = clock
        self._lease = lease
        self._deadline = deadline
        self._patience = patience
        self._jitter = jitter
        self._on_pause = on_pause
        self._turned_away = 0
        self._rest_seconds = 0.0
        self._finishing = False
        self.handing_over = False
        """Whether the server may be about to accept a message."""

    def finish(self) -> None:
        """Take no further e-mail: `run` ends once the one in hand is settled."""
        self._finishing = True

    async def run(self) -> None:
        """Deliver until cancelled, or finished; it can be run again then."""
        self._finishing = False
        try:
            while not self._finishing:
                turned(within=None, part=self._name)
                ready = await self._next()
                turned(within=self._deadline.total_seconds() + TURN_SECONDS, part=self._name)
                if isinstance(ready.message, UnbuildableMessage):
                    result = DeliveryResult(AttemptStage.CONNECT, Ending.UNBUILDABLE, text=str(ready.message))
                    self._settle(ready.email, result, judge(result), self._clock())
                elif self._clock() + self._deadline > ready.email.lease_end:
                    self._ledger.finish(release(ready.email))
                else:
                    await self._deliver(ready.email, ready.message)
                    await self._rest()
        finally:
            self._connection.drop()

    async def _next(self) -> ReadyEmail:
        """Return the next e-mail; an idle connection is closed rather than kept from others."""
        if (ready := self._inbox.take_ready()) is not None:
            return ready
        if self._connection.is_open:
            try:
                async with asyncio.timeout(IDLE_SECONDS):
                    return await self._inbox.take()
            except TimeoutError:
                await self._connection.close()
        return await self._inbox.take()

    async def _rest(self) -> None:
        """Leave the mail server to the other lanes for a while if it has turned this one away."""
        seconds, self._rest_seconds = self._rest_seconds, 0.0
        if seconds:
            turned(within=seconds + TURN_SECONDS, part=self._name)
            await self._team.rest(seconds)

    async def _deliver(self, email: ClaimedEmail, message: OutgoingMessage) -> None:
        begun, started = self._clock(), perf_counter()
        try:
            result = await self._connection.deliver(message, lambda: self._permit(email))
            measures.smtp_seconds.observe(perf_counter() - started)
        except asyncio.CancelledError:
            result = self._interrupted()
            self._settle(email, result, judge(result), begun)
            raise
        except Exception:
            # One message must never take the lane down; the connection may be in any state now.
            log.exception("delivery_crashed", **email.in_log)
            result = DeliveryResult(self._connection.stage, Ending.CRASHED)
            self._connection.drop()
        finally:
            self.handing_over = False
        verdict, held = judge(result), False
        try:
            if result.ending is Ending.ABANDONED and (held := await self._queue.is_held()):
                self._on_pause()
            if verdict.refused:
                verdict = weigh(verdict, await self._queue.note_refusal(email, now=self._clock()))
            await self._heed(email, result, verdict)
        except UNREACHABLE as error:
            log.warning("verdict_not_shared", **email.in_log, reason=reason_of(error))
        finally:
            if held:
                self._ledger.finish(release(email))
            else:
                self._settle(email, result, verdict, begun)

    async def _permit(self, email: ClaimedEmail) -> bool:
        asked = self._clock()
        ours = await self._ledger.begin(email)
        # The lease counts from the write; a process that was frozen since then must not go on.
        self.handing_over = ours and self._clock() < asked + self._lease
        return self.handing_over

    def _interrupted(self) -> DeliveryResult:
        stage = self._connection.stage
        return DeliveryResult(stage, Ending.WORKER_ENDED if stage is AttemptStage.BODY else Ending.ABANDONED)

    async def _heed(self, email: ClaimedEmail, result: DeliveryResult, verdict: Verdict) -> None:
        """Share what the result says about the server or the domain with all senders."""
        got_through = result.stage not in SESSION_STAGES and result.ending is not Ending.ABANDONED
        if verdict.outcome is AttemptOutcome.SENT:
            self._team.accepted()
        if got_through:
            self._turned_away = 0
        probing = email.queue_failures > 0
        if verdict.pause_queue or (verdict.suspect and (self._team.failed_in(email.id) or probing)):
            await self._pause(email, result)
        elif probing and got_through:
            await self._resume(email)
        await self._heed_domain(email, result, verdict)

    async def _pause(self, email: ClaimedEmail, result: DeliveryResult) -> None:
        """Pause sending for all; where only this lane's connection is one too many, rest instead."""
        now = self._clock()
        if result.stage is AttemptStage.CONNECT and await self._others_get_in(now):
            self._turned_away += 1
            rest = self._patience.pause.wait(self._turned_away, self._jitter())
            self._rest_seconds = rest.total_seconds()
            log.info("lane_turned_away", seconds=self._rest_seconds)
            if email.queue_failures:
                await self._resume(email)
            return
        self._on_pause()
        wait = self._patience.pause.wait(email.queue_failures + 1, self._jitter())
        if await self._queue.pause(email.queue_failures, until=now + wait, reason=result.words):
            # Later than the login, a server's words may name the recipient.
            reason = result.words if result.stage in SESSION_STAGES else result.code
            log.warning("queue_paused", seconds=wait.total_seconds(), stage=result.stage.value, reason=reason)

    async def _resume(self, email: ClaimedEmail) -> None:
        if await self._queue.resume(email.queue_failures):
            log.info("queue_resumed")
            self._notifier.send({EMAIL_QUEUE})

    async def _others_get_in(self, now: datetime) -> bool:
        return self._team.others_stand(self._connection) or await self._queue.accepted_since(now - LATELY)

    async def _heed_domain(self, email: ClaimedEmail, result: DeliveryResult, verdict: Verdict) -> None:
        if verdict.slow_domain:
            wait = self._patience.domain.wait(email.domain_failures + 1, self._jitter())
            await self._queue.slow_down(email.domain, email.domain_failures, until=self._clock() + wait)
        elif email.domain_failures and result.ending is Ending.REPLY and result.stage in ANSWERED_FOR_DOMAIN:
            await self._queue.speed_up(email.domain, email.domain_failures)

    def _settle(self, email: ClaimedEmail, result: DeliveryResult, verdict: Verdict, begun: datetime) -> None:
        plan, now = self._patience.retry, self._clock()
        entry = conclude(email, result, verdict, plan, begun=begun, now=now, jitter=self._jitter())
        if entry.attempt is not None:
            measures.email_attempts.labels(entry.attempt.outcome.value, result.stage.value).inc()
        if entry.sent_at is not None:
            measures.accepted_to_sent_seconds.observe((entry.sent_at - email.queued_at).total_seconds())
        log.info(
            "email_attempt",
            **email.in_log,
            stage=result.stage.value,
            code=result.code,
            status=entry.status.value,
        )
        if entry.attempt is not None:
            _trace(email, entry.attempt)
        self._ledger.finish(entry)


def _trace(email: ClaimedEmail, attempt: Attempt) -> None:
    tracing.record(
        "deliver email",
        tracing.Kind.CLIENT,
        email.traceparent,
        since=attempt.begun,
        until=attempt.ended,
        failed=attempt.outcome in (AttemptOutcome.FAILED, AttemptOutcome.UNCLEAR),
        attributes={
            "email.id": email.id,
            "email.attempt.stage": attempt.stage.value,
            "email.attempt.outcome": attempt.outcome.value,
            "smtp.response.code": attempt.code,
            "request.id": email.request_id,
        },
    )
