"""What a delivery attempt means for its e-mail, for the queue and for the recipient's domain. Pure."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from services.models import AttemptOutcome, AttemptStage

ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:\s|$)")
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]+")
LONGEST_TEXT = 500

SESSION_STAGES = frozenset({AttemptStage.CONNECT, AttemptStage.TLS, AttemptStage.LOGIN})
LOGIN_REFUSED = frozenset({530, 534, 535, 538})
"""RFC 4954: this session may not send at all, whatever the message."""

SLOW_DOWN = frozenset({421, 450, 454})
SLOW_DOWN_ENHANCED = re.compile(r"4\.(?:7\.\d+|3\.2|4\.5)")
"""RFC 3463: policy (greylisting, rate limits), system not accepting, system congestion."""


class Ending(StrEnum):
    """How an attempt ended."""

    REPLY = "reply"
    """The server's reply decided it."""

    LOST = "connection lost"
    TIMEOUT = "no reply in time"
    GARBLED = "reply not understood"
    INSECURE = "no secure connection"
    UNCONFIGURED = "login not possible"

    UNBUILDABLE = "no message can be made of it"
    CRASHED = "internal error"

    ABANDONED = "not begun"
    """We stopped before DATA: the lease was lost, the database didn't answer, or the worker ends."""


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """How far one attempt got and what ended it; at `BODY` the final dot may have reached the server."""

    stage: AttemptStage
    ending: Ending
    code: int | None = None
    text: str = ""

    @property
    def enhanced(self) -> str | None:
        """The enhanced status code (RFC 3463) the reply began with."""
        match = ENHANCED.match(self.text)
        return match[1] if match else None

    @property
    def words(self) -> str:
        """What to tell a person: the server's words, else what happened and when."""
        if self.code is not None:
            return f"{self.code} {self.text}".strip()
        return f"{self.stage.value}: {self.ending.value}" + (f" ({self.text})" if self.text else "")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from a result.

    Attributes:
        outcome: what becomes of the e-mail. `RELEASED`: back to the queue, no attempt counted.
        pause_queue: the trouble is the mail server's or ours, so no other e-mail would fare better now.
        slow_domain: the recipient's domain asked for patience.
    """

    outcome: AttemptOutcome
    pause_queue: bool = False
    slow_domain: bool = False


def judge(result: DeliveryResult) -> Verdict:
    """Return what follows from a result."""
    if result.stage is AttemptStage.ACCEPTED:
        return Verdict(AttemptOutcome.SENT)
    if result.ending is Ending.ABANDONED:
        return Verdict(AttemptOutcome.RELEASED)
    if result.ending is Ending.UNBUILDABLE:
        return Verdict(AttemptOutcome.FAILED)
    if result.ending is Ending.CRASHED and result.stage is not AttemptStage.BODY:
        return Verdict(AttemptOutcome.RETRY)
    if result.stage in SESSION_STAGES:
        return Verdict(AttemptOutcome.RELEASED, pause_queue=True)
    if result.ending is Ending.REPLY and result.code is not None and 400 <= result.code <= 599:
        return _judge_refusal(result, result.code)
    if result.stage is AttemptStage.BODY:
        return Verdict(AttemptOutcome.UNCLEAR)
    # The recipient has no part in MAIL, so trouble there is the server's; the e-mail still waits its turn,
    # lest one that upsets the server is tried for ever before all others.
    return Verdict(AttemptOutcome.RETRY, pause_queue=result.stage is AttemptStage.MAIL)


def _judge_refusal(result: DeliveryResult, code: int) -> Verdict:
    if code in LOGIN_REFUSED:
        return Verdict(AttemptOutcome.RELEASED, pause_queue=True)
    if code >= 500:
        return Verdict(AttemptOutcome.FAILED)
    if result.stage is AttemptStage.MAIL:
        return Verdict(AttemptOutcome.RETRY, pause_queue=code == 421)
    slow = code in SLOW_DOWN or bool(SLOW_DOWN_ENHANCED.fullmatch(result.enhanced or ""))
    return Verdict(AttemptOutcome.RETRY, slow_domain=slow)


def readable(text: str) -> str:
    """Return a server's words as the database can hold them: without control characters, at most 500 long."""
    decoded = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return UNPRINTABLE.sub(" ", decoded).strip()[:LONGEST_TEXT]


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits that double up to a cap; jitter takes off up to half, so that not all come back together."""

    base: timedelta
    cap: timedelta

    @classmethod
    def of_seconds(cls, base: float, cap: float) -> Self:
        """Return a back-off whose base and cap are given in seconds."""
        return cls(timedelta(seconds=base), timedelta(seconds=cap))

    def wait(self, failures: int, jitter: float) -> timedelta:
        """Return how long to wait after the given number of failures (from 1); `jitter` is in [0, 1)."""
        doublings = min(max(failures, 1) - 1, 30)
        return min(self.base * 2**doublings, self.cap) * (1 - jitter / 2)


@dataclass(frozen=True, slots=True)
class RetryPlan:
    """Whether a refused e-mail is tried again, and when."""

    backoff: Backoff
    max_age: timedelta

    def next_attempt(
        self, *, retries: int, queued_at: datetime, now: datetime, jitter: float
    ) -> datetime | None:
        """Return when to try again after `retries` earlier retries, or None to give up.

        The last attempt is made when the e-mail reaches its maximum age.
        """
        end = queued_at + self.max_age
        if now >= end:
            return None
        return min(now + self.backoff.wait(retries + 1, jitter), end)
